"""The receiver's side of Airflow's REST API: what may go wrong. A real Airflow answers in `test_processes.py`."""

import subprocess
import sys
from urllib.error import HTTPError, URLError

import pytest

from lipsync_nodes import ConfigurationError, Job
from lipsync_nodes_airflow.asset_events import create_asset_event

URI = "lipsync://studio/jobs"
JOB = Job(id="j1", status="completed", output="https://x.example/o.mp4")
BEARER = {"Authorization": "Bearer t1"}


@pytest.fixture
def airflow_at(httpserver, monkeypatch):
    monkeypatch.setenv("LIPSYNC_AIRFLOW_URL", httpserver.url_for("/"))
    return httpserver


def expect_event(server, uri=URI, **extra):
    known = [{"id": 6, "uri": f"{uri}/more"}, {"id": 7, "uri": uri}]
    server.expect_ordered_request("/api/v2/assets", headers=BEARER).respond_with_json({"assets": known})
    body = {
        "asset_id": 7,
        "extra": {"job_id": "j1", "status": "completed", "output": JOB.output, "error": "", **extra},
    }
    server.expect_ordered_request("/api/v2/assets/events", "POST", headers=BEARER, json=body).respond_with_json({})


def test_it_asks_for_a_token_as_the_user_that_is_named(airflow_at, monkeypatch):
    monkeypatch.setenv("LIPSYNC_AIRFLOW_USER", "receiver")
    monkeypatch.setenv("LIPSYNC_AIRFLOW_PASSWORD", "of the receiver")
    who = {"username": "receiver", "password": "of the receiver"}
    token = airflow_at.expect_ordered_request("/auth/token", "POST", json=who)
    token.respond_with_json({"access_token": "t1"}, status=201)
    expect_event(airflow_at)
    create_asset_event(JOB)
    airflow_at.check()


def test_it_takes_a_token_and_another_asset(airflow_at, monkeypatch):
    """It takes a token and another asset and tells of a failure too."""
    monkeypatch.setenv("LIPSYNC_AIRFLOW_TOKEN", "t1")
    monkeypatch.setenv("LIPSYNC_AIRFLOW_ASSET", "s3://videos/talking")
    expect_event(airflow_at, "s3://videos/talking", status="failed", output=None, error="no face")
    create_asset_event(Job(id="j1", status="failed", error="no face"))
    airflow_at.check()


def test_an_asset_that_airflow_does_not_know_is_named(airflow_at, monkeypatch):
    monkeypatch.setenv("LIPSYNC_AIRFLOW_TOKEN", "t1")
    airflow_at.expect_request("/api/v2/assets").respond_with_json({"assets": [{"id": 1, "uri": f"{URI}/more"}]})
    with pytest.raises(ConfigurationError, match="no asset lipsync://studio/jobs"):
        create_asset_event(JOB)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "airflow.example"])
def test_airflow_has_to_be_named(monkeypatch, url):
    monkeypatch.setenv("LIPSYNC_AIRFLOW_URL", url)
    with pytest.raises(ConfigurationError, match="LIPSYNC_AIRFLOW_URL"):
        create_asset_event(JOB)


def test_a_refusal_of_airflow_is_raised(airflow_at, monkeypatch):
    """What airflow did not take is raised and no token follows a redirect."""
    monkeypatch.setenv("LIPSYNC_AIRFLOW_TOKEN", "t1")
    away = {"Location": airflow_at.url_for("/elsewhere")}
    airflow_at.expect_request("/api/v2/assets").respond_with_data(status=302, headers=away)
    with pytest.raises(HTTPError, match="302"):
        create_asset_event(JOB)
    assert [request.path for request, _ in airflow_at.log] == ["/api/v2/assets"]
    airflow_at.stop()
    with pytest.raises(URLError):
        create_asset_event(JOB)
    airflow_at.start()


def test_it_needs_no_airflow_beside_the_receiver():
    code = "import sys, lipsync_nodes_airflow.asset_events; print([name for name in sys.modules if name == 'airflow'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
