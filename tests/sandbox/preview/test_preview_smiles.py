"""Smiles, tongues and grey photos: what is between the lips, and beside them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.sandbox.preview.mouth.edges import lips_of
from lipsync_nodes.sandbox.preview.mouth.light import light_of
from lipsync_nodes.sandbox.preview.mouth.lips import WIDEST, Frame
from lipsync_nodes.sandbox.preview.mouth.own import teeth_end
from lipsync_nodes.sandbox.preview.mouth.paint import Palette
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet
from tests.sandbox.preview.films import PORTRAIT

TEETH, LIP, DARK = (200, 215, 225), (110, 100, 190), (25, 20, 40)
OPEN, WIDE, ROUND = np.float32([[1, 0, 0, 0, 0], [0.8, 1, 0, 0, 0], [0.32, 0, 1, 0, 0]])


@pytest.fixture(scope="module")
def smile():
    photo = read_image(PORTRAIT, 480)
    return photo, FaceFinder().find(photo)[0]


def drawn(photo, face, values, **colours):
    frame = photo.copy()
    Puppet(face, photo).draw(photo, frame, values, replace(Palette.of(photo, face), **colours))
    return frame


def filled(photo, frame, lips, share, below):
    """The photo with teeth in the upper part of the mouth, and another colour in the rest."""
    end = lips.upper_inner + share * (lips.lower_inner - lips.upper_inner)
    parts = [(lips.upper_inner, end, TEETH), (end, lips.lower_inner, below)]
    for above, under, colour in parts:
        shape = frame.out_of(np.concatenate([above, under[::-1]]))
        photo = cv2.fillPoly(photo.copy(), [np.rint(shape).astype(np.int32)], colour)
    return photo


@pytest.mark.parametrize(("below", "lip"), [(LIP, True), (DARK, False)])
def test_the_end_of_the_upper_teeth_is_found(smile, below, lip):
    photo, face = smile
    frame = Frame.of(face)
    lips = lips_of(face, frame, photo)
    end, follows = teeth_end(filled(photo, frame, lips, 0.5, below), frame, lips, light_of(photo, face))
    assert (end, follows) == (pytest.approx(0.5, abs=0.12), lip)
    assert teeth_end(filled(photo, frame, lips, 0, below), frame, lips, light_of(photo, face)) == (0, False)


def test_lips_that_smiled_close_over_most_of_the_teeth(smile):
    photo, face = smile
    lips = lips_of(face, Frame.of(face), photo)
    assert lips.teeth > 0.5
    assert lips.rest[5, 1] > replace(lips, teeth=0.0).rest[5, 1] + 0.005
    assert lips.rest[5, 1] < lips.upper_inner[5, 1] + lips.teeth * lips.gap


def red_upwards(photo, face, values):
    """The red of 60 places from the lower lip to the upper one, without teeth."""
    lips, frame = lips_of(face, Frame.of(face), photo), Frame.of(face)
    posed = lips.posed(values, face.height)
    x, top, end = posed.rest[5, 0], posed.upper_inner[5, 1], posed.lower_inner[5, 1]
    line = frame.out_of(np.float32([[x, y] for y in np.linspace(end, top, 60)]))
    picture = drawn(photo, face, values, own=None, teeth=np.zeros(3, np.float32))
    return cv2.remap(picture[..., 2], line[None, :, 0], line[None, :, 1], cv2.INTER_LINEAR)[0].astype(float)


def test_an_open_mouth_shows_a_tongue_behind_the_lower_lip(smile):
    for values in (OPEN, WIDE):
        red = red_upwards(*smile, values)
        dark = int(np.argmin(red[:20]))  # behind the lower lip
        assert red[dark:50].max() > 1.12 * red[dark]
    wide, round_ = (red_upwards(*smile, np.float32(values)) for values in ([0.8, 1, 0, 0, 0], [0.8, 0, 1, 0, 0]))
    assert wide[24:36].mean() > 1.5 * round_[24:36].mean()  # in "oo" the tongue is low and far back


def test_a_grey_photo_stays_grey(smile):
    photo, face = smile
    grey = cv2.merge([cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)] * 3)
    for values, own in ((OPEN, None), (WIDE, Palette.of(grey, face).own), (0 * OPEN, None)):
        assert int(np.ptp(drawn(grey, face, values, own=own).astype(int), axis=-1).max()) <= 2


def test_a_mouth_at_the_edge_of_a_photo_is_not_stretched_to_it(smile):
    photo, face = smile
    corner = np.rint(face.points[291]).astype(int)
    narrow = np.ascontiguousarray(photo[:, : int(corner[0] + 0.03 * face.height)])
    marked = cv2.circle(narrow.copy(), tuple(int(at) for at in corner), 2, (255, 0, 0), -1)
    rows = np.s_[corner[1] - 8 : corner[1] + 9, corner[0] - 40 :]
    before, after = (
        np.argwhere(one[rows][..., 0] > one[rows][..., 2] + 60.0)[:, 1] for one in (marked, drawn(marked, face, ROUND))
    )
    assert 0 <= before.mean() - after.mean() < 0.025 * face.height


def test_a_fold_beside_the_mouth_bends_little(smile):
    photo, face = smile
    frame = Frame.of(face)
    across = float((frame.into(face.points[291]) + frame.into(face.points[425]))[0] / 2)
    line = np.rint(frame.out_of(np.float32([[across, -0.14], [across, 0.16]]))).astype(int)
    marked = cv2.line(photo.copy(), line[0], line[1], (255, 0, 0), 2)
    after = drawn(marked, face, ROUND).astype(int)
    blue = after[line[0, 1] + 4 : line[1, 1] - 4, :, 0] - after[line[0, 1] + 4 : line[1, 1] - 4, :, 2]
    places = np.argmax(blue, 1) / face.height
    assert np.ptp(places) < 0.07


def test_a_mouth_with_bright_teeth_closes_at_lip_sounds(smile):
    """Bright teeth show in a small gap, so it is smaller than that of a dark mouth, which opens further to show."""
    photo, face = smile
    lips = lips_of(face, Frame.of(face), photo)
    almost, little, wide = (np.float32([value, 0, 0, 0, 0]) for value in (0.10, 0.25, 1))
    dark = replace(lips, teeth=0.0)
    assert lips.posed(almost, 200).gap < 0.75 * dark.posed(almost, 200).gap
    assert dark.posed(little, 200).gap > 0.35 * WIDEST > lips.posed(little, 200).gap > 0.25 * WIDEST
    assert lips.posed(wide, 200).gap == pytest.approx(dark.posed(wide, 200).gap, rel=0.02)
