"""Who pays: the API key and the server, whatever the profile's name and however the base URL is written."""

import copy
import json
import pickle
import subprocess
import sys

import pytest

from lipsync_nodes import ImageForm, LipsyncClient, SubmissionUncertain
from lipsync_nodes.flows import Accepted, Claim, Claimed, Found, Sending, Submission
from lipsync_nodes.ledger import Ledger, ledger_file
from lipsync_nodes.media import content_key
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile
from lipsync_nodes.settings._accounts import normal_base_url
from tests import legacy

A, B = "sk_account_a_0123456789", "sk_account_b_0123456789"
BASE = "https://service.example/api/v1"
FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def submit(sandbox, path):
    """Submit under a key by a client of its own, as a profile of some settings."""

    def submit(key="k", form=FORM, **settings):
        profile = Profile(**{"api_key": A, "base_url": sandbox.base_url, **settings})
        with Ledger(path) as ledger, LipsyncClient(profile=profile, ledger=ledger) as client:
            return client.submit(form, key=content_key(form, profile) if key == "content" else key).id

    return submit


@pytest.mark.parametrize("key", ["k", "content"])
def test_another_api_key_gets_a_video_of_its_own(submit, sandbox, key):
    """The same submission key gave B the video of A."""
    assert submit(key) != submit(key, api_key=B)
    assert submit(key) == submit(key)
    assert len(sandbox.received("submit")) == 2


def test_the_key_in_the_environment_says_who_pays(sandbox, path, monkeypatch):
    monkeypatch.setenv("LIPSYNC_BASE_URL", sandbox.base_url)
    ids = set()
    for key in (A, B):
        monkeypatch.setenv("LIPSYNC_API_KEY", key)
        with Ledger(path) as ledger, LipsyncClient(ledger=ledger) as client:
            ids.add(client.submit(FORM, key="k").id)
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["k", "content"])
def test_one_api_key_under_two_names_pays_once(submit, sandbox, key):
    assert submit(key, name="one") == submit(key, name="two")
    assert len(sandbox.received("submit")) == 1


@pytest.mark.parametrize("key", ["k", "content"])
def test_one_server_under_many_names_pays_once(submit, sandbox, key):
    first = submit(key)
    for host in ("localhost", "LOCALHOST", "[::1]", "[0:0:0:0:0:0:0:1]"):
        url = sandbox.base_url.replace("127.0.0.1", host)
        assert submit(key, base_url=url) == first
        assert submit(key, base_url=f"{url}/") == first
    assert len(sandbox.received("submit")) == 1


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("HTTPS://Service.Example:443/api/v1//", BASE),
        ("https://service.example./api/v1", BASE),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:80", "http://localhost"),
        ("http://[::ffff:127.0.0.1]:8787/x", "http://localhost:8787/x"),
    ],
)
def test_what_is_one_server(url, same):
    assert normal_base_url(url) == normal_base_url(same) == same


@pytest.mark.parametrize(
    "url", ["https://service.example/API/v1", "https://service.example:8443/api/v1", "http://service.example/api/v1"]
)
def test_what_is_another_server(url):
    assert normal_base_url(url) != BASE


@pytest.mark.parametrize("url", ["https://[::1/x", "https://x:port", "", "no URL"])
def test_what_is_no_url_stays_as_it_is(url):
    assert normal_base_url(url) == url


def test_an_account_reveals_no_key_and_is_the_same_everywhere():
    account = Profile(api_key=A, base_url=BASE).account
    assert account.endswith(f" {BASE}")
    assert not any(A[at : at + 6] in account for at in range(len(A) - 6))
    code = "import sys; from lipsync_nodes.settings import Profile; print(Profile(api_key=sys.argv[1]).account)"
    there = subprocess.run([sys.executable, "-c", code, A], check=True, capture_output=True, text=True).stdout
    assert there.split()[0] == account.split()[0]


def test_a_named_account_outlives_its_key(submit, sandbox):
    first = submit(account_name="ours")
    assert submit(account_name="ours", api_key=B) == first
    assert submit() != first


def test_the_account_that_was_can_be_named_when_the_key_changes(submit, sandbox):
    """The way to keep one's ledger: `doctor` shows the account."""
    first = submit()
    account = Profile(api_key=A, base_url=sandbox.base_url).account
    assert submit(api_key=B, account_name=account) == first


@pytest.fixture
def cli():
    """Run a command and return what it prints."""

    def cli(*words):
        command = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return cli


# Rows of version 0.1, whose accounts were the profile's name and base URL.


def rows(base, name="default"):
    """What was submitted by version 0.1: by key, and by content key."""
    account = legacy.account(name, base)
    return [
        {"account": account, "key": "done", "job_id": "j1"},
        {"account": account, "key": "live", "job_id": "j2", "state": "live"},
        {"account": account, "key": "lost", "state": "uncertain", "reason": "no answer came"},
        {"account": account, "key": "sent", "state": "submitting", "lease_until": 1.0, "sent_at": 1.0},
        {"account": account, "key": "failed", "state": "failed", "job_id": "j3"},
        {"account": account, "key": legacy.content_key(FORM, "lipsync-image", name, base), "job_id": "j4"},
    ]


@pytest.mark.parametrize("spelled", ["127.0.0.1", "LOCALHOST", "localhost"])
def test_what_was_paid_for_before_is_not_paid_again(submit, sandbox, path, spelled):
    before = sandbox.base_url.replace("127.0.0.1", spelled)
    legacy.write(path, *rows(before))
    assert [submit(key) for key in ("done", "live")] == ["j1", "j2"]
    for key in ("lost", "sent"):
        with pytest.raises(SubmissionUncertain):
            submit(key)
    assert submit("content", base_url=before) == "j4"
    assert not sandbox.received("submit")
    assert submit("failed") not in {"j1", "j2", "j3", "j4"}
    assert len(sandbox.received("submit")) == 1


def test_old_rows_are_those_of_the_profile_that_had_the_name(submit, sandbox, path):
    legacy.write(path, *rows(sandbox.base_url, "one"), *rows("https://other.example", "two"))
    new = submit("done", name="two")
    assert new != "j1"
    assert submit("live", name="one") == "j2"
    assert submit("done", name="one") in {new, "j1"}, "the account has one of its own by now"
    assert len(sandbox.received("submit")) == 1


def test_two_keys_of_one_name_both_find_what_the_name_has(submit, sandbox, path):
    """Version 0.1 did not write down which key paid: neither pays again."""
    legacy.write(path, *rows(sandbox.base_url))
    assert submit("done", api_key=B) == submit("done") == "j1"


def test_two_spellings_of_one_server_may_have_the_same_key(sandbox, path, submit):
    for_one, for_other = (legacy.account("default", f"http://{host}:8") for host in ("127.0.0.1", "localhost"))
    legacy.write(path, *({"account": one, "key": "k", "job_id": one[-11:]} for one in (for_one, for_other)))
    with Ledger(path) as ledger:
        assert [entry.job_id for entry in ledger.entries()] == [for_one[-11:], for_other[-11:]], "no row is lost"
        profile = Profile(api_key=A, base_url="http://[::1]:8")
        assert isinstance(ledger.record(Claim(Submission("lipsync-image", "/p", {}, key="k")), profile), Found)


@pytest.mark.parametrize(
    "other", [{"state": "waiting", "lease_until": 1.0}, {"state": "uncertain", "reason": "no answer came"}]
)
@pytest.mark.parametrize("spelled", ["127.0.0.1", "LOCALHOST"])
def test_of_two_spellings_the_one_with_a_job_keeps_its_key(submit, sandbox, path, spelled, other):
    """The row that was given up before it was sent kept the key, and the video was paid for again."""
    ours, usual = (
        legacy.account("default", sandbox.base_url.replace("127.0.0.1", host)) for host in (spelled, "localhost")
    )
    legacy.write(path, {"account": usual, "key": "k", **other}, {"account": ours, "key": "k", "job_id": "j1"})
    assert submit("k") == "j1"
    assert not sandbox.received("submit")


@pytest.mark.parametrize("key", ["k", "content"])
def test_an_account_with_a_name_keeps_its_past(submit, sandbox, path, key):
    """What `doctor` shows today is no name of version 0.1: its rows were not found, and paid for again."""
    past = legacy.content_key(FORM, "lipsync-image", "default", sandbox.base_url) if key == "content" else key
    legacy.write(path, {"account": legacy.account("default", sandbox.base_url), "key": past, "job_id": "j1"})
    account = Profile(api_key=A, base_url=sandbox.base_url).account
    assert submit(key, api_key=B, account_name=account) == "j1"
    assert not sandbox.received("submit")


def test_an_account_name_of_before_stays(submit, path):
    legacy.write(path, {"account": "ours", "key": "k", "job_id": "j1"})
    assert submit("k", account_name="ours") == "j1"


def test_what_replaces_an_uncertain_one_of_before_has_its_key(path):
    """So that whoever comes next finds one of them, and not either."""
    profile = Profile(api_key=A, base_url=BASE)
    key = content_key(FORM, profile)
    legacy.write(path, {"account": f"default {BASE}", "key": str(key.former), "state": "uncertain", "reason": "lost"})
    again = Submission("lipsync-image", "/p", {}, key=key, resubmit_uncertain=True)
    with Ledger(path) as ledger:
        claim = ledger.record(Claim(again), profile)
        assert isinstance(claim, Claimed)
        assert ledger.record(Sending(claim.row, 60), profile) is None
        ledger.record(Accepted(claim.row, Job(id="j2")), profile)
        assert ledger.record(Claim(again), profile).job.id == "j2"


def test_a_job_of_before_can_be_given_up_for_a_new_one(submit, sandbox, path):
    """As `force_new` in ComfyUI does."""
    legacy.write(path, *rows(sandbox.base_url))
    profile = Profile(api_key=A, base_url=sandbox.base_url)
    key = content_key(FORM, profile)
    with Ledger(path) as ledger:
        assert ledger.job_under(key, profile).id == "j4"
        ledger.release_key(key, profile)
    assert submit("content") != "j4"


def test_a_content_key_keeps_what_it_was_before():
    profile = Profile(api_key=A, base_url=BASE)
    key = content_key(FORM, profile)
    former = legacy.content_key(FORM, "lipsync-image", "default", BASE)
    for one in (key, pickle.loads(pickle.dumps(key)), copy.deepcopy(key)):
        assert (one.former, len(one)) == (former, 64)
    assert ("place/" + key + " 2").former == f"place/{former} 2"
    assert str("place/" + key + " 2") == f"place/{key!s} 2"
    named = Profile(api_key=A, base_url=BASE, account_name="ours")
    assert content_key(FORM, named) == content_key(FORM, named).former


def test_a_batch_of_before_finds_its_videos(cli, sandbox, tmp_path, monkeypatch):
    """Paid for and saved by version 0.1, under names made of the keys of its time."""
    monkeypatch.setenv("LIPSYNC_API_KEY", A)
    monkeypatch.setenv("LIPSYNC_BASE_URL", sandbox.base_url)
    key = legacy.content_key(FORM, "lipsync-image", "default", sandbox.base_url)
    files = [tmp_path / f"{key[:16]}{place}.mp4" for place in ("", "-2")]
    old = [
        {"key": f"{key}{place}", "job_id": f"j{number}", "saved_to": str(file), "target": str(file)}
        for number, (place, file) in enumerate(zip(("", " 2"), files, strict=True))
    ]
    for file in files:
        file.write_bytes(b"video")
    legacy.write(ledger_file(), *({"account": f"default {sandbox.base_url}", **row} for row in old))
    line = json.dumps({"endpoint": "image", "image": FORM.image, "audio": FORM.audio})
    (tmp_path / "jobs.jsonl").write_text(f"{line}\n{line}\n")
    done = json.loads(cli("run", "--batch", str(tmp_path / "jobs.jsonl"), "--out", str(tmp_path), "--json"))
    assert [job["path"] for job in done["jobs"]] == [str(file) for file in files]
    assert not sandbox.received("submit")
    listed = json.loads(cli("jobs", "--json"))["jobs"]
    assert [job["id"] for job in listed] == ["j0", "j1"]


def test_without_a_key_jobs_lists_all_of_the_server(cli, sandbox, submit, path, monkeypatch):
    """A plugin that has the key is not asked for a mere list."""
    monkeypatch.setenv("LIPSYNC_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("LIPSYNC_LEDGER", str(path))
    ids = [submit(), submit(api_key=B)]
    assert [job["id"] for job in json.loads(cli("jobs", "--json"))["jobs"]] == ids
    monkeypatch.setenv("LIPSYNC_API_KEY", B)
    assert [job["id"] for job in json.loads(cli("jobs", "--json"))["jobs"]] == ids[1:]
