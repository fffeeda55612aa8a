"""What the drivers owe the flows: what an exception means, what is fresh, what a cancelled or stopped caller leaves."""

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import threading
import weakref

import httpcore
import httpx
import pytest

from lipsync_nodes import (
    AsyncLipsyncClient,
    ConfigurationError,
    ConnectionFailed,
    ImageForm,
    InvalidRequest,
    LipsyncClient,
    LipsyncError,
    SubmissionUncertain,
)
from lipsync_nodes._redaction import conceal, redact
from lipsync_nodes.http import _sync as sync
from lipsync_nodes.http._wire import outcome
from lipsync_nodes.ledger import Ledger
from tests.conftest import QUICK
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService

FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")


@pytest.fixture
def service():
    with BadService() as service:
        yield service


def raised(kind, cause):
    error = kind("it broke")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("name", ["ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"])
def test_what_httpcore_never_sent_was_never_sent(name):
    assert not outcome(raised(getattr(httpx, name), getattr(httpcore, name)()), None).sent


@pytest.mark.parametrize(
    "name", ["ReadTimeout", "WriteTimeout", "ReadError", "WriteError", "RemoteProtocolError", "LocalProtocolError"]
)
def test_whatever_may_have_been_sent_counts_as_sent(name):
    assert outcome(raised(getattr(httpx, name), getattr(httpcore, name)()), None).sent


@pytest.mark.parametrize("cause", [None, ConnectionResetError(), TimeoutError()])
def test_another_transports_word_for_it_is_not_taken(cause):
    """httpx-aiohttp calls a connection that was cut after the request a ConnectTimeout."""
    assert outcome(raised(httpx.ConnectTimeout, cause), None).sent


def test_what_is_no_failure_of_the_request_is_raised():
    with pytest.raises(TypeError):
        outcome(TypeError("a mistake"), None)


class Cutting(httpx.BaseTransport):
    """A transport that carries the request out and then misnames what happened."""

    def __init__(self):
        self.inner, self.sent = httpx.HTTPTransport(), 0

    def handle_request(self, request):
        self.sent += 1
        self.inner.handle_request(request).read()
        raise httpx.ConnectTimeout("Server disconnected")


def test_a_transport_that_misnames_a_cut_makes_nobody_pay_twice(service):
    transport = Cutting()
    with httpx.Client(transport=transport) as given:
        with LipsyncClient("sk_x", service.base_url, http_client=given) as client:
            with pytest.raises(SubmissionUncertain):
                client.submit(FORM)
    transport.inner.close()
    assert transport.sent == len(service.paid) == 1


def test_each_submit_has_a_connection_of_its_own_on_both_faces(face_of, service):
    async def two():
        async with AsyncLipsyncClient("sk_x", service.base_url) as client:
            await client.submit(FORM)
            await client.submit(FORM)

    asyncio.run(two())
    with LipsyncClient("sk_x", service.base_url) as client:
        client.submit(FORM)
        client.submit(FORM)
    assert len({headers["X-Port"] for _, headers in service.posts}) == 4


async def given_up_on_its_way(client, service):
    """Submit, and cancel it once the service has it."""
    submit = asyncio.create_task(client.submit(FORM, key="k"))
    while not service.posts:
        await asyncio.sleep(0.01)
    submit.cancel()
    await submit


def test_an_ended_loop_still_leaves_the_job_id(service, tmp_path):
    """`asyncio.run` cancels what is left; closing the client waits for the answer before that."""

    def later(request):
        given_up.wait(30)
        bad.accept(request)

    given_up = threading.Event()
    service.on_submit = [later]
    ledger = Ledger(tmp_path / "ledger.sqlite")

    async def go():
        async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            with pytest.raises(asyncio.CancelledError):
                await given_up_on_its_way(client, service)
            given_up.set()

    asyncio.run(go())
    (entry,) = ledger.entries()
    assert (entry.state, entry.job_id) == ("live", service.paid[0])
    ledger.close()


def test_a_caller_who_gives_up_leaves_an_uncertain_submit(service, tmp_path, monkeypatch):
    """A caller who gives up before the answer ever comes leaves an uncertain submit."""
    monkeypatch.setattr("lipsync_nodes.http._aio.KEPT_SECONDS", 0.1)
    service.on_submit = [bad.hang]
    ledger = Ledger(tmp_path / "ledger.sqlite")

    async def go():
        async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            await given_up_on_its_way(client, service)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(go())
    assert [entry.state for entry in ledger.entries()] == ["uncertain"]
    ledger.close()


def test_a_cancelled_download_stops_and_leaves_nothing(service, tmp_path):
    def slowly(request):
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + bad.OUTPUT)
        for _ in range(40):
            request.wfile.write(bytes(100))
            request.wfile.flush()
            request.service.linger(0.05)
        request.cut()

    service.on_output = [slowly]

    async def go():
        async with AsyncLipsyncClient("sk_x", service.base_url) as client:
            await asyncio.wait_for(client.download(f"{service.url}/output/v.mp4", tmp_path / "v.mp4"), 0.3)

    with pytest.raises(TimeoutError):
        asyncio.run(go())
    assert list(tmp_path.glob("*")) in ([], [tmp_path / "home"])


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process")
def test_ctrl_c_in_a_submit_leaves_an_uncertain_one(service, tmp_path):
    """Ctrl-C in the middle of a submit leaves an uncertain one at once."""
    service.on_submit = [bad.hang]
    code = f"""
        from lipsync_nodes import ImageForm, LipsyncClient
        from lipsync_nodes.ledger import Ledger
        form = ImageForm(image="https://x/i", audio="https://x/a")
        with LipsyncClient("sk_x", {service.base_url!r}, ledger=Ledger({str(tmp_path / "l.sqlite")!r})) as client:
            client.submit(form, key="k")
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE, text=True)
    bad.wait_until(lambda: service.paid)
    process.send_signal(signal.SIGINT)
    assert "A submit was on its way" in process.communicate(timeout=60)[1]
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert [entry.state for entry in ledger.entries()] == ["uncertain"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:9"), ("HTTPS_PROXY", "nonsense://x"), ("SSL_CERT_FILE", "/no/such/file.pem")],
)
@pytest.mark.parametrize("kind", [LipsyncClient, AsyncLipsyncClient], ids=["sync", "async"])
def test_an_impossible_connection_is_refused_before_the_claim(kind, variable, value, tmp_path):
    """An environment that allows no connection is told before anything is claimed."""
    code = f"""
        import asyncio, inspect
        from lipsync_nodes import ConfigurationError, ImageForm, {kind.__name__}
        from lipsync_nodes.ledger import Ledger
        ledger = Ledger({str(tmp_path / "l.sqlite")!r})
        client = {kind.__name__}("sk_x", "https://service.example", ledger=ledger)
        async def go():
            job = client.submit(ImageForm(image="https://x/i", audio="https://x/a"), key="k")
            return await job if inspect.isawaitable(job) else job
        try:
            asyncio.run(go())
        except ConfigurationError as error:
            print(error.may_have_charged, len(ledger.entries()))
    """
    env = {**os.environ, variable: value}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=env, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "0"], done.stderr


def test_a_drip_on_a_connection_that_was_kept_ends_in_time(service):
    service.on_poll = [bad.still(), bad.drip_poll]
    hasty = dataclasses.replace(QUICK, request_timeout=0.5)
    with httpx.Client() as given, LipsyncClient("sk_x", service.base_url, http_client=given, policy=hasty) as client:
        client.job("job-1", timeout=20)
        with pytest.raises(LipsyncError):
            client.wait("job-1", timeout=1.0, poll_interval=0.05)


@pytest.mark.parametrize("extra", [{"x": "\ud800"}, {"x": float("nan")}])
def test_what_is_no_json_is_refused_before_it_is_claimed(service, tmp_path, extra):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with LipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            with pytest.raises(InvalidRequest):
                client.submit(ImageForm(image="https://x/i", audio="https://x/a", extra=extra), key="k")
        assert not ledger.entries()


@pytest.mark.parametrize("key", ["", "  "])
def test_a_blank_key_is_no_key(service, tmp_path, key):
    with Ledger(tmp_path / "ledger.sqlite") as ledger, LipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
        with pytest.raises(InvalidRequest, match="blank"):
            client.submit(FORM, key=key)


def test_an_unwritable_folder_is_refused_before_the_submit(service, tmp_path):
    """A folder that cannot be written is told before the video is paid for."""
    (tmp_path / "file").touch()
    with LipsyncClient("sk_x", service.base_url) as client:
        with pytest.raises(ConfigurationError, match="cannot be written"):
            client.submit(FORM, target=tmp_path / "file" / "v.mp4")
    assert not service.posts


def test_a_service_that_is_not_there_costs_nothing(tmp_path):
    with bad.unused_port() as port, LipsyncClient("sk_x", f"http://127.0.0.1:{port}", policy=QUICK) as client:
        with pytest.raises(ConnectionFailed):
            client.submit(FORM)


def test_a_key_is_masked_in_whatever_form_it_is_quoted():
    conceal("sk_quoted_0123456789")
    for text in ('{"foo":"bad key:\\nsk_quoted_0123456789"}', "apikey%3Dsk_quoted_0123456789", "xsk_quoted_0123456789"):
        assert "quoted" not in redact(text)
    conceal("short")
    assert redact("short") == "short"


def test_no_ctrl_c_is_lost_to_a_request_that_is_forgotten(monkeypatch):
    """Python calls back the weak references to a thread where it is forgotten, and ignores a Ctrl-C that comes then."""

    def start(timer):
        weakref.finalize(timer, lambda: forgotten_by.append(threading.get_ident()))
        begin(timer)

    forgotten_by, begin = [], threading.Timer.start
    monkeypatch.setattr(threading.Timer, "start", start)
    for _ in range(100):
        with sync.Watchdog(5):
            pass
    bad.wait_until(lambda: len(forgotten_by) == 100)
    assert forgotten_by.count(threading.get_ident()) < 10
