"""What can be seen and heard in media: faces and their mouths, speech, and whether the two move together.

The sandbox renders with it, and `checks` looks at inputs and results with it. It needs the extra `check` (av, numpy,
opencv). Importing this package loads none of them; its modules do.
"""

from __future__ import annotations

import os
from typing import Final

from lipsync_nodes.errors import LipsyncError

__all__ = ["LARGEST", "LONGEST", "MediaError"]

LONGEST: Final = 600.0
"""The longest accepted media, in seconds. The upstream has the same limit."""
LARGEST: Final = 100_000_000
"""The largest accepted image, in pixels."""

# An image of some kilobytes can unpack to gigabytes. OpenCV reads this limit when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(LARGEST))


class MediaError(LipsyncError):
    """The media cannot be read, or not be rendered."""
