"""Checks the tensors of IMAGE, MASK and AUDIO, so that nothing unusable is paid for, and brings them to one shape."""

from __future__ import annotations

import math
from typing import Any, Final

from lipsync_nodes import InvalidRequest

__all__ = ["frames_of", "samples_of"]

# Gray, RGB and RGBA.
CHANNELS: Final = (1, 3, 4)
# The largest value of a tensor of whole numbers.
FULL: Final = {"torch.bool": 1, "torch.uint8": 255, "torch.int16": 32768}
# Filters go a little beyond 0 and 1, and that is cut off. A picture of -1 to 1 is on another scale.
LOWEST: Final = -0.5
# A WAV cannot state a much higher one.
HIGHEST_RATE: Final = 768_000


def frames_of(tensor: Any, kind: str) -> Any:
    """Return pictures as floats of 0 to 1, of the shape (pictures, height, width, channels).

    Args:
        tensor: an IMAGE, a MASK or the frames of a VIDEO; a single picture may lack the first or the last dimension.
        kind: "image", "mask" or "video".

    Raises:
        InvalidRequest: there is no picture, its shape or its scale is another, or values are NaN or infinite.

    """
    frames = _batch(tensor, kind)
    if frames.shape[-1] not in CHANNELS:
        raise InvalidRequest(code="comfyui.shape", kind=kind, shape=list(tensor.shape))
    if frames.numel() == 0:
        raise InvalidRequest(code="comfyui.no_picture")
    frames = _floats(frames, kind, {"torch.bool", "torch.uint8"})
    if float(frames.min()) < LOWEST:
        raise _other_scale(frames, kind)
    return frames


def _batch(tensor: Any, kind: str) -> Any:
    """Add the dimensions that a single picture may lack."""
    shape = tuple(tensor.shape)
    if len(shape) == 4:  # noqa: PLR2004  # a batch
        first = kind == "mask" and shape[1] == 1 and shape[-1] not in CHANNELS
        return tensor.movedim(1, -1) if first else tensor
    if len(shape) == 3 and kind != "mask" and shape[-1] in CHANNELS:  # noqa: PLR2004  # one picture with channels
        return tensor[None]
    if len(shape) == 3 and (kind == "mask" or shape[0] == 1):  # noqa: PLR2004  # pictures without channels
        return tensor[..., None]
    if len(shape) == 2:  # noqa: PLR2004  # one picture without channels
        return tensor[None, ..., None]
    raise InvalidRequest(code="comfyui.shape", kind=kind, shape=list(shape))


def samples_of(audio: Any) -> tuple[Any, int]:
    """Return the samples of an AUDIO as floats of -1 to 1, of the shape (channels, samples), and its sample rate.

    Raises:
        InvalidRequest: it is empty, its shape, scale or sample rate is another, or values are NaN or infinite.

    """
    waveform, rate = audio["waveform"], float(audio["sample_rate"])
    shape = tuple(waveform.shape)
    batch = waveform[(None,) * (3 - len(shape))]  # a single audio may lack the first dimensions
    if batch.ndim != 3:  # noqa: PLR2004  # audios, channels, samples
        raise InvalidRequest(code="comfyui.shape", kind="audio", shape=list(shape))
    if batch.numel() == 0:
        raise InvalidRequest(code="comfyui.empty_audio")
    if batch.shape[0] != 1:
        raise InvalidRequest(code="comfyui.audios", count=batch.shape[0])
    if batch.shape[1] > batch.shape[2]:
        raise InvalidRequest(code="comfyui.shape", kind="audio", shape=list(shape))
    if not 1 <= rate <= HIGHEST_RATE:
        raise InvalidRequest(code="comfyui.sample_rate", rate=rate if math.isfinite(rate) else str(rate))
    return _floats(batch[0], "audio", {"torch.int16"}), int(rate)


def _floats(tensor: Any, kind: str, whole: set[str]) -> Any:
    """Return floats on ComfyUI's scale; of whole numbers, the types in *whole* have a known one."""
    tensor = tensor.detach().cpu()
    numbers = str(tensor.dtype)
    if tensor.is_floating_point():
        floats = tensor.float()
    elif numbers in whole:
        zero_or_one = kind != "audio" and int(tensor.max()) <= 1
        floats = tensor.float() / (1 if zero_or_one else FULL[numbers])
    else:
        raise InvalidRequest(code="comfyui.numbers", numbers=numbers.removeprefix("torch."))
    if not bool(floats.isfinite().all()):
        raise InvalidRequest(code="comfyui.not_finite")
    if float(floats.abs().mean()) > 1.01:  # noqa: PLR2004  # a white picture that rounding made a little brighter
        raise _other_scale(floats, kind)
    return floats


def _other_scale(values: Any, kind: str) -> InvalidRequest:
    least, most = (float(f"{float(value):.3g}") for value in values.aminmax())
    return InvalidRequest(code="comfyui.scale", kind=kind, least=least, most=most, lowest=-1 if kind == "audio" else 0)
