"""Turns a VIDEO into a file to send: its own file if nothing was edited, otherwise what it encodes."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from comfy.model_management import InterruptProcessingException
from comfy_api.v0_0_2 import InputImpl, Types

from lipsync_nodes import InvalidRequest, LipsyncError

from .tensors import frames_of, samples_of

__all__ = ["film_of"]


def film_of(video: Any) -> Path | bytes:
    """Return the file of a VIDEO as it is, or the encoded video if the graph generated or edited it.

    Raises:
        InvalidRequest: it cannot be encoded.

    """
    source = _unedited_file(video)
    if isinstance(source, BytesIO):
        return source.getvalue()
    return Path(source) if isinstance(source, str) else _encoded(video)


def _unedited_file(video: Any) -> str | BytesIO | None:
    """Return the file of a VIDEO that differs in nothing from its file; None if that is not sure.

    `get_stream_source` alone proves nothing: it also returns the whole file of a film that newer versions of ComfyUI
    crop, or that a class of another pack edits. So the class must be ComfyUI's own, and everything that the object
    holds and says of itself must be what it would be without an edit.
    """
    # Versions without this method were always sent what they encode. Another file would be another job to pay for.
    if type(video) is not InputImpl.VideoFromFile or not hasattr(video, "get_active_trim_window"):
        return None
    source = video.get_stream_source()
    plain = InputImpl.VideoFromFile(source)
    same = vars(video) == vars(plain) and all(
        getattr(video, question)() == getattr(plain, question)()
        for question in ("get_active_trim_window", "get_dimensions", "get_duration")
    )
    return source if same else None


def _encoded(video: Any) -> bytes:
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "video.mp4"
            _encodable(video).save_to(str(path))  # not into memory: old versions cannot do that
            return path.read_bytes()
    except (LipsyncError, InterruptProcessingException, AttributeError):  # without the methods it is no VIDEO
        raise
    except Exception as error:  # of the codec, or of the pack that the class comes from
        raise InvalidRequest(code="comfyui.not_encoded", reason=error) from error


def _encodable(video: Any) -> Any:
    """Return a VIDEO that H.264 can encode: RGB, with an even width and height.

    An odd last row or column is cut off, which is one pixel.
    """
    generated = isinstance(video, InputImpl.VideoFromComponents)
    if not generated and not (hasattr(video, "get_dimensions") and any(side % 2 for side in video.get_dimensions())):
        return video
    parts = video.get_components()
    frames = frames_of(parts.images, "video")
    if parts.audio:
        samples_of(parts.audio)
    height, width, channels = frames.shape[1:]
    if min(height, width) < 2:  # noqa: PLR2004  # nothing would be left
        raise InvalidRequest(code="comfyui.shape", kind="video", shape=list(frames.shape))
    if (height % 2, width % 2, channels) == (0, 0, 3) and generated and parts.images.is_floating_point():
        return video
    frames = frames[:, : height // 2 * 2, : width // 2 * 2, :3]
    frames = frames.expand(-1, -1, -1, 3)
    return InputImpl.VideoFromComponents(
        Types.VideoComponents(images=frames, audio=parts.audio, frame_rate=parts.frame_rate)
    )
