"""Arguments that no call can use, and rows that no one can read: a sentence each, never a traceback, nothing sent."""

import math
import sqlite3

import pytest

from lipsync_nodes import ConfigurationError, ImageForm, InvalidRequest, LipsyncError
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.media import store_of
from lipsync_nodes.settings import Profile, Storage
from tests.conftest import FORMS

FORM = FORMS["image"]


def requests_to(sandbox):
    return sandbox.received("submit") + sandbox.received("poll")


SECRET = "secret_0123456789"


@pytest.mark.parametrize(
    "job_id",
    ["x" * 100_000, "x" * 2001, "a\0b", "a\nb", "\ud800", "..", "../..", "/", "", " ", None, 5, b"x", ["x"]],
    ids=lambda job_id: repr(job_id)[:20],
)
@pytest.mark.parametrize("method", ["job", "wait"])
def test_what_is_no_job_id_is_refused(face, sandbox, method, job_id):
    with pytest.raises(InvalidRequest, match="is not a job id") as caught:
        getattr(face, method)(job_id)
    assert len(str(caught.value)) < 300
    assert requests_to(sandbox) == []


@pytest.mark.parametrize("job_id", ["a/b", "é", "a b", "x" * 2000, "%2e%2e", "a?b#c"])
def test_an_unusual_job_id_is_asked_for(face, sandbox, job_id):
    with pytest.raises(LipsyncError, match="knows no job"):
        face.job(job_id)
    assert len(requests_to(sandbox)) == 1


@pytest.mark.parametrize("seconds", ["3", True, math.nan, math.inf, -1, 0, 10**400, 1e300, [3]], ids=range(9))
@pytest.mark.parametrize(
    ("method", "name"), [("job", "timeout"), ("wait", "timeout"), ("wait", "poll_interval"), ("run", "timeout")]
)
def test_what_is_no_time_is_refused(face, sandbox, method, name, seconds):
    with pytest.raises(InvalidRequest, match=rf"{name} must be a positive number of seconds") as caught:
        getattr(face, method)(FORM if method == "run" else "some-job", **{name: seconds})
    assert len(str(caught.value)) < 300
    assert requests_to(sandbox) == []


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ({"key": 5}, "key"),
        ({"key": "\ud800"}, "key"),
        ({"key": ["a"]}, "key"),
        ({"webhook": 5}, "webhook"),
        ({"webhook": "https://[::1/x"}, "webhook"),
        ({"webhook": "https://lipsync..studio/x"}, "webhook"),
        ({"webhook": "\ud800"}, "webhook"),
    ],
    ids=range(7),
)
def test_what_is_no_option_of_a_submit_is_refused(face_of, sandbox, tmp_path, option, word):
    face = face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=Ledger(tmp_path / "ledger.sqlite"))
    with pytest.raises(InvalidRequest, match=word):
        face.submit(FORM, **option)
    assert requests_to(sandbox) == []


@pytest.mark.parametrize("form", [None, {}, "lipsync-image", ImageForm], ids=range(4))
def test_what_is_no_form_is_refused(face, sandbox, form):
    for method in (face.submit, face.run):
        with pytest.raises(InvalidRequest, match="No endpoint takes"):
            method(form)
    assert requests_to(sandbox) == []


@pytest.mark.parametrize("value", ["\0", "a\0.png", "\ud800", "https://x..y/a.png", f"https://{'a' * 64}.example/a"])
def test_a_path_or_url_that_cannot_be_is_refused_by_the_form(value):
    with pytest.raises(InvalidRequest, match="`image`"):
        ImageForm(image=value, audio="https://media.example/a.mp3")


@pytest.mark.parametrize("url", ["https://media.example./a.png", "https://[::1]/a.png", "https://bücher.example/a.png"])
def test_an_unusual_host_of_media_is_taken(url):
    assert ImageForm(image=url, audio=url).image == url


@pytest.fixture
def broken(face_of, sandbox, tmp_path):
    """A ledger with two jobs; of the first, the kept JSON is cut in half."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    face = face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=ledger)
    jobs = [face.run(FORM, key=key) for key in ("first", "second")]
    ledger.close()
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.execute("UPDATE submission SET job = substr(job, 1, 20), form = substr(form, 1, 9) WHERE key = 'first'")
    db.commit()
    db.close()
    return face, ledger, jobs


def test_a_broken_row_keeps_its_job_id(broken, sandbox):
    face, ledger, (first, second) = broken
    assert [entry.job_id for entry in ledger.entries()] == [first.id, second.id]
    assert [entry.as_job.id for entry in ledger.entries()] == [first.id, second.id]
    assert face.run(FORM, key="first").output == first.output
    assert face.wait(first.id).output == first.output
    assert len(sandbox.received("submit")) == 2


def test_a_broken_row_disturbs_no_other(broken):
    face, ledger, (_, second) = broken
    assert face.run(FORM, key="second").id == second.id
    assert ledger.usual_seconds("lipsync-image") is not None


def test_text_in_a_row_that_is_not_utf8_is_read_all_the_same(broken, tmp_path):
    _, ledger, (first, _) = broken
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.execute("UPDATE submission SET reason = CAST(x'ff' AS TEXT) WHERE key = 'first'")
    db.commit()
    db.close()
    assert ledger.entries()[0].job_id == first.id


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("s3://bucket/x", "nonsense"),
        ("s3://bucket/x", "timeout"),
        ("s3://bucket/x", "allow_http"),
        ("s3://bucket/x", "aws_proxy_url"),
        ("gs://bucket/x", "timeout"),
        ("az://bucket/x", "user_agent"),
    ],
)
def test_an_unknown_storage_option_is_named(capfd, url, name):
    storage = Storage(url=url, options={"region": "x", name: SECRET} if url.startswith("s3") else {name: SECRET})
    with pytest.raises(ConfigurationError, match=name) as caught:
        store_of(Profile(storage=storage))
    assert SECRET not in str(caught.value)
    assert "panicked" not in capfd.readouterr().err
