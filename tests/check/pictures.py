"""Pictures for the check, made of the portraits of `photos`.

`BAD` has for each name how the picture is made and the code that it must raise; `GOOD` has those without a warning.
"""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from tests.check.photos import Face, admiral, astronaut, right_half, tone


def fingers(photo, share=1.0):
    """Four fingers from the side."""
    face = Face(photo)
    for number in range(4):
        y, wide = -0.16 + 0.11 * number, face.long(0.125)
        start, end = face.at(-0.3, y), face.at(0.6, y + 0.1)
        cv2.line(face.image, start, end, tone(face.skin, share * (0.94 + 0.04 * number)), wide, cv2.LINE_AA)
        low = (0, wide // 2)
        cv2.line(face.image, np.add(start, low), np.add(end, low), tone(face.skin, 0.62), wide // 8 + 1, cv2.LINE_AA)
    return face.image


def raised(photo):
    """Four fingers from below."""
    face = Face(photo)
    for number in range(4):
        x, wide = -0.2 + 0.13 * number, face.long(0.14)
        cv2.line(face.image, face.at(x, -0.13), face.at(x, 0.8), tone(face.skin, 0.95), wide, cv2.LINE_AA)
        edge = (face.at(x + 0.065, -0.1), face.at(x + 0.065, 0.8))
        cv2.line(face.image, *edge, tone(face.skin, 0.6), wide // 8 + 1, cv2.LINE_AA)
    return face.image


def palm(photo, share=0.93):
    face = Face(photo)
    shape = face.polygon((-0.3, -0.16), (0, -0.2), (0.32, -0.13), (0.36, 0.2), (0.3, 0.6), (-0.25, 0.6), (-0.36, 0.15))
    cv2.fillPoly(face.image, [shape], tone(face.skin, share), cv2.LINE_AA)
    return face.image


def face_mask(photo, colour):
    """A surgical mask with its folds."""
    face = Face(photo)
    shape = face.polygon(
        (-0.38, -0.2), (0, -0.26), (0.38, -0.2), (0.36, 0.1), (0.2, 0.3), (0, 0.36), (-0.2, 0.3), (-0.36, 0.1)
    )
    cv2.fillPoly(face.image, [shape], colour, cv2.LINE_AA)
    for y in (-0.08, 0.04, 0.15):
        cv2.line(face.image, face.at(-0.36, y), face.at(0.36, y), tone(colour, 0.85), face.long(0.01), cv2.LINE_AA)
    return face.image


def microphone(photo):
    face = Face(photo)
    cv2.line(face.image, face.at(0, 0.05), face.at(0.2, 1), (30, 30, 30), face.long(0.13), cv2.LINE_AA)
    cv2.circle(face.image, face.at(0, 0.05), face.long(0.2), (40, 40, 42), -1, cv2.LINE_AA)
    cv2.circle(face.image, face.at(-0.06, -0.01), face.long(0.06), (95, 95, 98), -1, cv2.LINE_AA)
    return face.image


def bar(photo, colour):
    face = Face(photo)
    shape = face.polygon((-0.35, -0.12), (0.35, -0.12), (0.35, 0.13), (-0.35, 0.13))
    cv2.fillPoly(face.image, [shape], colour)
    return face.image


def banner(photo):
    """White text on blue: its details are as fine as those of lips."""
    face = Face(photo)
    shape = face.polygon((-0.6, -0.13), (0.6, -0.13), (0.6, 0.14), (-0.6, 0.14))
    cv2.fillPoly(face.image, [shape], (160, 40, 30))
    size, thick = face.long(1) / 190, max(1, face.long(0.015))
    cv2.putText(face.image, "BREAKING NEWS", face.at(-0.55, 0.07), 0, size, (255, 255, 255), thick, cv2.LINE_AA)
    return face.image


def pixelated(photo):
    face = Face(photo)
    (left, top), (right, bottom) = face.at(-0.3, -0.2), face.at(0.3, 0.22)
    part = cv2.resize(face.image[top:bottom, left:right], (5, 4), interpolation=cv2.INTER_AREA)
    size = (right - left, bottom - top)
    face.image[top:bottom, left:right] = cv2.resize(part, size, interpolation=cv2.INTER_NEAREST)
    return face.image


def blurred(photo, share):
    face = Face(photo)
    return cv2.GaussianBlur(face.image, (0, 0), share * face.height)


def moved(photo, share, angle):
    face = Face(photo)
    size = face.long(share)
    line = np.zeros((size, size), np.float32)
    line[size // 2] = 1
    line = cv2.warpAffine(line, cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), angle, 1), (size, size))
    return cv2.filter2D(face.image, -1, line / line.sum())


def turned(photo, angle, scale=0.8):
    face = Face(photo)
    height, width = face.image.shape[:2]
    turn = cv2.getRotationMatrix2D(tuple(map(float, face.mouth)), angle, scale)
    turn[:, 2] += np.array([width / 2, height / 2]) - face.mouth
    return cv2.warpAffine(face.image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def on_canvas(photo, pixels, width=1280, height=720, x=0.5):
    """The photo in a larger, plain picture, with a face of so many pixels."""
    face = Face(photo)
    scale = pixels / face.height
    small = cv2.resize(face.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((height, width, 3), (120, 140, 110), np.uint8)
    left = min(max(0, round(width * x - small.shape[1] / 2)), max(0, width - small.shape[1]))
    small = small[:height, : width - left]
    canvas[height - len(small) :, left : left + small.shape[1]] = small
    return canvas


def below(photo, y):
    """The picture ends so far below the mouth."""
    face = Face(photo)
    return face.image[: face.at(0, y)[1]]


def beside(photo, x):
    """The picture ends so far beside the mouth."""
    face = Face(photo)
    return face.image[:, : face.at(x, 0)[0]]


def thumbnail(photo, pixels):
    face = Face(photo)
    return cv2.resize(face.image, None, fx=pixels / face.height, fy=pixels / face.height, interpolation=cv2.INTER_AREA)


def levels(photo, gain, offset=0.0):
    return np.clip(photo() * gain + offset, 0, 255).astype(np.uint8)


def noisy(photo, deviation):
    image = photo()
    return np.clip(image + np.random.default_rng(1).normal(0, deviation, image.shape), 0, 255).astype(np.uint8)


def grey(photo):
    return cv2.cvtColor(photo(), cv2.COLOR_BGR2GRAY)


def see_through(photo):
    """With an alpha channel: the corners are transparent."""
    image = cv2.cvtColor(photo(), cv2.COLOR_BGR2BGRA)
    image[:80, :80, 3] = 0
    return image


def close(photo, around=0.15):
    """The face fills the picture."""
    face = Face(photo)
    (left, top), (right, bottom) = face.points.min(0), face.points.max(0)
    space = around * face.height
    rows, columns = (slice(max(0, round(a - space)), round(b + space)) for a, b in ((top, bottom), (left, right)))
    return cv2.resize(face.image[rows, columns], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


def with_glasses(photo):
    face = Face(photo)
    for corner, other in ((33, 133), (362, 263)):
        middle = (face.points[corner] + face.points[other]) / 2
        where = tuple(int(v) for v in np.rint(middle))
        cv2.circle(face.image, where, face.long(0.12), (30, 25, 20), face.long(0.015), cv2.LINE_AA)
    return face.image


def quantised(photo, quality):
    return cv2.imdecode(cv2.imencode(".jpg", photo(), [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def in_a_row(*photos):
    """Faces of one size."""
    return np.hstack([on_canvas(photo, 180, 450, 600) for photo in photos])


def side_by_side(*photos):
    parts = [photo() for photo in photos]
    tall = max(len(part) for part in parts)
    return np.hstack([cv2.resize(part, (round(part.shape[1] * tall / len(part)), tall)) for part in parts])


def beside_small(photo, other, share):
    """A second person behind, with a face of that share of the first one's height."""
    face = Face(photo)
    return np.hstack([face.image, on_canvas(other, face.height * share, face.image.shape[1], face.image.shape[0])])


def scene(seed):
    """A picture without a face."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (9, 12, 3)).astype(np.uint8)
    return cv2.resize(coarse, (960, 720), interpolation=cv2.INTER_CUBIC)


def drawn_cat():
    image = np.full((600, 600, 3), 235, np.uint8)
    cv2.circle(image, (300, 330), 180, (90, 140, 190), -1, cv2.LINE_AA)
    for x in (200, 400):
        cv2.fillPoly(image, [np.array([(x - 60, 220), (x + 60, 220), (x, 90)])], (90, 140, 190), cv2.LINE_AA)
        cv2.ellipse(image, (x, 300), (30, 45), 0, 0, 360, (60, 200, 90), -1, cv2.LINE_AA)
        cv2.ellipse(image, (x, 300), (8, 42), 0, 0, 360, (10, 10, 10), -1, cv2.LINE_AA)
    return image


BLUE, WHITE, BLACK = (200, 190, 150), (238, 240, 240), (35, 35, 35)
BAD = {
    "no face: colours": (partial(scene, 1), "face.none"),
    "no face: other colours": (partial(scene, 2), "face.none"),
    "no face: black": (lambda: np.zeros((480, 640, 3), np.uint8), "face.none"),
    "no face: white": (lambda: np.full((480, 640, 3), 255, np.uint8), "face.none"),
    "no face: noise": (lambda: np.random.default_rng(0).integers(0, 255, (480, 480, 3)).astype(np.uint8), "face.none"),
    "no face: a drawn cat": (drawn_cat, "face.none"),
    "no face: a space suit": (lambda: astronaut()[260:], "face.none"),
    "small: 40 of 720 pixels": (partial(on_canvas, astronaut, 40), "face.small"),
    "small: 55 of 720 pixels": (partial(on_canvas, admiral, 55), "face.small"),
    "small: at the side": (partial(on_canvas, right_half, 45, x=0.9), "face.small"),
    "small: portrait format": (partial(on_canvas, admiral, 70, 1080, 1920), "face.small"),
    "coarse: 30 pixels in the file": (partial(thumbnail, astronaut, 30), "face.coarse"),
    "coarse: 33 pixels in the file": (partial(thumbnail, admiral, 33), "face.coarse"),
    "upside down": (partial(turned, astronaut, 180), "face.rolled"),
    "upside down, admiral": (partial(turned, admiral, 180), "face.rolled"),
    "lying": (partial(turned, astronaut, 90), "face.rolled"),
    "lying the other way": (partial(turned, admiral, -90), "face.rolled"),
    "hand": (partial(fingers, astronaut), "face.mouth_hidden"),
    "hand, admiral": (partial(fingers, admiral), "face.mouth_hidden"),
    "hand, darker": (partial(fingers, right_half, 0.8), "face.mouth_hidden"),
    "hand from below": (partial(raised, astronaut), "face.mouth_hidden"),
    "hand from below, admiral": (partial(raised, admiral), "face.mouth_hidden"),
    "palm": (partial(palm, right_half), "face.mouth_hidden"),
    "palm, admiral": (partial(palm, admiral, 0.8), "face.mouth_hidden"),
    "blue mask": (partial(face_mask, astronaut, BLUE), "face.mouth_hidden"),
    "white mask": (partial(face_mask, right_half, WHITE), "face.mouth_hidden"),
    "black mask": (partial(face_mask, admiral, BLACK), "face.mouth_hidden"),
    "microphone": (partial(microphone, astronaut), "face.mouth_hidden"),
    "microphone, admiral": (partial(microphone, admiral), "face.mouth_hidden"),
    "black bar": (partial(bar, right_half, (0, 0, 0)), "face.mouth_hidden"),
    "white bar": (partial(bar, admiral, (255, 255, 255)), "face.mouth_hidden"),
    "banner with text": (partial(banner, right_half), "face.mouth_hidden"),
    "banner with text, admiral": (partial(banner, admiral), "face.mouth_hidden"),
    "pixelated mouth": (partial(pixelated, admiral), "face.mouth_hidden"),
    "out of focus": (partial(blurred, right_half, 0.03), "face.blurred"),
    "out of focus, admiral": (partial(blurred, admiral, 0.03), "face.blurred"),
    "moved": (partial(moved, right_half, 0.2, 20), "face.blurred"),
    "moved, admiral": (partial(moved, admiral, 0.14, 100), "face.blurred"),
    "cut through the mouth": (partial(below, astronaut, 0.0), "face.cut"),
    "cut through the mouth, admiral": (partial(below, admiral, 0.02), "face.cut"),
    "two faces": (partial(side_by_side, astronaut, right_half), "face.several"),
    "two other faces": (partial(in_a_row, admiral, right_half), "face.several"),
    "three faces": (partial(in_a_row, astronaut, admiral, right_half), "face.several"),
}
GOOD = {
    "astronaut": astronaut,
    "astronaut, closer": right_half,
    "admiral": admiral,
    "grey": partial(grey, astronaut),
    "grey admiral": partial(grey, admiral),
    "transparent corners": partial(see_through, astronaut),
    "mirrored": lambda: np.ascontiguousarray(astronaut()[:, ::-1]),
    "tilted": partial(turned, astronaut, 20),
    "tilted the other way": partial(turned, admiral, -20),
    "large": lambda: cv2.resize(right_half(), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC),
    "large admiral": lambda: cv2.resize(admiral(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC),
    "wide": partial(on_canvas, astronaut, 150, 1920, 1080),
    "wide, at the side": partial(on_canvas, admiral, 200, 1920, 1080, x=0.85),
    "tall": partial(on_canvas, right_half, 220, 1080, 1920),
    "square": partial(on_canvas, admiral, 200, 800, 800),
    "face that fills the picture": partial(close, right_half),
    "admiral that fills the picture": partial(close, admiral, 0.2),
    "glasses": partial(with_glasses, right_half),
    "noise": partial(noisy, right_half, 12),
    "noisy admiral": partial(noisy, admiral, 12),
    "dim": partial(levels, right_half, 0.5),
    "dim admiral": partial(levels, admiral, 0.5),
    "bright": partial(levels, right_half, 1.3, 15),
    "pale": partial(levels, admiral, 0.5, 100),
    "strongly compressed": partial(quantised, right_half, 30),
    "strongly compressed admiral": partial(quantised, admiral, 30),
    "someone small behind": partial(beside_small, admiral, astronaut, 0.3),
    "soft": partial(blurred, right_half, 0.006),
    "hat and shoulders": lambda: np.ascontiguousarray(admiral()[:, 40:580]),
}
