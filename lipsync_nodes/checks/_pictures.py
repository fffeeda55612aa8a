"""What can be seen in the pictures of a form: the faces that are to speak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lipsync_nodes.checks import _faces
from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._inputs import Inputs

if TYPE_CHECKING:
    from lipsync_nodes.perception.arrays import Image
    from lipsync_nodes.perception.faces.finder import Face, FaceFinder

_LARGER: Final = 1080  # pixels of the short side, to look for tiny faces
_SIDES: Final = ("left person", "right person")


def findings(inputs: Inputs) -> Iterator[Finding]:
    """Yield what is wrong with the pictures."""
    from lipsync_nodes.perception.faces.finder import FaceFinder  # noqa: PLC0415  # needs the extra

    finder = FaceFinder()
    masks = inputs.of_kind("mask")
    for field, path in inputs.of_kind("image").items():
        inputs.limit.check()
        yield from _Picture(inputs, field, path, finder).findings(masks)


class _Picture:
    """One picture with its faces, the largest first."""

    def __init__(self, inputs: Inputs, field: str, path: Path, finder: FaceFinder) -> None:
        from lipsync_nodes.perception.pictures import read_reduced  # noqa: PLC0415  # needs the extra

        self._field, self._finder = field, finder
        self._people, self._short_side = inputs.people, inputs.short_side
        self._image, self._source = read_reduced(path, _faces.SIDE)
        self._faces, self._dark = _found(self._image, finder, self._people)
        if not self._faces and self._source > _faces.SIDE:
            self._image, _ = read_reduced(path, min(self._source, _LARGER))
            self._faces = finder.find_tiny(self._image)

    def findings(self, masks: dict[str, Path]) -> Iterator[Finding]:
        """Yield what is wrong with the faces, and with their number."""
        if not self._faces:
            yield _faces.none(self._field)
            return
        marked = [face for face in self._faces if all(self._marks(path, face) for path in masks.values())]
        if masks and not marked:
            yield from (outside_mask(name) for name in masks)
        yield from self._number(marked or self._faces)
        speakers = sorted((marked or self._faces)[: self._people], key=lambda face: float(face.centre[0]))
        for number, face in enumerate(speakers):
            yield from self._about(face, _SIDES[number] if len(speakers) > 1 else None)

    def _about(self, face: Face, person: str | None) -> Iterator[Finding]:
        from lipsync_nodes.perception.faces.looks import looks  # noqa: PLC0415  # needs the extra

        where = _faces.Where(self._field, person)
        small = _faces.size(where, face.height / min(self._image.shape[:2]), self._short_side, self._source)
        if small:
            yield small
        seen = looks(self._image, face, self._finder)
        names = dict.fromkeys(_faces.faults(seen) + (("dark",) if self._dark else ()))
        for name in names:
            if not (small and name in {"blurred", "hidden"}):  # too few pixels to tell
                yield _faces.FAULTS[name].finding(where, seen)

    def _number(self, faces: Sequence[Face]) -> Iterator[Finding]:
        """Compare the number of faces with that of the people who are to speak."""
        if self._people > 1 and len(faces) < self._people:
            yield Finding(
                code="face.one_of_two",
                severity="error",
                field=self._field,
                remedy=("two_faces",),
                facts={"found": len(faces), "wanted": self._people},
            )
        from lipsync_nodes.perception.faces.casting import RIVAL  # noqa: PLC0415  # needs the extra

        rivals = [face for face in faces if face.height >= RIVAL * faces[min(len(faces), self._people) - 1].height]
        if len(rivals) > self._people and self._people > 1:
            yield Finding(
                code="face.more_than_two",
                severity="warning",
                field=self._field,
                remedy=("two_faces",),
                facts={"found": len(rivals), "wanted": self._people},
            )
        elif len(rivals) > self._people:
            yield self._several(rivals)
        elif len(faces) > self._people:
            others = len(faces) - self._people
            yield Finding(code="face.others", severity="info", field=self._field, facts={"others": others})

    def _several(self, faces: Sequence[Face]) -> Finding:
        """Return that there are several faces, and our guess which one will speak."""
        across = round(float(faces[0].centre[0]) / self._image.shape[1] * 100)
        return Finding(
            code="face.several",
            severity="warning",
            field=self._field,
            remedy=("one_face",),
            facts={"found": len(faces), "across": across},
        )

    def _marks(self, mask: Path, face: Face) -> bool:
        """Return whether a mask marks a face's mouth."""
        from lipsync_nodes.perception.faces.casting import MARKED, marked  # noqa: PLC0415  # needs the extra
        from lipsync_nodes.perception.pictures import read_mask  # noqa: PLC0415

        height, width = self._image.shape[:2]
        return marked(read_mask(mask, width, height)[..., 0], face) >= MARKED


def outside_mask(field: str) -> Finding:
    """Return that a mask leaves the mouth out."""
    return Finding(code="face.outside_mask", severity="warning", field=field, remedy=("mark_face",))


def _found(image: Image, finder: FaceFinder, count: int) -> tuple[list[Face], bool]:
    """Find the faces, the likely speaker first. Also return whether it needed more light."""
    from lipsync_nodes.perception.faces.casting import people  # noqa: PLC0415  # needs the extra
    from lipsync_nodes.perception.pictures import lit  # noqa: PLC0415

    faces = people(image, finder, count)
    if faces or (bright := lit(image)) is None:
        return faces, False
    faces = people(bright, finder, count, thorough=False)
    return faces, bool(faces)
