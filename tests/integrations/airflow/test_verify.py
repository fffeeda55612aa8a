"""The operator that verifies a video: a file, an object, or that of a job."""

import json

import pytest

from lipsync_nodes import InvalidRequest, Ledger
from tests.check import videos
from tests.integrations.airflow.conftest import connection

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def verify():
    def verify(video, **arguments):
        from lipsync_nodes_airflow.verify import LipsyncVerifyOperator

        return LipsyncVerifyOperator(task_id="t", video=str(video), **arguments)

    return verify


@pytest.fixture
def other(tmp_path):
    """Speech that is not that of the video."""
    return videos.save_wav(tmp_path / "other.wav", videos.said(videos.RIGHT, 4.6))


def test_a_file_needs_no_connection(verify, context, talking_video):
    result = verify(talking_video).execute(context)
    assert result["verdict"] == "in_sync"
    assert json.loads(json.dumps(result)) == context["ti"].xcoms["verification"]


def test_objects_are_fetched(verify, context, talking_video, other, memory):
    memory("memory://in").mkdir(exist_ok=True)
    memory("memory://in/v.mp4").write_bytes(talking_video.read_bytes())
    memory("memory://in/a.wav").write_bytes(other.read_bytes())
    assert verify("memory://in/v.mp4").execute(context)["verdict"] == "in_sync"
    task = verify("memory://in/v.mp4", audio="memory://in/a.wav", fail_on=[])
    assert task.execute(context)["verdict"] == "out_of_sync"


@pytest.mark.parametrize(
    ("video", "match"),
    [("/nowhere/v.mp4", "/nowhere/v.mp4 cannot be read"), ("https://x.example/v.mp4", "v.mp4"), ("", "not a job id")],
)
def test_what_is_no_video_is_said_to_be_none(verify, context, sandbox, lipsync_default, video, match):
    """And the service is not asked for a job of that name."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException, match=match):
        verify(video, fail_on=None).execute(context)
    assert sandbox.requests == []


def test_another_sound_fails_the_task_for_good(verify, context, talking_video, other):
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException, match="not with this sound"):
        verify(talking_video, audio=str(other)).execute(context)
    assert context["ti"].xcoms["verification"]["verdict"] == "out_of_sync"


def test_a_verdict_that_does_not_exist_is_told_when_the_dag_is_parsed(verify):
    with pytest.raises(InvalidRequest, match="not_moving"):
        verify("v.mp4", fail_on=["bad"])


def test_the_video_of_a_job_is_verified_and_the_ledger_keeps_the_result(
    verify, make, context, sandbox, lipsync_default, talking_video, monkeypatch
):
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox))
    make(tags={"client": "acme"}).execute(context)
    job_id = context["ti"].xcoms["job_id"]
    result = verify(job_id, fail_on=[]).execute(context)
    assert result["verdict"] in {"cannot_tell", "not_moving"}, "a still picture"
    with Ledger() as ledger:
        entry = ledger.entry_of(job_id)
    assert entry.tags == {"client": "acme"}
    assert entry.verification["verdict"] == result["verdict"]
