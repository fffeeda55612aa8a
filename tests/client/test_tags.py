"""Tags: recorded with the submission, checked before anything is sent, and never sent to the service."""

import json

import pytest

from lipsync_nodes import ImageForm, InvalidRequest, Ledger
from lipsync_nodes.cli.batch_file import read_batch
from lipsync_nodes.settings import Profile
from tests.command_line import KEY, URLS

FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
TAGS = {"client": "acme zebra", "部门": "市场"}
LINE = {"endpoint": "image", "image": URLS[1], "audio": URLS[3]}
WRONG = [
    ("acme", "tags.no_object"),
    ([("client", "acme")], "tags.no_object"),
    ({str(number): "x" for number in range(21)}, "tags.too_many"),
    ({"": "x"}, "tags.wrong_name"),
    ({"a=b": "x"}, "tags.wrong_name"),
    ({" a": "x"}, "tags.wrong_name"),
    ({"x" * 41: "x"}, "tags.wrong_name"),
    ({1: "x"}, "tags.wrong_name"),
    ({"a": ""}, "tags.wrong_value"),
    ({"a": "two\nlines"}, "tags.wrong_value"),
    ({"a": "x" * 201}, "tags.wrong_value"),
    ({"a": "\ud83d"}, "tags.wrong_value"),
    ({"a": 1}, "tags.wrong_value"),
    ({"a": None}, "tags.wrong_value"),
]


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


@pytest.fixture
def face(face_of, sandbox, ledger):
    return face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=ledger)


def test_tags_are_in_the_ledger_and_in_no_request(face, sandbox, ledger):
    job = face.submit(FORM, tags=TAGS)
    face.run(FORM, tags=TAGS, key="k")
    assert ledger.entry_of(job.id).tags == TAGS
    assert [entry.tags for entry in ledger.entries()] == [TAGS] * 2
    sent = repr(list(sandbox.requests))
    assert [set(one.body) for one in sandbox.received("submit")] == [{"formState"}] * 2
    assert not any(text in sent for text in ("zebra", "tags", "市场", json.dumps("市场")[1:-1]))


@pytest.mark.parametrize(("tags", "code"), WRONG, ids=[repr(tags)[:30] for tags, _ in WRONG])
def test_wrong_tags_are_refused_before_anything_is_sent(face, sandbox, ledger, tags, code):
    with pytest.raises(InvalidRequest) as caught:
        face.submit(FORM, tags=tags)
    assert caught.value.code == code
    assert (list(sandbox.requests), ledger.entries()) == ([], [])


@pytest.mark.parametrize("tags", [{"x" * 40: "y" * 200}, {str(number): "x" for number in range(20)}, {}, None])
def test_tags_at_the_limits_are_taken(face, ledger, tags):
    assert ledger.entry_of(face.submit(FORM, tags=tags).id).tags == (tags or {})


def test_the_same_key_keeps_the_tags_of_its_job(face, sandbox, ledger):
    first = face.submit(FORM, key="k", tags={"client": "first"})
    assert face.submit(FORM, key="k", tags={"client": "second"}).id == first.id
    assert len(sandbox.received("submit")) == 1
    assert ledger.entry_of(first.id).tags == {"client": "first"}


def test_without_a_ledger_tags_are_accepted(face_of, sandbox):
    face_of(api_key=sandbox.api_key, base_url=sandbox.base_url).submit(FORM, tags=TAGS)


def test_all_forms_of_run_many_can_have_the_same_tags(face, ledger):
    jobs = face.run_many([FORM, FORM], tags=TAGS)
    assert [ledger.entry_of(job.id).tags for job in jobs] == [TAGS, TAGS]


def test_each_form_of_run_many_can_have_its_own_tags(face, ledger):
    jobs = face.run_many([FORM, FORM, FORM], tags=[{"n": "1"}, None, {"n": "3"}])
    assert [ledger.entry_of(job.id).tags for job in jobs] == [{"n": "1"}, {}, {"n": "3"}]


@pytest.mark.parametrize(("tags", "code"), [([{}], "many.tags"), ("ab", "tags.no_object"), ([{"a": 1}] * 2, None)])
def test_run_many_with_wrong_tags_sends_nothing(face, sandbox, tags, code):
    with pytest.raises(InvalidRequest) as caught:
        face.run_many([FORM, FORM], tags=tags)
    assert caught.value.code == (code or "tags.wrong_value")
    assert not sandbox.requests


@pytest.mark.parametrize("command", ["run", "submit"])
def test_the_command_line_records_tags(cli, service, command, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_LEDGER", str(tmp_path / "cli.sqlite"))
    more = ["--poll-interval", "0.1"] if command == "run" else []
    done = cli(command, "image", *URLS, *more, "--tag", "client=acme", "--tag", "note=a=b", "--json")
    with Ledger(tmp_path / "cli.sqlite") as ledger:
        assert ledger.entry_of(json.loads(done.stdout)["id"]).tags == {"client": "acme", "note": "a=b"}


@pytest.mark.parametrize("given", [["--tag", "acme"], ["--tag", "=x"], ["--tag", "a=1", "--tag", "a=2"]])
def test_a_wrong_tag_is_wrong_usage(cli, service, given):
    done = cli("run", "image", *URLS, *given)
    assert (done.returncode, service.posts) == (2, []), done.stderr


def test_lines_of_a_batch_have_tags(cli, service, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_LEDGER", str(tmp_path / "cli.sqlite"))
    lines = [{"seed": 1}, {"seed": 2, "tags": {"client": "bolt"}}, {"seed": 3, "tags": {"a": 1}}]
    (tmp_path / "jobs.jsonl").write_text("\n".join(json.dumps(LINE | line) for line in lines))
    done = cli("run", "--batch", "jobs.jsonl", "--tag", "client=acme", "--tag", "q=4", "--poll-interval", "0.1")
    assert done.returncode == 2
    assert "tag `a`" in done.stderr
    with Ledger(tmp_path / "cli.sqlite") as ledger:
        tags = sorted(entry.tags["client"] for entry in ledger.entries())
        assert (tags, len(service.posts)) == (["acme", "bolt"], 2)
        assert {entry.tags["q"] for entry in ledger.entries()} == {"4"}


def test_tags_do_not_make_another_job_of_a_line(tmp_path):
    """Its key is made from its inputs, so a batch that is tagged later is not paid again."""
    profile = Profile(api_key=KEY)
    (tmp_path / "jobs.jsonl").write_text(json.dumps(LINE))
    (plain,) = read_batch(tmp_path / "jobs.jsonl", tmp_path, profile)
    (tagged,) = read_batch(tmp_path / "jobs.jsonl", tmp_path, profile, {"client": "acme"})
    assert (plain.key, plain.tags, tagged.tags) == (tagged.key, {}, {"client": "acme"})
