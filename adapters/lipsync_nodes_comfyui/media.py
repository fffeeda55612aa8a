"""Converts values from ComfyUI's sockets to media of a form: a tensor becomes a file in memory."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lipsync_nodes import InvalidRequest

from .films import film_of
from .tensors import frames_of, samples_of

if TYPE_CHECKING:
    from lipsync_nodes.host import FieldSpec

__all__ = ["media_of", "seconds_of"]

# 16-bit samples, which every WAV reader can read.
_LOUDEST: Final = 32767


def media_of(field: FieldSpec, value: Any) -> bytes | Path:
    """Return the bytes or the file that a socket's value stands for.

    Raises:
        InvalidRequest: it is empty, several where one is needed, unusable, or the wrong kind of value.

    """
    try:
        return _READERS[field.media or ""](value)
    except InvalidRequest as error:
        raise error.at(f"`{field.name}`") from None
    except (AttributeError, KeyError, TypeError, IndexError, ValueError) as error:
        kind = type(value).__name__
        raise InvalidRequest(code="comfyui.wrong_socket", field=field.name, media=field.media, kind=kind) from error


def seconds_of(field: FieldSpec, value: Any) -> float | None:
    """Return how long an AUDIO, a VIDEO or a number of seconds lasts; None if that is not known.

    Raises:
        InvalidRequest: the audio cannot be used.

    """
    if isinstance(value, int | float):
        return float(value) or None
    if isinstance(value, Mapping):
        try:
            samples, rate = samples_of(value)
        except InvalidRequest as error:
            raise error.at(f"`{field.name}`") from None
        return float(samples.shape[-1] / rate)
    return None if value is None else float(value.get_duration())


def _png(image: Any, kind: str = "image") -> bytes:
    """Encode an IMAGE or a MASK."""
    from PIL import Image  # noqa: PLC0415  # comes with ComfyUI, not with the core

    frames = frames_of(image, kind)
    if frames.shape[0] != 1:
        raise InvalidRequest(code="comfyui.images", count=frames.shape[0])
    levels = (frames[0].clamp(0, 1) * 255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(levels.squeeze(-1) if levels.shape[-1] == 1 else levels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _wav(audio: Any) -> bytes:
    """Encode an AUDIO."""
    waveform, rate = samples_of(audio)
    samples = (waveform.clamp(-1, 1) * _LOUDEST).round().short()
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(samples.shape[0])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.t().contiguous().numpy().astype("<i2").tobytes())
    return file.getvalue()


_READERS: Final = {"image": _png, "mask": lambda mask: _png(mask, "mask"), "audio": _wav, "video": film_of}
