"""Jobs that are rendered: restart, crashes, media that are wrong, credits, what the sandbox notes and what it hides."""

import logging
import subprocess
import sys
import time

import httpx
import pytest

from lipsync_nodes.errors import ConfigurationError, JobNotFound
from lipsync_nodes.sandbox import Sandbox


@pytest.fixture(scope="module")
def preview_box():
    with Sandbox(concurrency=2) as box:
        yield box


@pytest.fixture
def preview(preview_box, connect):
    preview_box.reset()
    return connect(preview_box)


def test_a_talking_head_is_rendered(preview, portrait, tone):
    media = {"image": preview.put("face.jpg", portrait), "audio": preview.put("voice.wav", tone(1.2))}
    job = preview.ended(preview.job_id("lipsync-image", seed=3, prompt="smile", **media))
    assert (job["status"], job["error"]) == ("completed", "")
    video = httpx.get(job["output"])
    assert video.headers["content-type"] == "video/mp4"
    assert len(video.content) > 5000
    [shown] = preview.box.jobs()
    assert shown["credits"] == 10
    assert shown["lengths"] == {"audio": pytest.approx(1.2, abs=0.05)}
    assert shown["picture"]["height"] == 480
    assert "sync" in shown["picture"]
    assert not preview.box._running.service.runner.progress


def test_two_people_bill_both_audios_in_turn(preview, portrait, tone):
    media = {
        "image": preview.put("face.jpg", portrait),
        "left_audio": preview.put("l.wav", tone(3.2)),
        "right_audio": preview.put("r.wav", tone(3.7)),
    }
    job_id = preview.job_id("lipsync-image-multi", order="left_right", **media)
    preview.ended(job_id)
    assert preview.box.jobs()[0]["credits"] == 14
    assert preview.box.jobs()[0]["lengths"].keys() == {"left_audio", "right_audio"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"audio": "http://127.0.0.1:9/voice.mp3?X-Signature=secret"}, "audio could not be fetched: no answer"),
        ({"image": "{url}/outputs/none.mp4"}, "image could not be fetched: 404 from {url}/outputs/none.mp4"),
        ({"audio": "{text}"}, "audio: "),
        ({"image": "{text}"}, ""),
        ({"mask_image": "{url}/files/0/0"}, "mask_image could not be fetched: 404"),
    ],
)
def test_wrong_media_fail_the_job_with_a_sentence(preview, portrait, tone, change, words):
    media = {"image": preview.put("face.jpg", portrait), "audio": preview.put("voice.wav", tone(1))}
    names = {"url": preview.box.url, "text": preview.put("a.txt", b"this is no media file")}
    job = preview.ended(preview.job_id(**media | {name: url.format(**names) for name, url in change.items()}))
    assert (job["status"], job["output"]) == ("failed", None)
    assert job["error"].startswith(words.format(**names))
    assert "secret" not in job["error"]


def test_media_are_fetched_over_http(preview, portrait, tone, httpserver):
    httpserver.expect_request("/old.jpg").respond_with_data("", 302, {"Location": httpserver.url_for("/face.jpg")})
    httpserver.expect_request("/face.jpg").respond_with_data(portrait)
    httpserver.expect_request("/voice.wav", query_string="a=b%2Fc").respond_with_data(tone(1))
    media = {"image": httpserver.url_for("/old.jpg"), "audio": httpserver.url_for("/voice.wav") + "?a=b%2Fc"}
    assert preview.ended(preview.job_id(**media))["error"] == ""


def test_reset_drops_a_render(preview, portrait, tone, until):
    media = {"image": preview.put("face.jpg", portrait), "audio": preview.put("long.wav", tone(20))}
    job_id = preview.job_id(**media)
    until(lambda: preview.box._running.service.runner.progress)
    preview.box.reset()
    assert preview.box.jobs() == []
    assert preview.poll(job_id).status_code == 404
    assert list(preview.box._running.service.runner.outputs.iterdir()) == []
    short = {"image": preview.put("face.jpg", portrait), "audio": preview.put("voice.wav", tone(1))}
    assert preview.ended(preview.job_id(**short))["status"] == "completed"


def test_a_restart_keeps_what_ended_and_goes_on_with_the_rest(tmp_path, connect, httpserver, until):
    httpserver.expect_request("/hook").respond_with_data("")
    with Sandbox(tmp_path, renderer="instant") as box:
        api = connect(box)
        done = api.ended(api.job_id())
        box.fault("seconds", seconds=1)
        box.fault("fail", error="Too loud")
        going_on = api.job_id("lipsync-video", webhook=httpserver.url_for("/hook"))
    with Sandbox(tmp_path, renderer="instant") as box:
        api = connect(box)
        kept = api.job(done["id"])
        assert kept | {"output": None} == done | {"output": None}
        assert httpx.get(kept["output"]).status_code == 200
        assert api.ended(going_on)["error"] == "Too loud"
        until(lambda: httpserver.log)
    with Sandbox(tmp_path, renderer="instant") as box:
        assert [job["status"] for job in box.jobs()] == ["failed", "completed"]
        time.sleep(0.2)
        assert len(httpserver.log) == 1


def test_the_key_is_nowhere(connect, caplog):
    caplog.set_level(logging.DEBUG)
    with Sandbox(renderer="instant", api_key="sk_very_secret") as box:
        api = connect(box)
        api.job_id(prompt="my key is sk_very_secret", note="sk_very_secret")
        answers = [
            api.submit(order="sk_very_secret", resolution="sk_very_secret"),
            api.http.get(f"{box.base_url}/jobs/sk_very_secret"),
            *(api.http.get(box.url + path) for path in ("/", "/sandbox/requests", "/sandbox/jobs", "/openapi.json")),
        ]
        shown = " ".join([repr(box), repr(box.requests), *(answer.text for answer in answers)])
        assert "very_secret" not in shown
        assert [entry.leaks_key for entry in box.requests] == [True, True, True]
        api.job_id()
        assert box.requests[-1].leaks_key is False
        api.http.get(f"{box.base_url}/jobs/x", headers=[("X-A", "sk_very_secret"), ("X-A", "b")])
        assert (box.requests[-1].leaks_key, box.requests[-1].headers["x-a"]) == (True, "sk_***, b")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("lipsync_nodes", "uvicorn"))]
    assert any("GET /api/v1/jobs/sk_***" in line for line in ours)
    assert "very_secret" not in " ".join(ours)


def test_what_was_received_is_noted(box, api, forms):
    api.job_id("lipsync-video", webhook="http://127.0.0.1:9/", seed=4)
    api.poll("x")
    api.http.get(f"{box.url}/")
    api.http.get(f"{box.url}/sandbox/jobs")
    [submit] = box.received("submit")
    assert (submit.method, submit.path) == ("POST", "/api/v1/lipsync-video")
    assert submit.body == {"formState": forms["lipsync-video"] | {"seed": 4}, "webhook": "http://127.0.0.1:9/"}
    assert submit.headers["content-type"] == "application/json"
    assert "authorization" not in submit.headers
    assert [entry.where for entry in box.requests] == ["submit", "poll"]
    assert api.http.get(f"{box.url}/sandbox/requests").json()[0]["body"] == submit.body
    api.http.post(f"{box.url}/sandbox/reset")
    assert (box.requests, box.jobs()) == ([], [])


def test_a_local_file_is_published_and_a_job_reported(preview, portrait, tone, tmp_path):
    (tmp_path / "face 1.jpg").write_bytes(portrait)
    (tmp_path / "voice.wav").write_bytes(tone(1))
    image, audio = (preview.box.publish(tmp_path / name) for name in ("face 1.jpg", "voice.wav"))
    assert httpx.get(image).content == portrait
    job = preview.ended(preview.job_id(image=image, audio=audio))
    report = preview.box.report(job["id"])
    assert report["status"] == "completed"
    assert -1 <= report["sync"] <= 1
    assert report["seconds"] == pytest.approx(1, abs=0.1)
    with pytest.raises(JobNotFound):
        preview.box.report("none")


def test_one_folder_one_sandbox(tmp_path):
    second = Sandbox(tmp_path, renderer="instant")
    with Sandbox(tmp_path, renderer="instant"), pytest.raises(ConfigurationError, match="another sandbox"):
        second.start()
    with Sandbox(tmp_path, renderer="instant") as box:
        assert box.jobs() == []


def test_a_port_that_is_taken_is_an_error_that_says_so(box):
    port = int(box.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=str(port)):
        Sandbox(port=port, renderer="instant").start()


def test_a_sandbox_that_is_not_running_says_so():
    box = Sandbox(renderer="instant")
    with pytest.raises(ConfigurationError, match="not running"):
        _ = box.base_url
    box.stop()
    assert repr(box) == "<Sandbox stopped>"


def test_its_temporary_folder_goes_with_it():
    with Sandbox(renderer="instant") as box:
        folder = box._running.service.runner.outputs
        assert folder.exists()
    assert not folder.parent.exists()


def run(code):
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_importing_is_cheap_and_instant_needs_no_imaging():
    """Importing the sandbox loads no server, and an instant one loads no imaging library."""
    done = run(
        "import sys, lipsync_nodes.sandbox as it\n"
        "assert not {'pydantic', 'starlette', 'uvicorn', 'httpx'} & set(sys.modules), sys.modules.keys()\n"
        "with it.Sandbox(renderer='instant') as box:\n"
        "    assert not {'numpy', 'cv2', 'av', 'httpx'} & set(sys.modules)\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("package", "renderer"), [("starlette", "instant"), ("uvicorn", "instant"), ("cv2", "preview")]
)
def test_a_missing_extra_is_named(package, renderer):
    done = run(
        f"import sys; sys.modules[{package!r}] = None\n"
        "from lipsync_nodes.sandbox import Sandbox\n"
        "from lipsync_nodes.errors import ConfigurationError\n"
        f"try: Sandbox(renderer={renderer!r})\n"
        "except ConfigurationError as error: print(error)\n"
    )
    assert package in done.stdout
    assert "pip install 'lipsync-nodes[sandbox]'" in done.stdout


def test_hundreds_of_submits_do_not_slow_it_down(box, api, until):
    ids, took = set(), []
    for _ in range(300):
        began = time.perf_counter()
        ids.add(api.job_id())
        took.append(time.perf_counter() - began)
    assert len(ids) == 300
    assert min(took[200:]) < 3 * min(took[:100]), "the quickest of each: a busy machine is no fault"
    until(lambda: all(job["status"] == "completed" for job in box.jobs()))
