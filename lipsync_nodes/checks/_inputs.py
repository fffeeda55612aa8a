"""What the checks of pictures and sound look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lipsync_nodes.checks._limit import Limit
from lipsync_nodes.service import Form, NodeSpec


@dataclass(frozen=True, slots=True)
class Inputs:
    """A form with the local files of its media.

    Attributes:
        spec: the endpoint.
        form: the form; a draft may lack fields.
        files: by field name, the files that can be read: local ones, copies of bytes, and what was fetched.
        limit: how long the check may go on. What takes long calls its `check` now and then.

    """

    spec: NodeSpec
    form: Form
    files: Mapping[str, Path]
    limit: Limit = field(default_factory=Limit)

    def of_kind(self, *kinds: str) -> dict[str, Path]:
        """Return the files of the fields with one of these kinds of media."""
        return {
            one.name: self.files[one.name] for one in self.spec.media if one.media in kinds and one.name in self.files
        }

    @property
    def people(self) -> int:
        """How many people are to speak: one for each audio."""
        return sum(one.media == "audio" for one in self.spec.media)

    @property
    def short_side(self) -> int:
        """The short side of the video in pixels."""
        return int((self.form.resolution or "480p").removesuffix("p"))
