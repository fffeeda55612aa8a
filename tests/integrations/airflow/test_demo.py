"""The first minutes with Airflow: `lipsync-nodes airflow demo` and `airflow examples`."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from socket import create_server

import httpx
import pytest

from tests.integrations.airflow.processes import free_port, until

LIPSYNC_NODES = Path(sys.executable).with_name("lipsync-nodes")


def test_the_examples_are_copied_and_what_was_changed_stays(tmp_path):
    for _ in range(2):
        done = subprocess.run([LIPSYNC_NODES, "airflow", "examples", tmp_path], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert {file.name for file in tmp_path.iterdir()} == {
            "batch.py",
            "jobs.jsonl",
            "one_job.py",
            "submit_and_wait.py",
        }
        (tmp_path / "one_job.py").write_text("mine")
    assert (tmp_path / "one_job.py").read_text() == "mine"


def test_without_airflow_the_demo_says_what_to_install(tmp_path):
    (tmp_path / "airflow.py").write_text("")
    code = "import sys; sys.modules['airflow'] = None; from lipsync_nodes.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "airflow", "demo", tmp_path / "demo"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "lipsync-nodes[airflow,sandbox]" in done.stderr
    assert not (tmp_path / "demo").exists()


def test_a_port_that_another_program_uses_is_refused_at_once(tmp_path):
    with create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [LIPSYNC_NODES, "airflow", "demo", tmp_path / "demo", "--port", str(port)],
            capture_output=True, text=True, timeout=200,
        )  # fmt: skip
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert "another port" in done.stderr
    assert not (tmp_path / "demo").exists()


def test_the_settings_of_another_airflow_do_not_reach_the_demo(tmp_path, monkeypatch):
    from lipsync_nodes_airflow.demo import environment

    for name in ("AIRFLOW__CORE__EXECUTOR", "AIRFLOW__SECRETS__BACKEND", "AIRFLOW_CONN_MINE", "LIPSYNC_API_KEY"):
        monkeypatch.setenv(name, "mine")
    assert "mine" not in environment(tmp_path, 8080, "http://127.0.0.1:1/api/v1").values()


def test_the_demo_needs_airflow_3(tmp_path):
    code = """if True:
        from lipsync_nodes_airflow import demo
        demo.distributions = lambda **_: iter(())  # as with Airflow 2.11
        from lipsync_nodes.cli import main
        main()"""
    done = subprocess.run(
        [sys.executable, "-c", code, "airflow", "demo", tmp_path / "demo"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "apache-airflow>=3" in done.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.airflow_processes
@pytest.mark.timeout(600)
def test_a_new_user_gets_a_video_from_the_demo_and_ctrl_c_ends_all(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "LIPSYNC"))}
    with (tmp_path / "out").open("wb") as out:
        demo = subprocess.Popen(
            [LIPSYNC_NODES, "airflow", "demo", "--port", str(port)],
            cwd=tmp_path, env=environment, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: demo.poll() is not None or b"press Trigger" in (tmp_path / "out").read_bytes())
        assert demo.poll() is None, (tmp_path / "out").read_text()
        with httpx.Client(base_url=f"{url}/api/v2", timeout=60) as http:
            http.headers["Authorization"] = f"Bearer {http.get(f'{url}/auth/token').json()['access_token']}"
            until(lambda: http.get("/dags/one_job").status_code == 200)
            run = {"dag_run_id": "r", "logical_date": None}
            assert http.post("/dags/one_job/dagRuns", json=run).status_code == 200
            state = until(lambda: {"success", "failed"} & {http.get("/dags/one_job/dagRuns/r").json()["state"]})
            assert state == {"success"}
        (video,) = (tmp_path / "lipsync-airflow" / "videos").iterdir()
        assert video.read_bytes()[4:8] == b"ftyp"
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(90)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    left = subprocess.run(["pgrep", "-f", f"port:{port}|{tmp_path}"], capture_output=True, text=True).stdout.split()
    assert left == []
