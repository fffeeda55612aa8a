"""The state as one file, and the commands that control a running sandbox."""

import json
import subprocess
import sys
import time
import zipfile

import httpx
import pytest
from click.testing import CliRunner

from lipsync_nodes import ConfigurationError, ConnectionFailed, ImageForm, InvalidRequest, LipsyncClient
from lipsync_nodes.cli.sandbox import sandbox
from lipsync_nodes.sandbox import MEDIA, RunningSandbox, Sandbox

MAIN = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()"]
FORM = ImageForm(image="https://media.example/face.png", audio="https://media.example/voice.mp3")


@pytest.fixture
def box():
    with Sandbox(renderer="instant", seed=1) as box:
        yield box


@pytest.fixture
def full(box):
    """A sandbox with two jobs, a stored file, and a fault rule that has struck once."""
    url = box.publish(MEDIA / "portrait.jpg")
    box.fault("submit:429,retry_after=0,times=3")
    with LipsyncClient(box.api_key, box.base_url) as client:
        done = client.run(FORM.model_copy(update={"image": url}), poll_interval=0.05)
        box.fault("job:seconds,seconds=0.3")
        open_ = client.submit(FORM)
    return box, done, open_, url


def on(box, url):
    """Return the same path at another sandbox."""
    return box.url + "/" + url.split("/", 3)[3]


def test_all_comes_back_in_another_sandbox(full, tmp_path):
    box, done, open_, url = full
    box.fault("poll:503,times=5,retry_after=0")
    with pytest.raises(httpx.HTTPStatusError):
        httpx.get(f"{box.base_url}/jobs/x", headers={"Authorization": "Bearer sk_x"}).raise_for_status()
    path = box.export(tmp_path / "state.zip")
    before = [job["id"] for job in box.jobs()]
    with Sandbox(renderer="instant") as other:
        assert other.load(path) == {"jobs": 2, "files": 1, "rules": 1, "requests": len(box.requests)}
        assert [job["id"] for job in other.jobs()] == before
        assert other.requests == box.requests
        assert [rule["count"] for rule in other.faults] == [4]
        other.clear_faults()
        assert httpx.get(on(other, url)).content == (MEDIA / "portrait.jpg").read_bytes()
        assert httpx.get(on(other, done.output)).content == httpx.get(done.output).content
        with LipsyncClient(other.api_key, other.base_url) as client:
            assert client.wait(open_.id, poll_interval=0.05).status == "completed"


def test_a_reset_empties_the_stored_files_too(box):
    url = box.publish(MEDIA / "portrait.jpg")
    assert httpx.get(url).status_code == 200
    box.reset()
    assert httpx.get(url).status_code == 404
    assert httpx.get(box.publish(MEDIA / "portrait.jpg")).status_code == 200


def archive(path, document=None, **entries):
    document = {"lipsync_sandbox_state": 1, "now": 0, "jobs": [], "rules": [], "requests": []} | (document or {})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("state.json", json.dumps(document))
        for name, content in entries.items():
            file.writestr(name, content)
    return path


JOB = {"endpoint": "lipsync-image", "form": {}, "base": "http://x", "id": "0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d"}
ODD = [
    {"cause": []},
    {"cause": {"code": []}},
    {"cause": {"code": "sandbox.failed", "facts": {"code": "twice"}}},
    {"cause": {"code": "preview.warnings", "facts": {"warnings": [{"code": []}]}}},
    {"picture": {"warning": "text"}},
    {"picture": {"width": 640}},
    {"webhook": "http://["},
    {"quirks": {"job_status": 1}},
    {"quirks": {"seconds": "soon"}},
    {"delivery": {"state": "on its way"}},
    {"created": None},
    {"ended": -1},
    {"lengths": {"audio": float("nan")}},
    {"form": {"deep": json.loads("[" * 200 + "]" * 200)}},
    {"polls": []},
]
EVIL = [
    {"../evil": "x"},
    {"files/0123456789abcdef/../../../evil": "x"},
    {"/etc/evil": "x"},
    {"files/0123456789abcdef/..": "x"},
    {"files/0123456789abcdef/a\\..\\evil": "x"},
    {"files/0123456789abcdef/wrong.txt": "another content"},
    {"outputs/evil.mp4": "x"},
    {"document": {"jobs": [JOB | {"output": "../../evil"}]}},
    {"document": {"jobs": [JOB | {"id": "../x"}]}},
    {"document": {"jobs": [JOB | {"endpoint": "other"}]}},
    {"document": {"jobs": [JOB, JOB]}},
    {"document": {"jobs": [{"strange": 1}]}},
    *({"document": {"jobs": [JOB | odd]}} for odd in ODD),
    {"document": {"rules": [{"action": "nothing"}]}},
    {"document": {"lipsync_sandbox_state": 2}},
    {"document": {"now": 1e300}},
]


@pytest.mark.parametrize("parts", EVIL, ids=str)
def test_an_archive_that_no_sandbox_wrote_changes_nothing(full, tmp_path, parts):
    box, *_ = full
    before = [job["id"] for job in box.jobs()]
    path = archive(tmp_path / "evil.zip", **parts)
    answer = httpx.put(f"{box.url}/sandbox/state", content=path.read_bytes())
    assert answer.status_code == 422, answer.text
    assert httpx.get(f"{box.url}/sandbox/jobs").status_code == 200
    with pytest.raises(ValueError, match=r"sandbox|name|content|large"):
        box.load(path)
    assert [job["id"] for job in box.jobs()] == before
    assert not list(tmp_path.rglob("evil"))


def test_the_refusal_of_an_archive_names_the_place(box, tmp_path):
    jobs = [
        JOB,
        JOB | {"id": JOB["id"].replace("0b", "0c"), "quirks": {"job_status": {"status": "queued", "polls": -1}}},
    ]
    with pytest.raises(ValueError, match=r"jobs\.1\.quirks\.job_status\.polls: .* greater than or equal to 0"):
        box.load(archive(tmp_path / "odd.zip", {"jobs": jobs}))


def test_a_file_that_is_too_large_or_no_zip_is_refused(box, tmp_path, monkeypatch):
    assert httpx.put(f"{box.url}/sandbox/state", content=b"no zip").status_code == 422
    path = archive(tmp_path / "bomb.zip")
    whole = path.read_bytes()
    torn = whole[:-10] + b"\xff\xff\xff\x7f" + whole[-6:]  # its directory would begin before the file
    assert httpx.put(f"{box.url}/sandbox/state", content=torn).status_code == 422
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("outputs/card.mp4", bytes(10_000_000))
    monkeypatch.setattr("lipsync_nodes.sandbox.server.archive.LARGEST_FILE", 1_000_000)
    assert "too large" in httpx.put(f"{box.url}/sandbox/state", content=path.read_bytes()).json()["error"]
    monkeypatch.setattr("lipsync_nodes.sandbox.server.state.LARGEST_ARCHIVE", 1_000)
    assert httpx.put(f"{box.url}/sandbox/state", content=bytes(2_000)).status_code == 413


@pytest.mark.parametrize("key", ["key", "lipsync", "hook", "preview", "facts", "status", "submit", "polls", "5"])
def test_a_key_that_is_a_word_spoils_no_export(tmp_path, key):
    with Sandbox(renderer="instant", api_key=key) as box, LipsyncClient(key, box.base_url) as client:
        box.fault("job:job_status,status=queued,polls=5")
        box.fault("submit:status,code=500,after=5")
        client.submit(FORM, webhook="https://hook.example/done")
        path = box.export(tmp_path / "state.zip")
        webhook = json.loads(zipfile.ZipFile(path).read("state.json"))["jobs"][0]["webhook"]
        assert webhook == "https://hook.example/done".replace(key, "sk_masked")
        assert box.load(path)["jobs"] == 1
        assert [rule["action"] for rule in box.faults] == ["status"]


def test_no_key_and_no_other_page_gets_in(box, tmp_path):
    with LipsyncClient(box.api_key, box.base_url) as client:
        client.submit(FORM.model_copy(update={"prompt": "my key is sk_state_0123456789"}))
    with zipfile.ZipFile(box.export(tmp_path / "state.zip")) as file:
        assert b"sk_state_0123456789" not in b"".join(map(file.read, file.namelist()))
    answer = httpx.put(f"{box.url}/sandbox/state", content=b"", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_the_clock_goes_on_from_the_time_of_the_export(tmp_path):
    with Sandbox(renderer="instant", clock="manual") as box:
        box.advance(30 * 24 * 3600)
        now, path = box.now, box.export(tmp_path / "state.zip")
    with Sandbox(renderer="instant", clock="manual") as other:
        other.load(path)
        assert other.now == now


def test_a_running_sandbox_is_controlled_over_http(full, tmp_path):
    box, *_ = full
    remote = RunningSandbox(box.base_url)
    before = [job["id"] for job in box.jobs()]
    path = remote.export(tmp_path / "state.zip")
    remote.reset()
    assert box.jobs() == box.faults == []
    assert remote.load(path)["jobs"] == 2
    assert [job["id"] for job in box.jobs()] == before
    (rule,) = remote.fault("poll:503,retry_after=1")[-1:]
    assert (rule["code"], rule["where"]) == (503, "poll")
    with pytest.raises(ValueError, match="action"):
        remote.fault("submit:429", "x:y")
    (tmp_path / "no.zip").write_text("no")
    with pytest.raises(InvalidRequest, match="not the state of a sandbox"):
        remote.load(tmp_path / "no.zip")
    with pytest.raises(ConfigurationError, match=r"none\.zip"):
        remote.load(tmp_path / "none.zip")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        remote.export(tmp_path / "nowhere" / "state.zip")


def test_nothing_is_sent_to_the_service():
    with pytest.raises(ConfigurationError, match="is the service, not a sandbox"):
        RunningSandbox("https://lipsync.studio/api/v1")
    with pytest.raises(ConnectionFailed, match="No sandbox was reached"):
        RunningSandbox("http://127.0.0.1:9/api/v1").reset()


class Wire:
    """Stands in for `httpx.request`: keeps what would be sent, and sends nothing."""

    def __init__(self, monkeypatch):
        self.sent = []
        monkeypatch.setattr(httpx, "request", self)

    def __call__(self, _method, url, **options):
        self.sent.append((url, options["headers"].get("Authorization", ""), options.get("follow_redirects", False)))
        return httpx.Response(200, json=[])


@pytest.mark.parametrize(
    ("named", "environment", "reached"),
    [
        ("https://lipsync.studio/api/v1", "", ""),
        ("https://LIPSYNC.studio.", "", ""),
        ("", "https://lipsync.studio/api/v1", ""),
        ("", "https://other.example/api/v1", ""),
        ("", "http://127.0.0.1:99/api/v1", "http://127.0.0.1:99"),
        ("https://other.example", "", "https://other.example"),
        ("https://other.example", "https://lipsync.studio/api/v1", "https://other.example"),
    ],
)
def test_the_token_goes_to_a_sandbox_only(named, environment, reached, monkeypatch):
    monkeypatch.setenv("LIPSYNC_SANDBOX_TOKEN", "a-token-of-ours")
    monkeypatch.setenv("LIPSYNC_BASE_URL", environment)
    wire = Wire(monkeypatch)
    arguments = ["reset", *(["--base-url", named] if named else [])]
    done = CliRunner().invoke(sandbox, arguments)
    assert wire.sent == ([(f"{reached}/sandbox/reset", "Bearer a-token-of-ours", False)] if reached else []), (
        done.output
    )
    assert bool(done.exit_code) is not bool(reached)
    assert "a-token-of-ours" not in done.output


def cli(*words, code=0, **env):
    done = subprocess.run([*MAIN, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done


def test_the_commands(full, tmp_path):
    box, *_ = full
    path = tmp_path / "state.zip"
    at = ("--base-url", box.base_url, "--json")
    assert json.loads(cli("sandbox", "export", path, *at).stdout) == {"path": str(path)}
    assert json.loads(cli("sandbox", "reset", *at).stdout) == {"reset": True}
    assert json.loads(cli("sandbox", "import", path, *at).stdout)["jobs"] == 2
    faults = json.loads(cli("sandbox", "fault", "poll:404", "job:no_output", *at).stdout)["faults"]
    assert [fault["action"] for fault in faults[-2:]] == ["status", "no_output"]
    assert "Invalid fault rule" in cli("sandbox", "fault", "poll:x", *at, code=2).stderr
    before = box.now
    assert json.loads(cli("sandbox", "advance", "3600", *at).stdout) == {"advanced": 3600}
    assert box.now >= before + 3600
    assert "Invalid fault rule" in cli("sandbox", "--fault", "poll:x", code=2).stderr


def test_a_sandbox_with_faults_a_seed_and_an_instant_renderer():
    words = ["sandbox", "--port", "0", "--renderer", "instant", "--seconds", "0.1", "--seed", "5"]
    words += ["--fault", "submit:429,retry_after=0,times=1", "--fault", "job:fail,error=No face, at all"]
    process = subprocess.Popen([*MAIN, *words], stderr=subprocess.PIPE, text=True)
    try:
        url = next(word for word in process.stderr.readline().split() if word.startswith("http"))
        body, key = {"formState": FORM.form_state()}, {"Authorization": "Bearer sk_x"}
        answers = [httpx.post(f"{url}/lipsync-image", json=body, headers=key) for _ in "ab"]
        assert [answer.status_code for answer in answers] == [429, 200]
        job_id = answers[1].json()["id"]
        time.sleep(0.5)
        job = httpx.get(f"{url}/jobs/{job_id}", headers=key).json()
        assert job["error"] == "No face, at all"
        with Sandbox(renderer="instant", seed=5) as box, LipsyncClient(box.api_key, box.base_url) as client:
            assert client.submit(FORM).id == job_id
    finally:
        process.terminate()
        process.communicate(timeout=30)
