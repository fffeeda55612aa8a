"""Whether the blinks in a talking photo look like blinks, measured on the region of the eyes.

Thresholds were set on 51 renders of photographs whose blinks were judged by eye first.
"""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np

from tests.quality.tracks import Track

_SIDE = 96  # pixels of an eye's patch; the eye is half of it wide
_HALF = 8  # frames: before and after half a blink the eyes are open
_CHANGE, _MORE = 16, 2.2  # levels, and times the change of the brow: less than that no eye closes
_SHIFTS = (-4, -2, 0, 2, 4)  # pixels by which a patch may jump, because the mesh's points do when the mouth moves
_SHUT = 0.4  # of the open eye's height: a closed one is seen less high
_DARK = -30  # L*: so much darker than its skin a lid is a smudge
_LINE = 0.6  # of the open eye's contrast: a closed one shows its lashes with more
_LID, _EYE = (slice(40, 52), slice(34, 62)), (slice(44, 62), slice(28, 68))
_BROW = slice(10, 34), slice(24, 72)
_SKIN = (slice(22, 34), slice(30, 66)), (slice(70, 84), slice(30, 66))


def broken_blink(frames: list[np.ndarray], track: Track) -> str:
    """Say what is wrong with the strongest blink of a face that the mesh follows; nothing if all is well."""
    seen = [number for number, face in enumerate(track.faces) if face]
    if len(seen) < 3 * _HALF:
        return ""
    eyes = [_patches(frames, track, seen, corners) for corners in ((33, 133), (362, 263))]
    # Both eyes blink. The far eye of a turned head changes alone, because the mesh's points jump at the outline.
    changes, brow = (np.min([_changes(patches, part) for patches in eyes], axis=0) for part in (_EYE, _BROW))
    number = int(np.argmax(changes))
    if changes[number] < max(_CHANGE, _MORE * brow[number]):
        return ""
    heights = np.array([track.faces[at].eyes for at in seen])  # type: ignore[union-attr]
    least = heights[max(number - 3, 0) : number + 4].min() / np.median(heights)
    if least > _SHUT:
        return f"does not close ({least:.2f} of its height)"
    pairs = [(patches[number - _HALF], patches[number]) for patches in eyes]
    shade = float(np.mean([_shade(*pair) for pair in pairs]))
    if shade < _DARK:
        return f"dark lids ({shade:.0f} L*)"
    line = max(_line(shut) / max(_line(wide), 1) for wide, shut in pairs)
    return f"no lashes ({line:.2f} of the contrast)" if line < _LINE else ""


def _changes(patches: np.ndarray, which: tuple[slice, slice]) -> np.ndarray:
    """Give for each frame by how much a part of it differs from those before and after a blink, in levels."""
    change = np.zeros(len(patches))
    for number in range(_HALF, len(patches) - _HALF):
        part = patches[number, *which]
        beside = [patches[number + step] for step in (-_HALF, _HALF)]
        change[number] = min(np.abs(part - other).mean() for patch in beside for other in _shifted(patch, which))
    return change


def _shifted(patch: np.ndarray, which: tuple[slice, slice]) -> list[np.ndarray]:
    """Give a part of a patch, and the same moved by some pixels."""
    rows, columns = which
    return [
        patch[rows.start + down : rows.stop + down, columns.start + right : columns.stop + right]
        for down, right in product(_SHIFTS, _SHIFTS)
    ]


def _patches(frames: list[np.ndarray], track: Track, seen: list[int], corners: tuple[int, int]) -> np.ndarray:
    """Cut an eye out of each frame. Its place in the face is fixed, because points jump when an eye closes."""
    points = np.array([track.faces[number].points for number in seen])  # type: ignore[union-attr]
    middle = points.mean(1)
    outer, inner = points[:, corners[0]], points[:, corners[1]]
    place, axis = np.median((outer + inner) / 2 - middle, 0), np.median(inner - outer, 0)
    scale = _SIDE / 2 / np.linalg.norm(axis)
    angle = -np.arctan2(axis[1], axis[0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cuts = []
    for number, centre in zip(seen, middle + place, strict=True):
        shift = np.array([_SIDE / 2, 0.55 * _SIDE]) - turn @ centre
        to = np.hstack([turn, shift[:, None]])
        cuts.append(cv2.warpAffine(frames[number], to, (_SIDE, _SIDE), flags=way, borderMode=cv2.BORDER_REPLICATE))
    return np.array(cuts, np.float32)


def _shade(wide: np.ndarray, shut: np.ndarray) -> float:
    """Give by how much a closed lid is lighter than the skin above and below the open eye."""
    skin = np.concatenate([_lightness(wide)[part].ravel() for part in _SKIN])
    return float(np.median(_lightness(shut)[_LID]) - np.median(skin))


def _line(patch: np.ndarray) -> float:
    """Give the contrast of the darkest line along the eye with the skin over it."""
    grey = cv2.GaussianBlur(patch.mean(-1), (0, 0), 1)
    return float(np.median(np.percentile(grey[36:70, 32:64], 80, axis=0) - grey[44:70, 32:64].min(0)))


def _lightness(patch: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(patch / 255, cv2.COLOR_BGR2Lab)[..., 0]
