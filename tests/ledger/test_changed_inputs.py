"""One key, other inputs: refused with both named, unless a new video under that key is asked for."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from lipsync_nodes import ImageForm, InvalidRequest, LipsyncClient, SubmissionUncertain
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.ledger._inputs import unsigned
from lipsync_nodes.media import content_key, inputs_of
from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes.settings import Profile
from lipsync_nodes_pluggy import plugin_for
from tests import legacy

KEY = "sk_changed_0123456789"
URLS = {"image": "https://x/i.png", "audio": "https://x/a.mp3"}
FACE, VOICE, OTHER = MEDIA / "portrait.jpg", MEDIA / "speech_left.mp3", MEDIA / "speech_right.mp3"
DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def submit(sandbox, path):
    def submit(base_url=sandbox.base_url, key="scene-12", options=None, **fields):
        profile = Profile(api_key=KEY, base_url=base_url, account_name="ours")
        with Ledger(path) as ledger, LipsyncClient(profile=profile, ledger=ledger) as client:
            return client.submit(ImageForm(**{**URLS, **fields}), key=key, **(options or {})).id

    return submit


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"prompt": "smile"}, {"prompt": "frown"}, '`prompt` was "smile" and is "frown" now'),
        ({}, {"prompt": "frown"}, '`prompt` was not given and is "frown" now'),
        ({"seed": 1}, {}, "`seed` was 1 and is not given now"),
        ({}, {"resolution": "720p"}, '`resolution` was "480p" and is "720p" now'),
        ({"extra": {"a": [1]}}, {"extra": {"a": [2]}}, r"`a` was \[1\] and is \[2\] now"),
        ({}, {"audio": "https://x/b.mp3"}, '`audio` was "https://x/a.mp3" and is "https://x/b.mp3" now'),
        ({"audio": "https://x/a?v=1"}, {"audio": "https://x/a?v=2"}, "`audio` was"),
        ({"audio": VOICE}, {"audio": OTHER}, r"`audio` was a file \(sha256:\w{12}…\) and is a file \(sha256"),
        ({"audio": VOICE}, {}, r"`audio` was a file \(sha256:.*is \"https://x/a.mp3\" now"),
    ],
)
def test_other_inputs_under_a_key_are_refused(submit, sandbox, before, now, said):
    """The old video was given without a word."""
    job = submit(**before)
    with pytest.raises(InvalidRequest, match=said) as caught:
        submit(**now)
    assert (caught.value.job_id, caught.value.may_have_charged) == (job, False)
    assert "Nothing was sent" in str(caught.value)
    assert len(sandbox.received("submit")) == 1
    assert submit(**before) == job


S3 = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={0}&X-Amz-Credential={0}&X-Amz-Signature={0}"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (S3, ""),
        (f"versionId=7&{S3}", "?versionId=7"),
        ("AWSAccessKeyId={0}&Signature={0}&Expires=400000000{0}", ""),
        ("X-Goog-Algorithm=a&X-Goog-Signature={0}&X-Goog-Expires={0}", ""),
        ("sv=2024-01-01&st={0}&se={0}&sr=b&sp=r&sig={0}", ""),
        ("st=chapter&se=2", "?st=chapter&se=2"),
        ("Policy={0}&Signature={0}&Key-Pair-Id={0}", ""),
        ("alt=media&token={0}", "?alt=media"),
        ("q-sign-algorithm=sha1&q-ak={0}&q-signature={0}", ""),
        ("OSSAccessKeyId={0}&Expires=400000000{0}&Signature={0}", ""),
        ("", ""),
    ],
)
def test_a_url_that_was_signed_anew_is_the_same(submit, sandbox, query, kept):
    one, two = (f"https://x/a.mp3?{query.format(number)}".rstrip("?") for number in ("1", "2"))
    assert unsigned(one) == unsigned(two) == f"https://x/a.mp3{kept}"
    assert submit(audio=one) == submit(audio=two)
    assert len(sandbox.received("submit")) == 1


def test_a_local_file_is_the_same_wherever_it_is_published(submit, sandbox, tmp_path):
    """The host, the port and the path of its URL may be others each time."""
    moved = shutil.copy(VOICE, tmp_path / "moved.mp3")
    there = sandbox.base_url.replace("127.0.0.1", "localhost")
    assert submit(image=FACE, audio=VOICE) == submit(there, image=FACE.read_bytes(), audio=moved)
    assert len(sandbox.received("submit")) == 1


def test_a_new_video_under_the_key_can_be_asked_for(submit, sandbox):
    """And asking again, as the same program does after a crash, does not pay again."""
    again = {"resubmit_changed": True}
    first = submit(prompt="smile", options=again)
    second = submit(prompt="frown", options=again)
    assert second not in {first, submit(prompt="frown", key="another")}
    assert submit(prompt="frown", options=again) == submit(prompt="frown") == second
    with pytest.raises(InvalidRequest):
        submit(prompt="smile")
    assert len(sandbox.received("submit")) == 3


def test_a_changed_submit_after_an_uncertain_one_needs_both(submit, sandbox):
    sandbox.fault("cut_after", where="submit")
    with pytest.raises(SubmissionUncertain):
        submit(prompt="smile")
    with pytest.raises(InvalidRequest, match="prompt"):
        submit(prompt="frown", options={"resubmit_uncertain": True})
    with pytest.raises(SubmissionUncertain):
        submit(prompt="frown", options={"resubmit_changed": True})
    assert submit(prompt="frown", options={"resubmit_uncertain": True, "resubmit_changed": True})
    assert len(sandbox.received("submit")) == 2


def test_a_missing_job_is_not_the_new_video(submit, sandbox, path):
    """A job that was missing, and is there again when the new one is asked for, was given in its place."""
    first = submit(prompt="smile")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE submission SET state = 'missing'")
    assert submit(prompt="frown", options={"resubmit_changed": True}) != first
    with Ledger(path) as ledger:
        assert [entry.job_id for entry in ledger.entries("missing")] == [first], "it is still known, and asked for"


def test_what_was_never_sent_stands_for_nothing(submit, sandbox, path):
    """A program that died in the queue has its key taken for other inputs, without a word of paying anew."""
    submit(prompt="smile")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE submission SET state = 'waiting', lease_until = 1, job_id = NULL, job = NULL")
    assert submit(prompt="frown") == submit(prompt="frown")
    assert len(sandbox.received("submit")) == 2


@pytest.mark.parametrize("key", ["sk_changed_0123456789", "cb_" + "x" * 64])
def test_what_is_masked_is_the_same(submit, sandbox, key):
    assert submit(prompt=f"say {key}") == submit(prompt=f"say {key}")


# Rows of version 0.1 hold the form as it was sent.


@pytest.mark.parametrize(
    ("form", "fields", "same"),
    [
        (URLS, {}, True),
        ({**URLS, "resolution": "480p"}, {}, True),
        ({**URLS, "audio": "https://x/a.mp3?X-Amz-Signature=1"}, {"audio": "https://x/a.mp3?X-Amz-Signature=2"}, True),
        ({**URLS, "prompt": "smile"}, {"prompt": "frown"}, False),
        ({**URLS, "audio": f"http://127.0.0.1:1/files/{DIGEST}.mp3"}, {"audio": VOICE}, False),
        ({**URLS, "audio": "https://a.plugin.put/it/here"}, {"audio": VOICE}, True),
        ({**URLS, "more": 1}, {"extra": {"more": 1}}, True),
        ({**URLS, "more": 1}, {"extra": {"more": 2}}, False),
    ],
)
def test_a_form_of_before_is_compared_as_far_as_it_can_be(submit, sandbox, path, form, fields, same):
    legacy.write(path, {"account": "ours", "key": "scene-12", "job_id": "j1", "form": json.dumps(form)})
    if same:
        assert submit(**fields) == "j1"
    else:
        with pytest.raises(InvalidRequest, match="other inputs"):
            submit(**fields)
    assert not sandbox.received("submit")


@pytest.mark.parametrize("broken", ['{"image": "htt', "[]", "[" * 100_000, '"text"', ""])
def test_a_form_that_cannot_be_read_stands_in_no_way(submit, path, broken):
    legacy.write(path, {"account": "ours", "key": "scene-12", "job_id": "j1", "form": broken})
    assert submit() == "j1"


def test_a_content_key_says_itself_what_it_stands_for(submit, sandbox):
    form = ImageForm(**URLS)
    profile = Profile(api_key=KEY, base_url=sandbox.base_url, account_name="ours")
    assert submit(key=content_key(form, profile)) == submit(key=str(content_key(form, profile)))
    assert "audio" in inputs_of(form)


# Every face.


def cli(*words):
    command = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_on_the_command_line(sandbox, path, tmp_path, monkeypatch):
    """`--key`, and `key` in a batch's line, whose other lines go on."""
    for name, value in {"API_KEY": KEY, "BASE_URL": sandbox.base_url, "LEDGER": str(path)}.items():
        monkeypatch.setenv(f"LIPSYNC_{name}", value)
    line = ["image", "--image", URLS["image"], "--audio", URLS["audio"], "--key", "k", "--json"]
    first = json.loads(cli("submit", *line).stdout)["id"]
    refused = cli("submit", *line, "--prompt", "frown")
    assert refused.returncode == 2
    assert json.loads(refused.stdout)["id"] == first
    assert "--resubmit-changed" in refused.stderr
    assert json.loads(cli("submit", *line, "--prompt", "frown", "--resubmit-changed").stdout)["id"] != first
    lines = [{"endpoint": "image", **URLS, "key": key} for key in ("k", "k2")]
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    batch = ["run", "--batch", str(tmp_path / "jobs.jsonl"), "--out", str(tmp_path), "--poll-interval", "0.1", "--json"]
    answer = json.loads(cli(*batch).stdout)
    assert [job.get("error") for job in answer["jobs"]] == ["InvalidRequest", None]
    assert "prompt" in answer["jobs"][0]["message"]


def test_in_a_host_with_pluggy(sandbox, path):
    profile = Profile(api_key=KEY, base_url=sandbox.base_url)
    with Ledger(path) as ledger:
        nodes = plugin_for("a_host", profile=profile, ledger=ledger)
        nodes.lipsync_nodes_submit("lipsync-image", URLS, {"options": {"key": "k"}})
        with pytest.raises(InvalidRequest, match="prompt"):
            nodes.lipsync_nodes_submit("lipsync-image", {**URLS, "prompt": "x"}, {"options": {"key": "k"}})
        options = {"key": "k", "resubmit_changed": True}
        assert nodes.lipsync_nodes_submit("lipsync-image", {**URLS, "prompt": "x"}, {"options": options})
        nodes.close()
