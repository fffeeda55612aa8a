"""The media that a caller may name: files below the roots, URLs, small inline data."""

import os
from pathlib import Path

import pytest

from lipsync_nodes import Asset, InvalidRequest
from lipsync_nodes.agents import Roots
from lipsync_nodes.media._open import opened


@pytest.fixture
def roots(tmp_path):
    for name in ("one", "two", "beside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.png").touch()
    (tmp_path / "one" / "deep").mkdir()
    return Roots([tmp_path / "one", tmp_path / "two"])


def test_a_path_is_found_in_any_root(roots, tmp_path):
    one = (tmp_path / "one" / "one.png").resolve()
    for given in ("one.png", "./one.png", str(one), one.as_uri()):
        assert roots.media("image", given).source == one
    assert roots.media("image", "two.png").source.parent.name == "two"
    assert roots.media("image", "nowhere.png").source.parent.name == "one", (
        "the error of the form says that it is missing"
    )


@pytest.mark.parametrize(
    "given",
    [
        "../beside/beside.png",
        "deep/../../beside/beside.png",
        "deep/../one.png",
        "..\\beside\\beside.png",
        "/etc/passwd",
        "file:///etc/passwd",
        "file://other.example/share/face.png",
        "C:\\Users\\me\\face.png",
        "c:face.png",
        "\\\\server\\share\\face.png",
        "//server/share/face.png",
        "a\0b",
        "a\ud800",
        "FILE:///etc/passwd",
        "~/face.png/../..",
    ],
)
def test_a_path_that_leads_out_is_refused(roots, given):
    with pytest.raises(InvalidRequest) as refused:
        roots.media("image", given)
    assert refused.value.code == "roots.outside"


def test_links_count_as_what_they_lead_to(roots, tmp_path):
    one = tmp_path / "one"
    (one / "out.png").symlink_to(tmp_path / "beside" / "beside.png")
    (one / "folder").symlink_to(tmp_path / "beside", target_is_directory=True)
    (one / "in.png").symlink_to(one / "one.png")
    (one / "other.png").symlink_to(tmp_path / "two" / "two.png")
    for given in ("out.png", "folder/beside.png"):
        with pytest.raises(InvalidRequest):
            roots.media("image", given)
    assert roots.media("image", "in.png").source == (one / "one.png").resolve()
    assert roots.media("image", "other.png").source == (tmp_path / "two" / "two.png").resolve()


@pytest.mark.parametrize("part", ["one/deep/face.png", "one/deep"], ids=["the file", "its folder"])
def test_a_file_that_becomes_a_link_after_the_look_is_not_read(roots, tmp_path, part):
    (tmp_path / "one/deep/face.png").write_bytes(b"inside")
    (tmp_path / "beside/face.png").write_bytes(b"secret")
    asset = roots.media("image", "deep/face.png")
    with opened(asset) as file:
        assert file.read() == b"inside"
    (tmp_path / part).rename(tmp_path / "moved")
    (tmp_path / part).symlink_to(tmp_path / "beside" / part.removeprefix("one/deep").lstrip("/"))
    with pytest.raises(InvalidRequest) as refused, opened(asset):
        pass
    assert refused.value.code == "media.replaced"


def test_a_name_that_only_begins_like_a_root_is_outside(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one2").mkdir()
    (tmp_path / "one2" / "face.png").touch()
    with pytest.raises(InvalidRequest):
        Roots([tmp_path / "one"]).media("image", str(tmp_path / "one2" / "face.png"))


def test_a_url_is_unchanged(roots):
    for url in ("https://x.example/a%20b.png?sig=1", "http://x.example/", "ftp://x.example/a.png"):
        assert roots.media("image", url) == url


def test_inline_data(roots):
    assert roots.media("image", "data:image/png;base64,AAAA") == Asset(b"\0\0\0", "image/png")
    assert roots.media("image", "data:;base64,AAAA") == Asset(b"\0\0\0", None)
    assert roots.media("image", "DATA:image/png;BASE64,AAAA") == Asset(b"\0\0\0", "image/png")
    largest = "data:image/png;base64," + "AAAA" * ((2 << 20) // 3)
    assert len(roots.media("image", largest).source) <= 2 << 20
    for given, code in {
        "data:image/png,AAAA": "roots.not_base64",
        "data:image/png;base64,A!": "roots.not_base64",
        "data:image/png;base64,": "roots.not_base64",
        largest + "AAAAAAAA": "roots.inline_too_large",
    }.items():
        with pytest.raises(InvalidRequest) as refused:
            roots.media("image", given)
        assert refused.value.code == code
        assert len(str(refused.value)) < 200


def test_without_roots_no_path_is_read():
    with pytest.raises(InvalidRequest, match="no folder may be read"):
        Roots([]).media("image", str(Path(os.sep) / "face.png"))
    with pytest.raises(InvalidRequest, match="no folder to save videos"):
        _ = Roots([]).first
