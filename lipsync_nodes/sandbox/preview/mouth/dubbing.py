"""Dubbing: redraws the mouth of one face through a film."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_nodes.sandbox.preview.mouth.paint import Palette
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet

if TYPE_CHECKING:
    from lipsync_nodes.perception.arrays import Floats, Image
    from lipsync_nodes.perception.faces.finder import Face


class Dubbing:
    """The mouth of one face, and what the film has shown of it so far."""

    def __init__(self) -> None:
        """Begin without any frame."""
        self._palette: Palette | None = None

    def draw(self, image: Image, onto: Image, face: Face, values: Floats) -> None:
        """Redraw the mouth of ``image`` in ``onto``, a copy of it. Call it for the frames in order."""
        self._palette = self._palette or Palette.of(image, face, moving=True)
        Puppet(face, image).draw(image, onto, values, self._palette)
