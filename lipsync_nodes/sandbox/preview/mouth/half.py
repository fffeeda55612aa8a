"""Half a mouth: beside a hand that covers the other half in a photo. Nothing is painted on the hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_nodes.perception.arrays import Floats, Image, eased, floats, masked
from lipsync_nodes.perception.faces.looks import covered_half
from lipsync_nodes.sandbox.preview.mouth.lips import Frame
from lipsync_nodes.sandbox.preview.mouth.window import FACE, Window

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face

_SOFT = 0.06  # in face heights: from the middle of the mouth on, so far away all of the half that is seen moves


class HalfMouth:
    """The half of a face that stays as it is."""

    def __init__(self, window: Window, weight: Floats) -> None:
        """Keep what is outside of a weight."""
        self._window, self._weight = window, weight

    @classmethod
    def of(cls, photo: Image, face: Face) -> HalfMouth | None:
        """Look at a face whose mouth may be hidden; None if not only one half is."""
        side = covered_half(photo, face)
        window = Window.around(Frame.of(face), photo, FACE)
        if not side or window is None:
            return None
        return cls(window, eased(window.field(floats(-side * window.grid[..., 0] / _SOFT)))[..., None])

    def keep(self, photo: Image, drawn: Image) -> None:
        """Take what was drawn on the covered half back."""
        there, shown = self._window.cut(photo), self._window.cut(drawn)
        shown[:] = masked(there, shown, self._weight)
