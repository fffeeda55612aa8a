"""Dubbing: redraws the mouth of one face through a film, with the teeth that the film itself shows at other times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lipsync_nodes.perception.arrays import floats
from lipsync_nodes.perception.speech.curve import opening
from lipsync_nodes.sandbox.preview.mouth.edges import edges_of, widened
from lipsync_nodes.sandbox.preview.mouth.light import light_of
from lipsync_nodes.sandbox.preview.mouth.lips import Frame, Lips
from lipsync_nodes.sandbox.preview.mouth.own import OwnMouth, worth
from lipsync_nodes.sandbox.preview.mouth.paint import Palette
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet

if TYPE_CHECKING:
    from lipsync_nodes.perception.arrays import Floats, Image
    from lipsync_nodes.perception.faces.finder import Face

_BETTER = 1.15  # another mouth is worth so much more than the one that is shown
_CLOSED = 0.05  # at an opening below this, another mouth is not noticed
_STEADY = 0.7  # the light of a frame counts by the rest
_CALM = 0.5  # and so do the edges of its lips


@dataclass(frozen=True, slots=True)
class Mouth:
    """The mouth in one frame: its lips, and the colours in the light of that frame."""

    lips: Lips
    palette: Palette


class Dubbing:
    """The mouth of one face, and what the film has shown of it so far."""

    def __init__(self) -> None:
        """Begin without any frame."""
        self._palette: Palette | None = None
        self._own: OwnMouth | None = None
        self._next: OwnMouth | None = None
        self._worth = 0.0
        self._edges = floats([0, 0])

    def see(self, image: Image, face: Face, *, clear: bool = True) -> Mouth:
        """Look at a frame. Call it for the frames in order, some frames ahead of `draw`.

        What a frame shows of the mouth is kept if that is ``clear``: nothing is before it.
        """
        frame = Frame.of(face)
        lips = self._lips(image, face, frame)
        self._palette = self._lit(image, face)
        if clear:
            self._remember(image, face, frame, lips, self._palette)
        return Mouth(lips, self._palette)

    def draw(self, image: Image, onto: Image, face: Face, mouth: Mouth, values: Floats) -> None:
        """Redraw a mouth of ``image`` that was seen in ``onto``, a copy of it. Call it for the frames in order."""
        if self._next and (self._own is None or float(opening(values)) < _CLOSED):
            self._own, self._next = self._next, None
        Puppet(face, image, mouth.lips, jaw=False).draw(image, onto, values, replace(mouth.palette, own=self._own))

    def _lips(self, image: Image, face: Face, frame: Frame) -> Lips:
        """Return the lips. Their edges are smoothed over time."""
        lips = Lips.of(face, frame)
        gap = max(lips.gap, 1e-3)
        self._edges = floats(self._edges + (1 - _CALM) * (edges_of(lips, frame, image) / gap - self._edges))
        return widened(lips, self._edges * gap)

    def _lit(self, image: Image, face: Face) -> Palette:
        """Return the palette in the light of the frame, which is smoothed over time."""
        if self._palette is None:
            return replace(Palette.of(image, face), own=None)
        last = self._palette.light
        return self._palette.lit(floats(last + (1 - _STEADY) * (light_of(image, face) - last)))

    def _remember(self, image: Image, face: Face, frame: Frame, lips: Lips, palette: Palette) -> None:
        """Keep the mouth of this frame if it is worth more than the best so far."""
        least = _BETTER * self._worth
        found = worth(image, frame, lips, palette.light, least)
        if found > least:
            self._worth = found
            self._next = OwnMouth.of(image, face, lips, frame, palette.light)
