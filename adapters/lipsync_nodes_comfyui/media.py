"""Converts values from ComfyUI's sockets to media of a form: a tensor becomes a file in memory."""

from __future__ import annotations

import io
import tempfile
import wave
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lipsync_nodes import InvalidRequest

if TYPE_CHECKING:
    from lipsync_nodes.host import FieldSpec

__all__ = ["media_of", "seconds_of"]

# 16-bit samples, which every WAV reader can read.
_LOUDEST: Final = 32767


def media_of(field: FieldSpec, value: Any) -> bytes | Path:
    """Return the bytes or the file that a socket's value stands for.

    Raises:
        InvalidRequest: an empty audio, several pictures where one is needed, or the wrong kind of value.

    """
    try:
        return _READERS[field.media or ""](value)
    except InvalidRequest as error:
        raise error.at(f"`{field.name}`") from None
    except (AttributeError, KeyError, TypeError, IndexError, ValueError) as error:
        kind = type(value).__name__
        raise InvalidRequest(code="comfyui.wrong_socket", field=field.name, media=field.media, kind=kind) from error


def seconds_of(value: Any) -> float | None:
    """Return how long an AUDIO, a VIDEO or a number of seconds lasts; None if that is not known."""
    if isinstance(value, int | float):
        return float(value) or None
    if isinstance(value, dict):
        return float(value["waveform"].shape[-1] / value["sample_rate"])
    return None if value is None else float(value.get_duration())


def _png(image: Any) -> bytes:
    """Encode an IMAGE (pictures, height, width, channels) or a MASK (pictures, height, width), 0 to 1."""
    from PIL import Image  # noqa: PLC0415  # comes with ComfyUI, not with the core

    if image.shape[0] != 1:
        raise InvalidRequest(code="comfyui.images", count=image.shape[0])
    levels = (image[0].detach().cpu().float().clamp(0, 1) * 255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _wav(audio: Any) -> bytes:
    """Encode an AUDIO: `waveform` (batch, channels, samples) of -1 to 1, and its `sample_rate`."""
    waveform, rate = audio["waveform"], int(audio["sample_rate"])
    if waveform.numel() == 0 or rate <= 0:
        raise InvalidRequest(code="comfyui.empty_audio")
    if waveform.shape[0] != 1:
        raise InvalidRequest(code="comfyui.audios", count=waveform.shape[0])
    samples = (waveform[0].detach().cpu().float().clamp(-1, 1) * _LOUDEST).round().short()
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(samples.shape[0])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.t().contiguous().numpy().astype("<i2").tobytes())
    return file.getvalue()


def _video(video: Any) -> Path | bytes:
    """Return the file of a VIDEO as it is; a video that the graph generated or trimmed is encoded first."""
    with suppress(AttributeError):  # older versions have no trim window, and the base class has no source
        source, trimmed = video.get_stream_source(), video.get_active_trim_window()
        if isinstance(source, str) and not any(trimmed):
            return Path(source)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "video.mp4"
        video.save_to(str(path))  # not into memory: old versions cannot do that
        return path.read_bytes()


_READERS: Final = {"image": _png, "mask": _png, "audio": _wav, "video": _video}
