"""Polls through aiohttp, with the extra `fast`: the same answers as through httpx, and nothing but polls.

Most tests of this room run with both: `face_of` and `polls`. Here is what they do not cover.
"""

import asyncio
import gc
import gzip
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
import types
from contextlib import suppress

import pytest
import trustme

from lipsync_nodes import AsyncLipsyncClient, ConnectionFailed, ImageForm, JobTimeout, LipsyncError, ServiceError
from lipsync_nodes.flows import Policy
from lipsync_nodes.http import _pool as pool
from lipsync_nodes.http._body import LARGEST_ANSWER
from lipsync_nodes.http._connect import tls_context
from lipsync_nodes.settings import Profile
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService, unused_port

KEY = "sk_fast_0123456789"
FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")


@pytest.fixture
def service():
    with BadService() as service:
        yield service


def poll(service, policy=None, **profile):
    """Poll one job; return it, or the error."""

    async def go():
        options = {"base_url": service.base_url, "api_key": KEY, **profile}
        made = Profile(api_key=options["api_key"]).model_copy(update={"base_url": options["base_url"]})
        async with AsyncLipsyncClient(profile=made, policy=policy or Policy(request_timeout=2.0)) as client:
            return await client.job("j")

    try:
        return asyncio.run(go())
    except LipsyncError as error:
        return error


def raw(data):
    """Answer with these bytes and cut the connection."""

    def behave(request):
        request.wfile.write(data)
        request.cut()

    return behave


def long_header(request):
    request.answer(200, {"id": "j", "status": "processing"}, headers={"X-Long": "x" * 20_000})


def oversized(request):
    request.answer(200, b" " * LARGEST_ANSWER + b'{"id": "j"}')


def doubled(request):
    request.send_response(429)
    for value in ("7", "8"):
        request.send_header("X-Twice", value)
    request.send_header("Retry-After", "7")
    request.send_header("Content-Length", "0")
    request.end_headers()


ANSWERS = {
    "processing": bad.still(),
    "completed": bad.finish,
    "cut": bad.cut_poll,
    "cut while connecting": bad.cut_before_reading,
    "hang": bad.hang_poll,
    "slow body": bad.drip_poll,
    "body cut short": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id": "j"'),
    "chunks cut short": raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n'),
    "no length": raw(b'HTTP/1.1 200 OK\r\n\r\n{"id": "j", "status": "processing"}'),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "long header": long_header,
    "oversized": oversized,
    "gzip": lambda request: request.answer(
        200, gzip.compress(b'{"id": "j", "status": "processing"}'), headers={"Content-Encoding": "gzip"}
    ),
    "broken gzip": lambda request: request.answer(200, b"no such thing", headers={"Content-Encoding": "gzip"}),
    "redirect": bad.say(302, b"", Location="/api/v1/jobs/other"),
    "unauthorized": bad.say(401),
    "not found": bad.say(404),
    "too many": doubled,
    "Latin-1": bad.say(503, b"{}", X_Name="caf\xe9"),
    "unavailable": bad.say(503),
    "empty": bad.say(204, b""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_the_same(service, name, request):
    """The class, code and facts of what a poll returns or raises; only the words for a lost connection differ."""
    service.on_poll = [ANSWERS[name]]
    policy = Policy(request_timeout=0.5 if name in {"hang", "slow body"} else 5.0)
    by_httpx = poll(service, policy)
    request.getfixturevalue("aiohttp_polls")
    by_aiohttp = poll(service, policy)
    for one in (by_httpx, by_aiohttp):
        if isinstance(one, ConnectionFailed):
            one.facts.pop("reason")
    assert type(by_aiohttp) is type(by_httpx)
    if isinstance(by_httpx, LipsyncError):
        described = [(one.code, one.remedy, one.facts, one.retryable) for one in (by_aiohttp, by_httpx)]
        assert described[0] == described[1]
    else:
        assert by_aiohttp == by_httpx


def test_a_request_is_the_same(service, request):
    service.on_poll = [bad.still()]
    poll(service)
    request.getfixturevalue("aiohttp_polls")
    poll(service)
    by_httpx, by_aiohttp = service.polls
    ours = {name: value for name, value in by_httpx[1].items() if name != "Connection"}
    assert (by_aiohttp[0], by_aiohttp[1]) == (by_httpx[0], ours)


@pytest.mark.usefixtures("polls")
def test_a_refused_connection_is_a_failed_poll(service):
    with unused_port() as port:
        error = poll(service, base_url=f"http://127.0.0.1:{port}/api/v1")
    assert (type(error), error.code) == (ConnectionFailed, "poll.no_answer")


@pytest.mark.usefixtures("polls")
def test_an_unknown_certificate_is_a_failed_poll(service):
    """The TLS context is that of httpx: a server that nobody vouches for gets no key."""
    authority, heard = trustme.CA(), []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with suppress(OSError), context.wrap_socket(server.accept()[0], server_side=True) as connection:
                heard.append(connection.recv(1))

        thread = threading.Thread(target=serve)
        thread.start()
        error = poll(service, base_url=f"https://127.0.0.1:{server.getsockname()[1]}/api/v1")
        thread.join()
    assert (type(error), b"".join(heard)) == (ConnectionFailed, b"")
    assert "CERTIFICATE_VERIFY_FAILED" in error.facts["reason"]


@pytest.mark.usefixtures("polls")
def test_an_answer_over_tls_is_read(service, tmp_path, monkeypatch):
    """It is also longer than one TLS record."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    service._server.socket = context.wrap_socket(service._server.socket, server_side=True)
    service.on_poll = [bad.say(200, {"id": "j", "status": "processing", "note": "x" * 40_000})]
    tls_context.cache_clear()
    try:
        job = poll(service, base_url=service.base_url.replace("http://127.0.0.1", "https://localhost"))
    finally:
        tls_context.cache_clear()
    assert (job.id, len(job.note)) == ("j", 40_000)


def test_behind_a_proxy_polls_go_through_httpx(service, monkeypatch, aiohttp_polls):
    """A proxy may have a password; only one library has to keep it."""
    monkeypatch.setenv("http_proxy", service.url)
    service.on_poll = [bad.still()]

    class Never:
        def __init__(self):
            raise AssertionError("it was used")

    pool.aiohttp._kind = Never
    assert poll(service, base_url="http://service.example/api/v1").id == "j"
    assert service.polls[0][0] == "http://service.example/api/v1/jobs/j"


def test_a_submit_never_goes_through_aiohttp(service, aiohttp_polls, monkeypatch):
    from lipsync_nodes.http._fast import Fast

    sent = []
    exchange = Fast.exchange

    async def seen(self, send, profile):
        sent.append(send.method)
        return await exchange(self, send, profile)

    monkeypatch.setattr(Fast, "exchange", seen)

    async def go():
        async with AsyncLipsyncClient(KEY, service.base_url) as client:
            await client.run(FORM, poll_interval=0.05, timeout=30)

    asyncio.run(go())
    assert set(sent) == {"GET"}
    assert len(service.posts) == 1


@pytest.mark.usefixtures("polls")
def test_an_idle_connection_that_the_server_closed_fails_no_poll(service):
    service.on_poll = [lambda request: (bad.still()(request), request.cut())]

    async def go():
        async with AsyncLipsyncClient(KEY, service.base_url) as client:
            with pytest.raises(JobTimeout) as caught:
                await client.wait("j", timeout=1.0, poll_interval=0.1)
            return caught.value

    assert asyncio.run(go()).facts.get("trouble") is None
    assert len(service.polls) > 3


def test_one_job_needs_no_aiohttp(service):
    """Its import takes 100 ms."""
    service.on_poll = [bad.still()]
    code = f"""
        import asyncio, sys
        from lipsync_nodes import AsyncLipsyncClient
        async def go(jobs):
            async with AsyncLipsyncClient({KEY!r}, {service.base_url!r}) as client:
                waits = [asyncio.create_task(client.wait(f"j{{n}}", poll_interval=0.05)) for n in range(jobs)]
                for _ in range(200):
                    await asyncio.sleep(0.05)
                    from lipsync_nodes.http._pool import pool_of
                    if "aiohttp" in sys.modules and pool_of(asyncio.get_running_loop())._fast or jobs == 1 and _ > 5:
                        break
                print("aiohttp" in sys.modules)
                for wait in waits:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)
        asyncio.run(go(1))
        asyncio.run(go(32))
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.stdout.split(), done.stderr) == (["False", "True"], "")


def test_without_aiohttp_all_goes_through_httpx(service):
    code = f"""
        import asyncio, sys
        class Missing:
            def find_spec(self, name, *_):
                if name.partition(".")[0] == "aiohttp":
                    raise ImportError("it is broken")
        sys.meta_path.insert(0, Missing())
        import lipsync_nodes.http._pool as pool
        pool.find_spec = lambda name: True
        from lipsync_nodes import AsyncLipsyncClient
        async def go():
            async with AsyncLipsyncClient({KEY!r}, {service.base_url!r}) as client:
                jobs = await asyncio.gather(*(client.wait(f"j{{n}}", poll_interval=0.05) for n in range(40)))
                print(len(jobs))
        asyncio.run(go())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120)
    assert (done.stdout.split(), done.stderr) == (["40"], "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_during_the_import_leaves_it_possible(monkeypatch):
    """A child that was forked while another thread imports a module could never import it."""
    importing, loader = threading.Event(), pool.Loader()

    class Slow(types.ModuleType):
        def __getattr__(self, name):
            if name == "Fast":
                importing.set()
                time.sleep(0.5)
            return "imported"

    monkeypatch.setitem(sys.modules, "lipsync_nodes.http._fast", Slow("slow"))
    thread = threading.Thread(target=loader._load)
    thread.start()
    importing.wait()
    child = os.fork()
    if not child:
        os._exit(0 if loader._kind == "imported" else 1)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_end_of_the_last_wait_closes_the_session(service, aiohttp_polls, recwarn):
    """Even if nobody closes the client."""
    service.on_poll = [bad.still()]
    client = AsyncLipsyncClient(KEY, service.base_url)

    async def go():
        waiting = asyncio.create_task(client.wait("j", poll_interval=0.05))
        while len(service.polls) < 2:
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert pool.pool_of(asyncio.get_running_loop())._fast is None
        await client.close()

    asyncio.run(go())
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


def test_a_cancel_during_the_end_keeps_no_connections(service, aiohttp_polls):
    """The scopes of anyio cancel a task again and again, also while it closes something."""
    service.on_poll = [bad.still()]

    async def go():
        async with AsyncLipsyncClient(KEY, service.base_url) as client:
            waiting = asyncio.create_task(client.wait("j", poll_interval=0.05))
            while not service.polls:
                await asyncio.sleep(0.01)
            while not waiting.done():
                waiting.cancel()
                await asyncio.sleep(0)
        assert asyncio.get_running_loop() not in pool._pools

    asyncio.run(go())


def test_an_id_that_is_odd_arrives_as_it_is(service, face_of):
    service.on_poll = [bad.still()]
    face_of(api_key=KEY, base_url=service.base_url).job("a b+c%2F")
    assert service.polls[0][0].endswith("/jobs/a%20b%2Bc%252F")


def test_a_wrong_answer_is_a_service_error(service, aiohttp_polls):
    service.on_poll = [bad.say(200, b"<html>")]
    assert type(poll(service)) is ServiceError
