"""Videos to a real S3 server and media from it, by an Airflow connection: whole or not at all, and paid for once."""

import json
import logging
import re
import tracemalloc

import obstore
import pytest

from lipsync_nodes import DownloadError, LipsyncError
from lipsync_nodes.sandbox import MEDIA
from tests.integrations.airflow.processes import free_port
from tests.integrations.airflow.running import both, run
from tests.s3 import S3_KEY, S3_SECRET, Line

pytestmark = pytest.mark.usefixtures("lipsync_default")

QUICK_TO_FAIL = {"retries": {"max_attempts": 0}}


@pytest.fixture
def line(s3, monkeypatch):
    """The connections `minio` and `stranger` lead over a line that can be made to break."""
    with Line(s3[0]) as line:
        extra = {"endpoint_url": line.endpoint, "region_name": "us-east-1", "config_kwargs": QUICK_TO_FAIL}
        for name, secret in (("minio", S3_SECRET), ("stranger", "another-secret")):
            aws = {"conn_type": "aws", "login": S3_KEY, "password": secret, "extra": extra}
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(aws))
        yield line


@pytest.fixture(autouse=True)
def fresh_stores(airflow_home, monkeypatch):
    """Each test has another endpoint, and Airflow keeps what it attached."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath
    from s3fs import S3FileSystem

    store = __import__(ObjectStoragePath.__module__.rpartition(".")[0] + ".store", fromlist=["_STORE_CACHE"])
    monkeypatch.setattr(store, "_STORE_CACHE", {})
    monkeypatch.setattr(S3FileSystem, "retries", 2)
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(s3):
    """The objects of the bucket; parts of an upload that was never completed are none, and no S3 shows them as such."""
    fs = obstore.store.S3Store(
        "bucket", endpoint=s3[0], access_key_id=S3_KEY, secret_access_key=S3_SECRET, region="us-east-1",
        client_options={"allow_http": True}, virtual_hosted_style_request=False,
    )  # fmt: skip

    def content():
        return {found["path"]: bytes(fs.get(found["path"]).bytes()) for page in fs.list() for found in page}

    yield content
    for path in content():
        fs.delete(path)


@both
def test_a_video_goes_to_s3_whole(make, context, sandbox, line, bucket, deferrable):
    run(make(output_path="s3://minio@bucket/videos/", deferrable=deferrable), context)
    ((name, video),) = bucket().items()
    assert name == f"videos/{context['ti'].xcoms['job_id']}.mp4"
    assert video[4:8] == b"ftyp"
    assert context["ti"].xcoms["output_path"] == f"s3://minio@bucket/{name}"
    assert S3_SECRET not in json.dumps(context["ti"].xcoms)


def test_a_broken_upload_leaves_nothing_and_pays_nothing(make, context, sandbox, line, bucket):
    """An upload that breaks off leaves nothing and a retry pays nothing."""
    task = make(output_path="s3://minio@bucket/videos/talking.mp4")
    sandbox.fault("seconds", seconds=1)  # the line breaks once the storage was found to be there
    submit = task._submitted

    def submitted(context):
        found = submit(context)
        line.room = 2000
        return found

    task._submitted = submitted
    with pytest.raises(DownloadError, match=r"s3://minio@bucket/videos/talking\.mp4 could not be written") as caught:
        task.execute(context)
    assert caught.value.job_id == sandbox.jobs()[0]["id"]
    assert line.broken
    assert bucket() == {}
    line.room = None
    url = make(output_path="s3://minio@bucket/videos/talking.mp4").execute(context)
    assert list(bucket()) == ["videos/talking.mp4"]
    assert url == sandbox.jobs()[0]["output"]
    assert len(sandbox.received("submit")) == 1


MIB = 1 << 20


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A video of several parts."""
    from s3fs import S3FileSystem

    monkeypatch.setattr(S3FileSystem, "default_block_size", 5 * MIB)
    monkeypatch.setattr(logging.root.manager, "disable", logging.DEBUG)  # botocore's records hold what is uploaded
    logging.root.manager._clear_cache()
    path = tmp_path / "large.mp4"
    with path.open("wb") as video:
        video.truncate(48 * MIB)
    return path


def test_a_large_video_is_never_in_memory_whole(large, line, bucket):
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from lipsync_nodes_airflow.storage import _put

    target = ObjectStoragePath("s3://minio@bucket/large.mp4")
    target.write_bytes(b"what is imported and set up counts before")
    tracemalloc.start()
    _put(large, target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(content) for content in bucket().values()] == [48 * MIB]
    assert peak < 32 * MIB, "some parts of 5 MiB, one after the other"


def broken_line(line, monkeypatch):
    line.room = 12 * MIB


def broken_disk(line, monkeypatch):
    from lipsync_nodes_airflow import storage

    def copy_half(source, sink, length):
        for _ in range(12):
            sink.write(source.read(MIB))
        raise OSError("the disk cannot be read")

    monkeypatch.setattr(storage.shutil, "copyfileobj", copy_half)


@pytest.mark.parametrize("fault", [broken_line, broken_disk])
def test_a_broken_large_upload_leaves_no_half_object(large, line, bucket, monkeypatch, fault):
    """A large upload that breaks off half way leaves no half object."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from lipsync_nodes_airflow.storage import _put

    fault(line, monkeypatch)
    with pytest.raises(Exception, match=r"disk cannot|Connection was closed|disconnected"):
        _put(large, ObjectStoragePath("s3://minio@bucket/large.mp4"))
    assert bucket() == {}


def test_a_storage_that_refuses_is_told_before_anything_is_paid(make, context, sandbox, line, bucket):
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"s3://stranger@bucket/x\.mp4 cannot be reached"):
        make(output_path="s3://stranger@bucket/x.mp4").execute(context)
    assert sandbox.received("submit") == []


@pytest.fixture(params=["refused", "503"])
def outage(request, httpserver, s3, monkeypatch):
    """Lets the connection `minio`, and the storage of the lipsync connection, lead to a server that is away."""
    from tests.integrations.airflow.conftest import connection

    endpoint = f"http://127.0.0.1:{free_port()}" if request.param == "refused" else httpserver.url_for("").rstrip("/")
    httpserver.expect_request(re.compile(".*")).respond_with_data("<Code>SlowDown</Code>", status=503)
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1", "config_kwargs": QUICK_TO_FAIL}
    aws = {"conn_type": "aws", "login": S3_KEY, "password": S3_SECRET, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_MINIO", json.dumps(aws))
    options = {"endpoint": endpoint, "access_key_id": S3_KEY, "secret_access_key": S3_SECRET, "region": "us-east-1"}
    return lambda sandbox: monkeypatch.setenv(
        "AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, storage={"url": "s3://bucket", "options": options})
    )


@pytest.mark.parametrize("what", ["image", "output_path", "storage"])
def test_a_storage_that_is_away_is_left_to_retries(make, context, sandbox, outage, what):
    """Nothing was spent, and it may be back for the next try."""
    if what == "storage":
        outage(sandbox)
    given = {"image": str(MEDIA / "portrait.jpg")} if what == "storage" else {what: "s3://minio@bucket/a"}
    with pytest.raises(LipsyncError, match="Nothing was s") as caught:
        make(**given).execute(context)
    assert caught.value.retryable
    assert sandbox.received("submit") == []


@pytest.mark.parametrize("path", ["s3://minio@bucket/missing.jpg", "nowhere://bucket/a"])
def test_an_object_that_is_not_there_is_told_at_the_first_try(make, context, sandbox, line, path):
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException, match="Nothing was sent"):
        make(image=path).execute(context)
    assert sandbox.received("submit") == []


def test_media_are_read_from_a_storage_once(make, context, sandbox, line, bucket):
    """Once they are read, a storage that goes away changes nothing."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    ObjectStoragePath("s3://minio@bucket/voice.mp3").write_bytes((MEDIA / "speech_left.mp3").read_bytes())
    task = make(audio="s3://minio@bucket/voice.mp3")
    estimate = task._estimate

    def away(form):
        line.room = 0
        return estimate(form)

    task._estimate = away
    task.execute(context)
    assert sandbox.received("submit")[0].body["formState"]["audio"].startswith(sandbox.url)


def test_media_that_lie_in_s3_are_published(make, context, sandbox, line, bucket):
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    ObjectStoragePath("s3://minio@bucket/face.jpg").write_bytes((MEDIA / "portrait.jpg").read_bytes())
    make(image="s3://minio@bucket/face.jpg").execute(context)
    assert sandbox.received("submit")[0].body["formState"]["image"].startswith(sandbox.url)
