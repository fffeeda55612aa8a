"""Each host's errors, in its own terms and in the language that its user chose."""

import json

import pytest

from lipsync_nodes import InvalidRequest
from lipsync_nodes_pluggy import plugin_for
from tests.command_line import URLS, cli, cli_env, service  # noqa: F401  # fixtures
from tests.faults import bad_service as bad

RUN = ["run", "image", *URLS, "--poll-interval", "0.05", "--timeout", "2"]
LOCALE = dict.fromkeys(("LIPSYNC_LANG", "LC_ALL", "LC_MESSAGES", "LANG"), "")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"LANG": "C.UTF-8"}, "`lipsync-nodes wait job-1` waits again."),
        ({"LANG": "zh_CN.UTF-8"}, "用 `lipsync-nodes wait job-1` 可再次等待。"),
        ({"LANG": "C.UTF-8", "LIPSYNC_LANG": "zh"}, "用 `lipsync-nodes wait job-1` 可再次等待。"),
        ({"LC_ALL": "zh_TW.UTF-8", "LIPSYNC_LANG": "en"}, "`lipsync-nodes wait job-1` waits again."),
    ],
)
def test_a_command_speaks_the_language_of_its_user(cli, service, named, words):  # noqa: F811  # the fixtures
    service.on_poll = [bad.still()]
    done = cli(*RUN, **LOCALE | named | {"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 3
    assert words in done.stderr


def test_json_has_the_code_and_the_facts_in_any_language(cli, service):  # noqa: F811
    service.on_poll = [bad.still()]
    for language in ("en", "zh"):
        error = json.loads(cli(*RUN, "--json", LIPSYNC_LANG=language).stdout)["error"]
        assert (error["code"], error["remedy"]) == ("job.timeout", ["wait_again"])
        assert (error["facts"]["timeout"], error["facts"]["status"]) == (2, "processing")
        assert ("任务 job-" in error["message"]) is (language == "zh")


def test_json_has_a_code_however_a_command_fails(cli, service, tmp_path):  # noqa: F811
    (tmp_path / "jobs.jsonl").write_text('{"endpoint": "image"}\n')
    asked = {
        "cli.usage": ["run", "image", "--no-such-option", "--json"],
        "form.wrong_fields": ["submit", "image", "--image", "ftp://x/i.png", "--audio", "https://x/a.mp3", "--json"],
        "settings.no_such_profile": ["jobs", "--profile", "nobody", "--json"],
    }
    for code, words in asked.items():
        error = json.loads(cli(*words).stdout)["error"]
        assert error["code"] == code
        assert error["facts"]
    rows = json.loads(cli("run", "--batch", "jobs.jsonl", "--json").stdout)["jobs"]
    assert [(row["error"], row["code"]) for row in rows] == [("InvalidRequest", "form.wrong_fields")]
    assert rows[0]["facts"]["place"] == "jobs.jsonl, line 1"


def test_pluggy_speaks_of_hooks(sandbox, tmp_path):
    nodes = plugin_for("words_test")
    with pytest.raises(InvalidRequest, match=r"`image`: ") as caught:
        nodes.lipsync_nodes_submit("image", {"image": "no url", "audio": "https://x/a.mp3"}, None)
    assert caught.value.host == "pluggy"
    assert "ImageForm" not in str(caught.value)
