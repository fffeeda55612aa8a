"""Contact sheets: what was rendered, for the eye, which is the judge."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 85)
_SIDE, _SHARES = 240, (0.0, 0.2, 0.4, 0.55, 0.7, 0.85, 0.95, 1.0)


def sheet(look, path: Path) -> None:
    """Show the first face over a clip: above in time, below from the least open mouth to the widest."""
    count = len(look.frames)
    in_time = [round(share * (count - 1)) for share in np.linspace(0, 1, len(_SHARES))]
    order = np.argsort(np.nan_to_num(look.openings[0]))
    by_opening = [int(order[round(share * (count - 1))]) for share in _SHARES]
    rows = [np.hstack([_cell(look, number, 0.68) for number in in_time])]
    rows.append(np.hstack([_cell(look, number, 0.36, below=0.25) for number in by_opening]))
    cv2.imwrite(str(path), np.vstack(rows), _JPEG)


def strip(look, path: Path) -> None:
    """Show six moments in a row, by turns of a mouth that is shut and of one that is open; two people side by side."""
    parts = np.array_split(np.arange(len(look.frames)), 6)
    gaps = np.nan_to_num(look.openings[0])
    numbers = [int(part[(np.argmin, np.argmax)[n % 2](gaps[part])]) for n, part in enumerate(parts)]
    if len(look.openings) > 1:
        cells = [_small(look.frames[n]) for n in numbers[1::2]]
    else:
        cells = [_cell(look, n, 0.75, label=False) for n in numbers]
    row = np.hstack(cells)
    scale = 936 / row.shape[1]
    cv2.imwrite(str(path), cv2.resize(row, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), _JPEG)


def blink_sheet(look, path: Path) -> None:
    """Show the eyes around the moment when they are the most closed."""
    lowest = int(np.nanargmin(look.eyes))
    numbers = np.clip(np.arange(lowest - 4, lowest + 6), 0, len(look.frames) - 1)
    cv2.imwrite(str(path), np.hstack([_cell(look, int(n), 0.36, below=-0.15) for n in numbers]))


def whole_sheet(look, path: Path) -> None:
    """Show whole frames over a clip."""
    numbers = np.linspace(0, len(look.frames) - 1, 8).round().astype(int)
    shown = [_small(look.frames[n]) for n in numbers]
    cv2.imwrite(str(path), np.vstack([np.hstack(shown[:4]), np.hstack(shown[4:])]))


def wild_sheet(frames: list[np.ndarray], track, path: Path, *, film: bool) -> None:
    """Show one face: over time in a film; in a photo from the least open mouth to the widest, and around a blink."""
    count = len(frames)
    in_time = np.linspace(0, count - 1, 9).round().astype(int).tolist()
    if track is None:
        cells = [_small(frames[n]) for n in in_time[::2]]
    else:
        order, eyes = np.argsort(np.nan_to_num(track.openings)), [f.eyes if f else np.inf for f in track.faces]
        blink = int(np.argmin(eyes))
        posed = [int(order[round(share * (count - 1))]) for share in (0, 0.5, 0.75, 0.9, 1)]
        numbers = in_time if film else [*posed, *np.clip([blink - 4, blink - 1, blink, blink + 3], 0, count - 1)]
        cells = [_face_cell(frames[n], _nearest(track, n)) for n in numbers]
    row = np.hstack(cells)
    cv2.imwrite(str(path), cv2.putText(row, path.stem, (4, 14), 0, 0.5, (80, 255, 255), 1, cv2.LINE_AA), _JPEG)


def _nearest(track, number: int):
    """Give the face of a track in the frame that is nearest to one."""
    return track.faces[min((abs(n - number), n) for n, face in enumerate(track.faces) if face)[1]]


def _face_cell(frame: np.ndarray, face) -> np.ndarray:
    """Cut a square around all of a face."""
    (left, top), (right, bottom) = face.points.min(0), face.points.max(0)
    scale = _SIDE / (1.5 * max(right - left, bottom - top))
    place = np.array(
        [[scale, 0, _SIDE / 2 - scale * (left + right) / 2], [0, scale, _SIDE / 2 - scale * (top + bottom) / 2]]
    )
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.warpAffine(frame, place, (_SIDE, _SIDE), flags=way, borderMode=cv2.BORDER_REPLICATE))


def _small(frame: np.ndarray) -> np.ndarray:
    """Scale a frame to the height of a cell."""
    scale = _SIDE / frame.shape[0]
    return np.asarray(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _cell(look, number: int, reach: float, below: float = 0.0, *, label: bool = True) -> np.ndarray:
    """Cut a square around a face, or a part of it."""
    centre, height = look.centres[number]
    scale = _SIDE / (2 * reach * height)
    place = np.array(
        [[scale, 0, _SIDE / 2 - scale * centre[0]], [0, scale, _SIDE / 2 - scale * (centre[1] + below * height)]]
    )
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cell = cv2.warpAffine(look.frames[number], place, (_SIDE, _SIDE), flags=way, borderMode=cv2.BORDER_REPLICATE)
    if not label:
        return np.asarray(cell)
    return np.asarray(cv2.putText(cell, str(number), (4, 14), 0, 0.42, (80, 255, 80), 1, cv2.LINE_AA))
