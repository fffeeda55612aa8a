"""Every fault of submit and poll, on each endpoint and both faces, over real sockets: never a second paid job."""

import dataclasses
import threading
from email.utils import formatdate

import pytest

from lipsync_nodes import (
    AsyncLipsyncClient,
    AuthenticationError,
    ConnectionFailed,
    InsufficientCredits,
    InvalidRequest,
    JobFailed,
    JobNotFound,
    JobStopped,
    JobTimeout,
    LipsyncClient,
    LipsyncError,
    RateLimited,
    ServiceError,
    SubmissionUncertain,
)
from lipsync_nodes.ledger import Ledger
from tests.conftest import FORMS, QUICK, Face
from tests.faults import bad_service as bad
from tests.receiving import Receiving

KEY = "sk_fault_matrix_0123456789"
HASTY = dataclasses.replace(QUICK, request_timeout=0.4)
ENDLESS = {bad.hang, bad.drip_headers, bad.drip_body, bad.hang_poll, bad.drip_poll}
HTML = b"<html><body>502 Bad Gateway</body></html>"


def soon():
    return formatdate(usegmt=True)


@dataclasses.dataclass(frozen=True)
class Fault:
    """What the service does, and what must come of one submit: the error, POSTs, jobs that exist, the ledger."""

    name: str
    behaviours: tuple
    error: type[LipsyncError] | None
    posts: int
    jobs: int
    ledger: str
    charged: bool = False

    @property
    def policy(self):
        return QUICK if ENDLESS.isdisjoint(self.behaviours) else HASTY

    @property
    def timeout(self):
        return 4.0 if self.error is JobTimeout else 20.0


def ok(name, *behaviours, posts=1):
    return Fault(name, behaviours, None, posts, 1, "completed")


def refused(name, error, *behaviours, posts=1):
    return Fault(name, behaviours, error, posts, 0, "refused")


def unsure(name, *behaviours, jobs=1):
    return Fault(name, behaviours, SubmissionUncertain, 1, jobs, "uncertain", charged=True)


ENVELOPES = ("data", "job", "result", "response")
JOB = {"id": "job-1", "status": "processing"}


def redirected(code):
    return bad.accept_saying(HTML, status=code, kind="text/html", Location="https://evil.example/")


SUBMIT_FAULTS = [
    ok("none", bad.accept),
    unsure("cut before reading", bad.cut_before_reading, jobs=0),
    unsure("cut after reading", bad.cut_after_reading),
    unsure("hang", bad.hang),
    unsure("slow drip of the headers", bad.drip_headers),
    unsure("slow drip of the body", bad.drip_body),
    refused("400", InvalidRequest, bad.refuse(400)),
    refused("401", AuthenticationError, bad.refuse(401)),
    refused("402", InsufficientCredits, bad.refuse(402)),
    refused("403", AuthenticationError, bad.refuse(403)),
    refused("404", InvalidRequest, bad.refuse(404)),
    refused("409", InvalidRequest, bad.refuse(409)),
    refused("413", InvalidRequest, bad.refuse(413)),
    refused("422", InvalidRequest, bad.refuse(422)),
    refused("425", InvalidRequest, bad.refuse(425)),
    *(unsure(f"{code}", bad.accept_saying({"error": "gave up"}, status=code)) for code in (408, 460, 499)),
    *(unsure(f"{code} to elsewhere", redirected(code)) for code in (300, 301, 302, 303, 307, 308)),
    unsure("304 without a place", bad.accept_saying(b"", status=304)),
    unsure("302, and not received", bad.refuse(302, Location="https://evil.example/"), jobs=0),
    ok("429 with seconds", bad.refuse(429, Retry_After="0.05"), bad.accept, posts=2),
    ok("429 with a date", lambda r: bad.refuse(429, Retry_After=soon(), Date=soon())(r), bad.accept, posts=2),
    refused("429 with an absurd pace", RateLimited, bad.refuse(429, Retry_After="86400")),
    refused("429 with no pace", RateLimited, bad.refuse(429)),
    refused("429 for ever", RateLimited, bad.refuse(429, Retry_After="0"), posts=QUICK.paced_tries),
    unsure("500", bad.accept_saying({"error": "oops"}, status=500)),
    unsure("502 with HTML", bad.accept_saying(HTML, status=502, kind="text/html")),
    unsure("503 with a pace", bad.accept_saying({"error": "busy"}, status=503, Retry_After="0.05")),
    unsure("503 with a pace, and not received", bad.refuse(503, Retry_After="0.05"), jobs=0),
    unsure("503 with an absurd pace", bad.accept_saying({"error": "busy"}, status=503, Retry_After="86400")),
    unsure("503 without a pace", bad.accept_saying({"error": "busy"}, status=503)),
    unsure("504", bad.accept_saying(b"", status=504)),
    *(unsure(f"{code} with a pace", bad.accept_saying(b"", status=code, Retry_After="0")) for code in (500, 502, 504)),
    *(unsure(f"{code}", bad.accept_saying(b"{}", status=code)) for code in (600, 999)),
    ok("answer cut behind the id", bad.accept_cutting_the_answer),
    ok("JSON truncated behind the id", bad.accept_saying(b'{"id": "job-1", "sta')),
    unsure("JSON truncated in the id", bad.accept_saying(b'{"id": "job-')),
    unsure("HTML with 200", bad.accept_saying(HTML, kind="text/html")),
    unsure("wrong types", bad.accept_saying({"id": ["job-1"], "status": 7})),
    unsure("not an object", bad.accept_saying(["job-1"])),
    unsure("missing id", bad.accept_saying({"status": "processing"})),
    unsure("empty body", bad.accept_saying(b"")),
    *(ok(f"the job in `{name}`", bad.accept_saying({"success": True, name: JOB})) for name in ENVELOPES),
    ok("the job in `data` in a list", bad.accept_saying({"data": [{"requestId": "job-1"}]})),
    ok("cut in an envelope behind the id", bad.accept_saying(b'{"data": {"id": "job-1", "sta')),
    unsure("200 with an error", bad.accept_saying({"error": "upstream"})),
    unsure("200 with an error, and not received", bad.refuse(200), jobs=0),
    unsure("200 without success", bad.accept_saying({"success": False, "message": "upstream"})),
    unsure("200 with an empty envelope", bad.accept_saying({"data": None, "error": {"code": 7}})),
    ok("requestId instead of id", bad.accept_as_request_id),
    ok("202 instead of 200", bad.accept_saying({"id": "job-1", "status": "created"}, status=202)),
]


def polled(name, *behaviours, error=None, ledger="completed"):
    """A fault after the job was made: whatever comes of it, money may have been spent."""
    return Fault(name, behaviours, error, 1, 1, ledger, charged=error is not None)


def finished(request):
    """The job of a poll as it ended."""
    job_id = bad.job_id_of(request)
    return {"id": job_id, "status": "completed", "output": f"{request.service.url}/output/{job_id}.mp4"}


def say_output(shape=lambda url: url[0], **fields):
    """End with an output of another shape."""

    def behave(request):
        job = finished(request)
        bad.end_with(**{**job, "output": shape([job["output"]]), **fields})(request)

    return behave


POLL_FAULTS = [
    polled("poll: connection cut, then well", bad.cut_poll, bad.finish),
    polled("poll: hang, then well", bad.hang_poll, bad.finish),
    polled("poll: slow drip, then well", bad.drip_poll, bad.finish),
    polled("poll: 500, then well", bad.say(500), bad.finish),
    polled("poll: 502 with HTML, then well", bad.say(502, HTML, kind="text/html"), bad.finish),
    polled("poll: 503 with a pace, then well", bad.say(503, Retry_After="0.05"), bad.finish),
    polled("poll: 429 with a pace, then well", bad.say(429, Retry_After="0.05"), bad.finish),
    polled("poll: 408, then well", bad.say(408), bad.finish),
    polled("poll: truncated JSON, then well", bad.say(200, b'{"id": "jo'), bad.finish),
    polled("poll: HTML with 200, then well", bad.say(200, HTML, kind="text/html"), bad.finish),
    polled("poll: wrong types, then well", bad.say(200, {"id": {}, "status": []}), bad.finish),
    polled("poll: empty body, then well", bad.say(200, b""), bad.finish),
    polled("poll: unknown status, then well", bad.still("warming_up"), bad.finish),
    polled(
        "poll: no id in the answer",
        bad.still(),
        lambda r: bad.say(200, {"status": "completed", "output": "https://x/o"})(r),
    ),
    polled("poll: 500 for ever", bad.say(500), error=JobTimeout, ledger="live"),
    polled("poll: unknown status for ever", bad.still("warming_up"), error=JobTimeout, ledger="live"),
    polled("poll: COMPLETED", say_output(status="COMPLETED")),
    polled("poll: succeeded, output as a list", say_output(list, status="succeeded")),
    polled("poll: output as an object", say_output(lambda url: {"video": {"url": url[0]}})),
    polled("poll: in an envelope", lambda r: bad.say(200, {"message": "success", "data": finished(r)})(r)),
    polled("poll: FAILED", bad.end_with(status="FAILED"), error=JobFailed, ledger="failed"),
    polled("poll: Cancelled", bad.end_with(status="Cancelled"), error=JobStopped, ledger="stopped"),
    polled("poll: error as a status", bad.say(200, {"status": "error"}), error=JobStopped, ledger="stopped"),
    polled("poll: 200 with an error, then well", bad.say(200, {"error": "busy"}), bad.finish),
    polled("poll: 200 with an error for ever", bad.say(200, {"error": "busy"}), error=JobTimeout, ledger="live"),
    polled("poll: 404 late, then well", bad.still(), bad.say(404), bad.finish),
    polled("poll: 401", bad.say(401), error=AuthenticationError, ledger="live"),
    polled("poll: 403", bad.say(403), error=AuthenticationError, ledger="live"),
    polled("poll: 404 at first, then well", bad.say(404), bad.say(404), bad.finish),
    polled("poll: 404 for ever", bad.say(404), error=JobNotFound, ledger="live"),  # it is new
    polled("poll: 400", bad.say(400), error=InvalidRequest, ledger="live"),
    polled(
        "failed",
        bad.end_with(status="failed", error="Invalid audio format"),
        error=JobFailed,
        ledger="failed",
    ),
    polled("failed without a reason", bad.end_with(status="failed"), error=JobFailed, ledger="failed"),
    polled(
        "completed without output",
        bad.end_with(status="completed", output=None),
        error=ServiceError,
        ledger="completed",
    ),
]


def run_once(fault, service, face_of, form, ledger):
    face = face_of(api_key=KEY, base_url=service.base_url, ledger=ledger, policy=fault.policy)
    try:
        job = face.run(form, key="the one", timeout=fault.timeout, poll_interval=0.03)
    except LipsyncError as error:
        return error
    assert job.output
    return None


def check(fault, service, face_of, form, tmp_path, table):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    error = run_once(fault, service, face_of, form, ledger)
    bad.wait_until(lambda: len(service.paid) >= fault.jobs)  # it may have been given up before the service read it
    (entry,) = ledger.entries()
    charged = error.may_have_charged if error else "-"
    table.append(
        (
            fault.name,
            len(service.posts),
            len(service.paid),
            type(error).__name__ if error else "done",
            charged,
            entry.state,
        )
    )

    assert type(error) is (fault.error or type(None))
    assert len(service.posts) == fault.posts
    assert len(service.paid) == fault.jobs
    assert entry.state == fault.ledger
    assert KEY not in f"{error} {error!r} {entry}"
    if error is not None:
        assert error.may_have_charged is fault.charged

    # And once more with the same key: there is never a second job where there may be a first.
    made = len(service.paid)
    service.on_submit, service.on_poll = [bad.accept], [bad.finish]
    again = run_once(fault, service, face_of, form, ledger)
    may_submit_anew = entry.state in {"refused", "failed"}
    assert len(service.paid) == made + may_submit_anew
    assert isinstance(again, SubmissionUncertain) is (entry.state == "uncertain")
    ledger.close()


@pytest.mark.parametrize("fault", SUBMIT_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_a_submit(fault, service, face_of, form, tmp_path, table):
    service.on_submit = list(fault.behaviours)
    check(fault, service, face_of, form, tmp_path, table)


SETTLED = [fault for fault in SUBMIT_FAULTS if fault.jobs and fault.ledger == "uncertain"]


@pytest.mark.parametrize("fault", SETTLED, ids=lambda fault: fault.name)
def test_a_webhook_settles_a_submit_of_unknown_outcome(fault, service, tmp_path, table):
    """The same faults where a webhook comes: one job, one row, one result, and no error."""
    service.on_submit = list(fault.behaviours)
    with Receiving(KEY, service.base_url, tmp_path / "ledger.sqlite") as receiving:

        def call_back():
            bad.wait_until(lambda: receiving.ledger.entries("uncertain"))
            service.call_back()

        coming = threading.Thread(target=call_back)
        coming.start()
        kind = (LipsyncClient, AsyncLipsyncClient)[SETTLED.index(fault) % 2]
        face = Face(kind, profile=receiving.profile, ledger=receiving.ledger, policy=fault.policy)
        job = face.run(FORMS["image"], key="the one", webhook="auto", timeout=20.0, poll_interval=15.0)
        coming.join()
        (entry,) = receiving.ledger.entries()
    table.append((f"{fault.name}, then a webhook", len(service.posts), len(service.paid), "done", "-", entry.state))
    assert (job.id, entry.job_id, entry.state) == ("job-1", "job-1", "completed")
    assert (len(service.posts), len(service.paid)) == (fault.posts, 1)


@pytest.mark.parametrize("fault", POLL_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_a_poll(fault, service, face_of, form, tmp_path, table):
    service.on_poll = list(fault.behaviours)
    if fault.policy is HASTY:  # about its polls, not about its submit
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            face_of(api_key=KEY, base_url=service.base_url, ledger=ledger).submit(form, key="the one")
    check(fault, service, face_of, form, tmp_path, table)


def test_a_connection_that_is_refused_is_tried_a_few_times(face_of, form, tmp_path, table):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with bad.unused_port() as port:
        face = face_of(api_key=KEY, base_url=f"http://127.0.0.1:{port}/api/v1", ledger=ledger)
        with pytest.raises(ConnectionFailed, match=f"in {QUICK.connect_tries} tries") as caught:
            face.submit(form, key="the one")
    assert not caught.value.may_have_charged
    (entry,) = ledger.entries()
    assert entry.state == "refused"
    table.append(("connection refused", 0, 0, "ConnectionFailed", False, entry.state))
    ledger.close()
