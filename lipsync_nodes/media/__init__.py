"""Media files: measuring and publishing inputs, and downloading outputs.

Each name is loaded when it is first used, because reading a file needs no HTTP, and a download no media library.
"""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy

if TYPE_CHECKING:
    from lipsync_nodes.media._addresses import is_public, literal
    from lipsync_nodes.media._containers import is_whole
    from lipsync_nodes.media._content import content_key, inputs_of
    from lipsync_nodes.media._download import download, source_and_target
    from lipsync_nodes.media._estimate import GivenLengths, estimate_credits, known_credits
    from lipsync_nodes.media._fetch import OnProgress
    from lipsync_nodes.media._open import opened
    from lipsync_nodes.media._prepared import PreparedForm, prepared
    from lipsync_nodes.media._probe import Probe, media_seconds
    from lipsync_nodes.media._public_files import PublicFiles
    from lipsync_nodes.media._publish import published, rehearse, store_of

__all__ = [
    "GivenLengths", "OnProgress", "PreparedForm", "Probe", "PublicFiles", "content_key", "download", "estimate_credits",
    "inputs_of", "is_public", "is_whole", "known_credits", "literal", "media_seconds", "opened", "prepared",
    "published", "rehearse", "source_and_target", "store_of",
]  # fmt: skip

_HOMES = {
    "media._addresses": ("is_public", "literal"),
    "media._containers": ("is_whole",),
    "media._content": ("content_key", "inputs_of"),
    "media._download": ("download", "source_and_target"),
    "media._estimate": ("GivenLengths", "estimate_credits", "known_credits"),
    "media._fetch": ("OnProgress",),
    "media._open": ("opened",),
    "media._prepared": ("PreparedForm", "prepared"),
    "media._probe": ("Probe", "media_seconds"),
    "media._public_files": ("PublicFiles",),
    "media._publish": ("published", "rehearse", "store_of"),
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
