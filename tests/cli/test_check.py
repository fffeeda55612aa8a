"""`lipsync-nodes check`, and `--check` on `run`, `submit` and batches, as processes."""

import json

import pytest

from lipsync_nodes import ImageForm, LipsyncClient
from lipsync_nodes.ledger import Ledger
from tests.checks.made import picture, tiny_face
from tests.command_line import FACE, KEY, URLS, VOICE
from tests.faults import bad_service as bad

EXPIRED = "https://x.example/a.mp3?X-Amz-Signature=0&X-Amz-Date=20200101T000000Z&X-Amz-Expires=60"
INPUTS = ["--image", FACE, "--audio", VOICE]
# A mask that marks nothing is a likely waste: a warning.
MASK = ["--mask-image", "black.png"]


@pytest.fixture(autouse=True)
def black(tmp_path):
    (tmp_path / "black.png").write_bytes(picture(512, 512, value=0))


def test_check_needs_no_key_and_sends_nothing(cli, service):
    done = cli("check", "image", *INPUTS, "--json", key=None)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"], answer["credits"]) == (0, True, 12)
    (found,) = answer["findings"]
    assert found == {
        "code": "length.rounded_up",
        "severity": "info",
        "basis": "upstream",
        "field": None,
        "facts": {"seconds": 5.4, "billed": 6},
        "message": "The video lasts 5.4 s and is billed as 6 s: fractions are rounded up.",
        "remedy": "",
    }
    assert (service.posts, service.polls) == ([], [])


def test_check_is_for_people_too(cli):
    """The worst first, each with its field, what to do and the estimate; in Chinese as well; 1 if there is an error."""
    done = cli("check", "image", "--image", VOICE, "--audio", EXPIRED, key=None)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in lines] == ["Error (image)", "Error (audio)", "Note", "Note (audio)"]
    assert lines[1].endswith("Sign the URL again.")
    assert "--audio-seconds" in lines[2]
    assert "--fetch" in lines[3]
    fine = cli("check", "image", *INPUTS, key=None)
    assert (fine.returncode, fine.stdout.splitlines()[-1]) == (0, "Estimated cost: at most 12 credits.")
    chinese = cli("check", "image", "--image", VOICE, "--audio", EXPIRED, key=None, LIPSYNC_LANG="zh_CN.UTF-8")
    assert "错误（audio）：签名 URL 已于" in chinese.stdout


def test_check_counts_the_budget_and_knows_what_was_paid_for(cli, service, tmp_path):
    done = cli("check", "image", *URLS, "--audio-seconds", "6", "--budget", "10", "--json")
    assert (done.returncode, json.loads(done.stdout)["findings"][0]["code"]) == (1, "budget.exceeded")
    assert cli("submit", "image", *URLS, "--key", "k").returncode == 0
    free = json.loads(cli("check", "image", *URLS, "--key", "k", "--audio-seconds", "6", "--json").stdout)
    assert (free["credits"], free["findings"][0]["facts"]) == (0, {"paid_job": "job-1"})
    assert len(service.posts) == 1


@pytest.mark.parametrize("endpoint", ["video", "image-multi"])
def test_check_knows_each_endpoint(cli, endpoint):
    words = {
        "video": ["--video", "https://x.example/v.mp4", "--audio", URLS[3], "--video-seconds", "9"],
        "image-multi": ["--image", URLS[1], "--left-audio", URLS[3], "--right-audio", URLS[3]],
    }[endpoint]
    seconds = ["--audio-seconds", "6"] if endpoint == "video" else ["--left-audio-seconds", "6"]
    answer = json.loads(cli("check", endpoint, *words, *seconds, "--json", key=None).stdout)
    assert (answer["ok"], answer["credits"]) == (True, 12 if endpoint == "video" else None)


@pytest.mark.parametrize("command", ["submit", "run"])
@pytest.mark.parametrize(
    ("mode", "sent"),
    [([], True), (["--check", "warn"], True), (["--check", "off"], True), (["--check", "refuse"], False)],
)
def test_a_likely_waste_is_a_warning_or_a_refusal(cli, service, command, mode, sent):
    """Refused it is 0 POSTs and a sentence in both languages; with `warn` one POST, and the warning is in the JSON."""
    poll = ["--poll-interval", "0.1"] if command == "run" else []
    done = cli(command, "image", *INPUTS, *MASK, *mode, *poll, "--json")
    answer = json.loads(done.stdout)
    assert len(service.posts) == sent
    warned = "Warning (mask_image): The mask is wholly black" in done.stderr
    if mode == ["--check", "off"]:
        assert (done.returncode, answer["check"], warned) == (0, None, False)
    elif sent:
        assert (done.returncode, warned) == (0, True)
        assert answer["check"]["findings"][0]["code"] == "mask.marks_nothing"
        assert answer["check"]["ok"]
    else:
        assert (done.returncode, answer["error"]["type"], answer["error"]["code"]) == (
            2,
            "CheckRefused",
            "check.refused",
        )
        assert answer["error"]["facts"]["findings"][0]["code"] == "mask.marks_nothing"
        assert "--check off" in done.stderr
        chinese = cli(command, "image", *INPUTS, *MASK, *mode, LIPSYNC_LANG="zh")
        assert "检查未通过" in chinese.stderr
        assert "遮罩" in chinese.stderr
        assert service.posts == []


def test_a_tiny_face_is_refused_or_warned_of(cli, service, tmp_path):
    """With the real eye: 0 POSTs and a sentence in both languages, or one POST and a warning in the JSON."""
    (tmp_path / "tiny.png").write_bytes(tiny_face())
    words = ["submit", "image", "--image", "tiny.png", "--audio", VOICE]
    assert "The face" in cli(*words, "--check", "refuse").stderr
    assert "人脸" in cli(*words, "--check", "refuse", LIPSYNC_LANG="zh").stderr
    assert service.posts == []
    done = cli(*words, "--json")
    assert (done.returncode, len(service.posts)) == (0, 1)
    assert json.loads(done.stdout)["check"]["findings"][0]["code"] == "face.tiny"
    assert "Error (image): The face" in done.stderr


def test_a_certain_error_is_refused_by_default(cli, service):
    done = cli("submit", "image", "--image", URLS[1], "--audio", EXPIRED)
    assert (done.returncode, service.posts) == (2, [])
    assert "expired" in done.stderr
    assert cli("submit", "image", "--image", URLS[1], "--audio", EXPIRED, "--check", "off").returncode == 0


def test_the_mode_comes_from_the_environment_too(cli, service):
    assert cli("submit", "image", *INPUTS, *MASK, LIPSYNC_CHECK="refuse").returncode == 2
    assert cli("submit", "image", *INPUTS, *MASK, "--check", "warn", LIPSYNC_CHECK="refuse").returncode == 0
    assert len(service.posts) == 1


def test_a_line_of_a_batch_is_refused_alone(cli, service, tmp_path):
    """Before it is paid for. A second run with another mode pays only for that line."""
    good = {"endpoint": "image", "image": str(FACE), "audio": str(VOICE)}
    lines = [good, {**good, "mask_image": str(tmp_path / "black.png")}]
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    words = ["run", "--batch", "jobs.jsonl", "--poll-interval", "0.1", "--json"]
    done = cli(*words, "--check", "refuse")
    first, second = json.loads(done.stdout)["jobs"]
    assert (done.returncode, len(service.posts)) == (2, 1)
    assert (first["status"], first["check"]["ok"], second["error"]) == ("completed", True, "CheckRefused")
    done = cli(*words)
    first, second = json.loads(done.stdout)["jobs"]
    assert (done.returncode, len(service.posts)) == (0, 2)
    assert (first["check"], second["check"]["findings"][0]["code"]) == (None, "mask.marks_nothing")
    assert "line 2: Warning (mask_image)" in done.stderr


def test_urls_are_fetched_when_asked(cli, service, tmp_path):
    """From the sandbox on this machine, which the profile names."""
    urls = ["--image", f"{service.url}/output/i.png", "--audio", f"{service.url}/output/a.mp3"]
    done = cli("check", "image", *urls, "--fetch", "--json")
    assert done.returncode == 1
    assert cli("check", "image", *urls, "--json").returncode == 0


def test_the_commands_do_what_the_client_does(sandbox, cli, tmp_path):
    """The verdict of the command line is that of Python."""
    with LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=Ledger(tmp_path / "l.sqlite")) as client:
        verdict = client.check(ImageForm(image=FACE, audio=VOICE, mask_image=tmp_path / "black.png"))
    done = cli("check", "image", *INPUTS, *MASK, "--json", key=KEY)
    assert json.loads(done.stdout) == json.loads(json.dumps(verdict.as_json("en", "cli")))


def test_what_is_refused_is_told_once_with_all_there_is_to_do(cli, service, tmp_path):
    (tmp_path / "tiny.png").write_bytes(tiny_face())
    done = cli("submit", "image", "--image", "tiny.png", "--audio", VOICE, *MASK, "--check", "refuse", "--json")
    assert done.stderr.count("The mask is wholly black") == done.stderr.count("The face will have only") == 1
    assert "Crop the picture" in done.stderr
    assert "Paint the face white" in done.stderr
    assert ".; " not in done.stderr
    answer = json.loads(done.stdout)
    assert [one["code"] for one in answer["check"]["findings"]][:2] == ["face.tiny", "mask.marks_nothing"]
    assert service.posts == []


def test_the_findings_of_a_job_that_fails_are_in_the_json(cli, service, tmp_path):
    """Of one job, and of a line of a batch; the warning was told before."""
    service.on_poll = [bad.end_with(status="failed", error="no face")]
    done = cli("run", "image", *INPUTS, *MASK, "--poll-interval", "0.1", "--json")
    answer = json.loads(done.stdout)
    assert answer["error"]["type"] == "JobFailed"
    assert answer["check"]["findings"][0]["code"] == "mask.marks_nothing"
    assert "Warning (mask_image): The mask" in done.stderr
    line = {"endpoint": "image", "image": str(FACE), "audio": str(VOICE), "mask_image": "black.png"}
    (tmp_path / "batch.jsonl").write_text(json.dumps(line))
    done = cli("run", "--batch", "batch.jsonl", "--check", "refuse", "--json")
    (row,) = json.loads(done.stdout)["jobs"]
    assert (row["error"], row["check"]["findings"][0]["code"]) == ("CheckRefused", "mask.marks_nothing")
    assert done.stderr.count("The mask is wholly black") == 1
