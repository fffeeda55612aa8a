"""One test for each trap that the service's documentation holds, each over real HTTP."""

import re
import time

import pytest

from lipsync_nodes import (
    ImageForm,
    JobFailed,
    JobStatus,
    JobStopped,
    JobTimeout,
    LipsyncClient,
    RateLimited,
    ServiceError,
    SubmissionUncertain,
)
from lipsync_nodes.ledger import Ledger
from tests.conftest import QUICK
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService

FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
QUICKLY = {"timeout": 10, "poll_interval": 0.03}


@pytest.fixture
def service():
    with BadService() as service:
        yield service


@pytest.fixture
def client(service):
    with LipsyncClient("sk_x", service.base_url, policy=QUICK) as client:
        yield client


def test_the_model_changes_its_name_and_nobody_minds(client, service):
    service.on_poll = [
        bad.still(),
        bad.end_with(model="lipsync-image", status="completed", output="https://x/o.mp4"),
    ]
    models = []
    assert client.run(FORM, on_update=lambda job: models.append(job.model), **QUICKLY).output
    assert models == [None, "lipsync", "lipsync-image"]


def test_an_empty_error_is_no_error(client):
    job = client.run(FORM, **QUICKLY)
    assert (job.error, job.status) == ("", JobStatus.COMPLETED)


def test_execution_time_is_in_milliseconds(client):
    assert client.run(FORM, **QUICKLY).execution_time_ms == 1200


def test_a_failure_gives_the_services_own_words(client, service):
    service.on_poll = [bad.end_with(status="failed", output=None, error="Invalid audio format")]
    with pytest.raises(JobFailed, match="Invalid audio format"):
        client.run(FORM, **QUICKLY)


@pytest.mark.parametrize("status", ["created", "cancelling", "brand-new"])
def test_a_status_that_is_not_documented_is_not_an_end(client, service, status):
    service.on_poll = [bad.still(status), bad.finish]
    assert client.run(FORM, **QUICKLY).output
    service.on_poll = [bad.still(status)]
    with pytest.raises(JobTimeout, match=status):
        client.run(FORM, timeout=3, poll_interval=0.05)


@pytest.mark.parametrize("status", ["cancelled", "Canceled", "TIMEOUT", "deleted", "expired", "error", "rejected"])
def test_a_job_that_stopped_is_not_waited_for(service, tmp_path, status):
    """It was paid for: the same key sends nothing new, until a person wants it."""
    service.on_poll = [bad.end_with(status=status, message="by the operator")]
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with LipsyncClient("sk_x", service.base_url, policy=QUICK, ledger=ledger) as client:
        for _ in range(2):
            with pytest.raises(JobStopped, match=f"{status}.*by the operator") as caught:
                client.run(FORM, key="k", **QUICKLY)
            assert (caught.value.may_have_charged, caught.value.job_id) == (True, "job-1")
        assert [entry.state for entry in ledger.entries()] == ["stopped"]
        assert len(service.posts) == 1
        service.on_poll = [bad.finish]
        assert client.run(FORM, key="k", resubmit_uncertain=True, **QUICKLY).id == "job-2"
    ledger.close()


def test_a_job_that_stopped_may_yet_have_its_video(service, tmp_path):
    """A gateway may have said it for the service."""
    service.on_poll = [bad.say(200, {"status": "error"}), bad.still(), bad.finish]
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with LipsyncClient("sk_x", service.base_url, policy=QUICK, ledger=ledger) as client:
        with pytest.raises(JobStopped):
            client.run(FORM, key="k", **QUICKLY)
        assert client.run(FORM, key="k", **QUICKLY).id == "job-1"
    assert [entry.state for entry in ledger.entries()] == ["completed"]
    ledger.close()


@pytest.mark.parametrize(
    "body", [{"error": "rate limit of gateway"}, {"data": None, "message": "rate limit of gateway"}]
)
def test_an_answer_with_an_error_alone_may_pass(client, service, body):
    service.on_poll = [bad.say(200, body), bad.finish]
    assert client.run(FORM, **QUICKLY).output
    service.on_poll = [bad.say(200, body)]
    with pytest.raises(JobTimeout, match="says: rate limit of gateway"):
        client.run(FORM, timeout=1, poll_interval=0.2)


def test_a_time_out_shows_what_the_service_said(client, service):
    service.on_poll = [bad.end_with(status="processing", error="worker restarted")]
    with pytest.raises(JobTimeout, match="'processing', and the service says: worker restarted"):
        client.run(FORM, timeout=1, poll_interval=0.2)
    service.on_poll = [bad.end_with(status="ok", output="https://x/o.mp4")]
    with pytest.raises(
        JobTimeout, match=r"'ok', a status that this version does not know, with the output https://x/o"
    ):
        client.run(FORM, timeout=1, poll_interval=0.2)


def test_completed_without_output_is_an_error_that_says_so(client, service):
    service.on_poll = [bad.end_with(status="completed", output=None)]
    with pytest.raises(ServiceError, match="completed, but gives no output"):
        client.run(FORM, **QUICKLY)


@pytest.mark.parametrize("shape", [list, lambda url: {"video": {"url": url[0]}}, lambda url: f" {url[0]} "])
def test_an_output_of_another_shape_is_taken(client, service, shape):
    url = "https://cdn.example/out.mp4?sig=a%2Bb"
    service.on_poll = [bad.end_with(status="completed", output=shape([url]))]
    assert client.run(FORM, **QUICKLY).output == url


def test_an_output_that_is_no_video_is_shown(service, tmp_path):
    """In the error, in `status --json` and in the ledger, with keys masked."""
    strange = {"file_id": "f-1234", "note": "sk_secret_0123456789"}
    service.on_poll = [bad.end_with(status="completed", output=strange)]
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with LipsyncClient("sk_x", service.base_url, policy=QUICK, ledger=ledger) as client:
        with pytest.raises(ServiceError, match=r"no output that is a video: .*f-1234") as caught:
            client.run(FORM, **QUICKLY)
        assert client.job("job-1").wire()["as_received"] == {"output": strange}
    (entry,) = ledger.entries()
    assert entry.as_job.received["output"]["file_id"] == "f-1234"
    assert "sk_secret" not in f"{caught.value}{entry}"
    ledger.close()


@pytest.mark.parametrize("status", ["COMPLETED", " Completed ", "succeeded", "success"])
def test_a_completed_job_may_say_so_in_other_words(client, service, status):
    service.on_poll = [bad.end_with(status=status, output="https://x/o.mp4")]
    assert client.run(FORM, **QUICKLY).status is JobStatus.COMPLETED


def test_a_failed_job_may_say_so_in_other_words(client, service):
    service.on_poll = [bad.end_with(status="FAILED", error="Invalid audio format")]
    with pytest.raises(JobFailed, match="Invalid audio format"):
        client.run(FORM, **QUICKLY)


def test_a_poll_in_an_envelope_is_read(client, service):
    job = {"id": "job-1", "status": "completed", "outputs": ["https://x/o.mp4"]}
    service.on_poll = [bad.say(200, {"code": 200, "message": "success", "data": job})]
    assert client.run(FORM, **QUICKLY).output == "https://x/o.mp4"


def test_the_id_may_be_called_request_id(client, service):
    service.on_submit = [bad.accept_as_request_id]
    assert client.submit(FORM).id == service.paid[0]


def test_an_output_url_is_given_back_unchanged(client, service):
    url = "https://cdn.example:443/a//b/./out.mp4?X-Amz-Signature=a%2Bb+c%20d&e=%c3%a9"
    service.on_poll = [bad.end_with(status="completed", output=url)]
    assert client.run(FORM, **QUICKLY).output == url


def test_the_key_goes_nowhere_but_to_the_base_url(client, service, tmp_path):
    headers = []
    service.on_output = [lambda request: (headers.append(dict(request.headers)), bad.deliver(request))]
    client.download(client.run(FORM, **QUICKLY), tmp_path)
    assert service.posts[0][1]["Authorization"] == "Bearer sk_x"
    assert "Authorization" not in headers[0]


def test_a_redirect_is_not_followed_with_the_key(client, service):
    service.on_submit = [bad.refuse(308, Location=f"{service.url}/elsewhere")]
    with pytest.raises(SubmissionUncertain, match=f"a redirect to {service.url}/elsewhere: check the base URL"):
        client.submit(FORM)
    assert len(service.posts) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "the queue is full"}, "the queue is full"),
        ({"success": False, "message": "the queue is full"}, "the queue is full"),
        ({"data": {"error": "no worker"}}, "no worker"),
        ({"error": {"code": 7}}, '{"code": 7}'),
        ({"id": None, "status": "processing"}, "not a job"),
        ({"id": {"value": "job-1"}, "status": ["odd"]}, "not a job"),
    ],
    ids=str,
)
def test_an_error_with_200_is_told_in_the_services_words(client, service, body, words):
    service.on_submit = [bad.accept_saying(body)]
    with pytest.raises(SubmissionUncertain, match=re.escape(words)) as caught:
        client.submit(FORM)
    assert not re.search("pydantic|validation error|For further", str(caught.value))
    assert len(service.posts) == 1


def test_no_null_and_no_unknown_field_is_sent(sandbox):
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        client.submit(ImageForm(image="https://x/i", audio="https://x/a", prompt=None, seed=None))
    (request,) = sandbox.received("submit")
    assert request.body == {"formState": {"image": "https://x/i", "audio": "https://x/a"}}


def test_a_huge_retry_after_is_not_obeyed(client, service):
    service.on_submit = [bad.refuse(429, Retry_After="86400")]
    began = time.monotonic()
    with pytest.raises(RateLimited):
        client.submit(FORM)
    assert time.monotonic() - began < 10


def test_a_hanging_submit_ends_and_the_job_may_exist(service):
    """A submit that hangs ends and says that the job may exist."""
    service.on_submit = [bad.hang]
    policy = type(QUICK)(request_timeout=0.3)
    with LipsyncClient("sk_x", service.base_url, policy=policy) as client:
        with pytest.raises(SubmissionUncertain, match="not sent again"):
            client.submit(FORM)
    bad.wait_until(lambda: service.paid)
    assert len(service.posts) == len(service.paid) == 1


def test_a_closed_idle_connection_makes_no_submit_uncertain(client, service):
    """The connection of one submit is not used for the next, so none can be stale."""
    client.submit(FORM)
    client.submit(FORM)
    assert len({headers["X-Port"] for _, headers in service.posts}) == 2
