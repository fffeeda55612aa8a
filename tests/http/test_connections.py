"""How connections are made and answers are read: no cookie is kept, no answer grows beyond its bound."""

import asyncio
import gzip
import os
import socket
import subprocess
import sys
import textwrap
import zlib
from contextlib import ExitStack
from functools import cache

import httpx
import pytest

from lipsync_nodes import (
    AsyncLipsyncClient,
    ConfigurationError,
    ConnectionFailed,
    ImageForm,
    InvalidRequest,
    JobTimeout,
    LipsyncClient,
    ServiceError,
    SubmissionUncertain,
)
from lipsync_nodes.flows import Policy
from lipsync_nodes.http import Downloads, deliver, fetch
from lipsync_nodes.http._connect import check_address, proxy_for
from lipsync_nodes.http._pool import at_work
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile
from tests.conftest import QUICK
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService

KEY = "sk_connections_0123456789"
FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")


@pytest.fixture
def service():
    with BadService() as service:
        yield service


def encoded(body, coding):
    """Answer with a body in a content coding."""
    return lambda request: request.answer(200, body, headers={"Content-Encoding": coding})


@cache
def bomb(times):
    """Return 60 MB of zeros, compressed so many times, and the name of that coding."""
    pack = zlib.compressobj(9, wbits=31)
    body = b"".join(pack.compress(bytes(1 << 20)) for _ in range(60)) + pack.flush()
    for _ in range(times - 1):
        body = gzip.compress(body)
    return body, ", ".join(["gzip"] * times)


# Cookies: at a name, because the jar of aiohttp ignores IP addresses


def named(url):
    return url.replace("127.0.0.1", "localhost")


def cookies_of(service):
    return [headers.get("Cookie") for _, headers in service.polls]


@pytest.mark.usefixtures("polls")
def test_clients_of_one_loop_share_no_cookie(service):
    """A gateway's session cookie would have the second key's request done in the name of the first."""
    service.on_poll = [bad.say(200, {"id": "j", "status": "processing"}, Set_Cookie="session=of-the-first; Path=/")]

    async def go():
        async with (
            at_work(),  # keeps the connections of aiohttp between the polls
            AsyncLipsyncClient("sk_a", named(service.base_url)) as first,
            AsyncLipsyncClient("sk_b", named(service.base_url)) as second,
        ):
            await first.job("j")
            await second.job("j")

    asyncio.run(go())
    assert cookies_of(service) == [None, None]


def test_a_client_sends_no_cookie_back(service):
    service.on_poll = [bad.say(200, {"id": "j", "status": "processing"}, Set_Cookie="session=1; Path=/")]
    with LipsyncClient("sk_a", named(service.base_url)) as client:
        client.job("j")
        client.job("j")
    assert cookies_of(service) == [None, None]


def test_a_download_sends_no_cookie_back(service):
    service.on_poll = [bad.say(200, b"", Set_Cookie="session=1; Path=/")]
    with Downloads(lambda _: None, use_proxies=False) as downloads:
        for _ in range(2):
            with downloads.open(f"{named(service.url)}/x", {}, 20.0) as response:
                response.read()
    assert cookies_of(service) == [None, None]


# Encoded answers

PEAK = 16 << 20


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("way", ["sync", "async", "aiohttp", "given", "fetch", "deliver"])
def test_a_compression_bomb_takes_no_memory(service, way, times):
    """2.6 kB that unpack to 3 GB: the bound holds for what is decoded, as it is decoded."""
    service.on_poll = service.on_submit = [encoded(*bomb(times))]
    code = f"""
        import asyncio, contextlib, tracemalloc, httpx
        from lipsync_nodes import AsyncLipsyncClient, LipsyncClient, LipsyncError
        from lipsync_nodes.http import _pool, deliver, fetch
        from lipsync_nodes.http._fast import Fast
        at = ("sk_x", {service.base_url!r})
        async def ask():
            async with AsyncLipsyncClient(*at) as client:
                await client.job("j")
        async def ask_by_aiohttp():
            _pool.MANY, _pool.aiohttp._started, _pool.aiohttp._kind = 1, True, Fast
            await ask()
        ways = {{
            "sync": lambda: LipsyncClient(*at).job("j"),
            "async": lambda: asyncio.run(ask()),
            "aiohttp": lambda: asyncio.run(ask_by_aiohttp()),
            "given": lambda: LipsyncClient(*at, http_client=httpx.Client()).job("j"),
            "fetch": lambda: fetch(at[1] + "/x"),
            "deliver": lambda: deliver(at[1] + "/x", b"{{}}"),
        }}
        tracemalloc.start()
        with contextlib.suppress(LipsyncError):
            ways[{way!r}]()
        print(tracemalloc.get_traced_memory()[1])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < PEAK


@pytest.mark.parametrize("coding", ["gzip", "deflate", "x-gzip", "identity"])
def test_an_answer_in_one_known_coding_is_read(face_of, service, coding):
    """It is not asked for; some gateways compress all the same."""
    plain = b'{"id": "j", "status": "processing"}'
    pack = {"deflate": zlib.compress, "identity": bytes}.get(coding, gzip.compress)
    service.on_poll = [encoded(pack(plain), coding)]
    assert face_of(api_key="sk_x", base_url=service.base_url).job("j").id == "j"
    assert service.polls[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "gzip"])
def test_an_answer_that_cannot_be_decoded_says_so(face_of, service, coding):
    service.on_poll = [encoded(b"no such thing", coding)]
    service.on_submit = [bad.accept_saying(b"no such thing"), encoded(b"no such thing", coding)]
    face = face_of(api_key="sk_x", base_url=service.base_url)
    with pytest.raises(ServiceError, match="cannot be read"):
        face.job("j")


def test_a_submit_whose_answer_cannot_be_decoded_is_uncertain(face_of, service):
    def accept(request):
        request.read()
        request.service.make_job()
        encoded(b"no such thing", "gzip, gzip")(request)

    service.on_submit = [accept]
    with pytest.raises(SubmissionUncertain):
        face_of(api_key="sk_x", base_url=service.base_url).submit(FORM)
    assert len(service.posts) == 1


def test_a_transport_that_gives_all_at_once_is_read():
    """Such as `httpx.MockTransport`, with which applications test what they build."""
    answers = httpx.MockTransport(lambda _: httpx.Response(200, json={"id": "j", "status": "processing"}))
    with httpx.Client(transport=answers) as given, LipsyncClient("sk_x", http_client=given) as client:
        assert client.job("j").id == "j"


def test_a_small_file_that_is_encoded_is_fetched(service):
    service.on_poll = [encoded(gzip.compress(b"content"), "gzip")]
    assert fetch(f"{service.url}/x").body == b"content"


def test_a_webhook_is_delivered(service):
    service.on_submit = [bad.refuse(204, b"")]
    assert deliver(f"{service.url}/x", b"{}").status == 204


# What makes a connection impossible

SERVICE = "https://service.example:444/api/v1"
HOPELESS = [
    {"HTTPS_PROXY": "http://proxy.example:abc"},
    {"HTTPS_PROXY": "socks5://127.0.0.1:9"},
    {"HTTPS_PROXY": "nonsense://x"},
    {"ALL_PROXY": "http://[::1"},
    {"SSL_CERT_FILE": "/no/such/file.pem"},
]


@pytest.mark.parametrize("kind", [LipsyncClient, AsyncLipsyncClient], ids=["sync", "async"])
@pytest.mark.parametrize("env", HOPELESS, ids=[" ".join(*env.items()) for env in HOPELESS])
def test_a_hopeless_environment_is_told_before_a_claim(tmp_path, kind, env):
    code = f"""
        import asyncio, inspect
        from lipsync_nodes import ConfigurationError, ImageForm, {kind.__name__}
        from lipsync_nodes.ledger import Ledger
        ledger = Ledger({str(tmp_path / "l.sqlite")!r})
        client = {kind.__name__}("sk_x", {SERVICE!r}, ledger=ledger)
        async def go():
            job = client.submit(ImageForm(image="https://x/i", audio="https://x/a"), key="k")
            return await job if inspect.isawaitable(job) else job
        try:
            asyncio.run(go())
        except ConfigurationError as error:
            print(error.may_have_charged, len(ledger.entries()))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "0"], done.stderr


def no_thread(_thread):
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("face", ["sync", "async"])
def test_no_thread_to_start_is_told_before_a_claim(tmp_path, monkeypatch, face):
    """A limit on processes (RLIMIT_NPROC) is one on threads."""

    async def submit_on_a_loop():
        async with AsyncLipsyncClient("sk_x", SERVICE, ledger=ledger) as client:
            with monkeypatch.context() as limited:
                limited.setattr("threading.Thread.start", no_thread)
                with pytest.raises(ConfigurationError, match="can't start new thread"):
                    await client.submit(FORM, key="k")

    def submit():
        with LipsyncClient("sk_x", SERVICE, ledger=ledger) as client, monkeypatch.context() as limited:
            limited.setattr("threading.Thread.start", no_thread)
            with pytest.raises(ConfigurationError, match="can't start new thread"):
                client.submit(FORM, key="k")

    with Ledger(tmp_path / "l.sqlite") as ledger:
        submit() if face == "sync" else asyncio.run(submit_on_a_loop())
        assert ledger.entries() == []


def test_no_thread_for_one_request_costs_nothing(service, tmp_path, monkeypatch):
    """The limit may be reached between the claim and the request."""
    monkeypatch.setattr("threading.Timer.start", no_thread)
    with Ledger(tmp_path / "l.sqlite") as ledger:
        with LipsyncClient("sk_x", service.base_url, ledger=ledger, policy=QUICK) as client:
            with pytest.raises(ConnectionFailed, match="can't start new thread"):
                client.submit(FORM, key="k")
        assert [entry.state for entry in ledger.entries()] == ["refused"]
    assert service.posts == []


BAD_URLS = [
    "https://lipsync..studio/api/v1",
    "https://service.example:abc/api/v1",
    "https://service.example:99999/api/v1",
    f"https://{'x' * 64}.example/api/v1",
    "https://xn--a.example\u2100/api/v1",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_base_url_that_leads_nowhere_is_told_before_a_claim(face_of, tmp_path, url):
    profile = Profile(api_key="sk_x").model_copy(update={"base_url": url})
    with Ledger(tmp_path / "l.sqlite") as ledger:
        with pytest.raises(ConfigurationError, match="No connection can be made"):
            face_of(profile=profile, ledger=ledger).submit(FORM, key="k")
        assert ledger.entries() == []


@pytest.mark.parametrize("url", ["https://service.example", "https://[::1]:8443/x", "https://bücher.example./"])
def test_a_base_url_that_may_lead_somewhere_passes(url):
    check_address(url)


@pytest.fixture
def crowded():
    """The port of a server whose queue is full: to connect takes for ever, or is refused, as the system has it."""
    with ExitStack() as opened:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
        for _ in range(8):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def test_a_server_that_is_never_reached_received_nothing(face_of, tmp_path, crowded):
    """The time of the request and that of connecting are up at once: the async face took it for sent, and uncertain."""
    profile = Profile(api_key=KEY, base_url=f"http://127.0.0.1:{crowded}/api/v1")
    policy = Policy(request_timeout=0.5, connect_tries=2, first_pause=0.01)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(ConnectionFailed):
            face_of(profile=profile, ledger=ledger, policy=policy).submit(FORM, key="k")
        assert [entry.state for entry in ledger.entries()] == ["refused"]


def test_a_job_id_that_is_none_is_not_asked_for(face_of, service):
    with pytest.raises(InvalidRequest, match="is not a job id"):
        face_of(api_key="sk_x", base_url=service.base_url).job("x" * 100_000)
    assert service.polls == []


# Proxies

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("fd00::/8", "https://[fd12::1]/", True),
        ("fd00::/8", "https://[fe12::1]/", False),
        ("[::1]", "https://service.example/", False),
        ("[fd12::1]:8443", "https://[fd12::1]:8443/", True),
        ("[fd12::1]:8443", "https://[fd12::1]/", False),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.0.0.1/8", "https://10.1.2.3/", True),
        ("other, service.example", "https://service.example/", True),
        (".example", "https://service.example/", True),
        ("*.example", "https://SERVICE.example./", True),
        ("example", "https://myexample/", False),
        ("service.example:443", "https://service.example/", True),
        ("service.example:444", "https://service.example/", False),
        ("http://service.example", "https://service.example/", False),
        ("service.example:abc", "https://service.example/", False),
        ("*", "https://service.example/", True),
        ("", "https://localhost:8000/", True),
    ],
)
def test_no_proxy_is_understood(monkeypatch, no_proxy, url, direct):
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", PROXY)
    monkeypatch.setenv("no_proxy", no_proxy)
    assert (proxy_for(url) is None) is direct


@pytest.fixture
def through(monkeypatch, service):
    """Have the environment name the service as the proxy, and except what httpx does not understand."""
    monkeypatch.setenv("http_proxy", service.url)
    monkeypatch.setenv("no_proxy", "fd00::/8,[::1],127.0.0.0/8")


def test_all_faces_go_through_the_proxy(face_of, service, through):
    # A profile with http is no use beyond this machine; it is what shows that the proxy is asked, without a tunnel.
    profile = Profile(api_key="sk_x").model_copy(update={"base_url": "http://service.example/api/v1"})
    service.on_poll = [bad.still()]
    assert face_of(profile=profile).job("j").id == "j"
    assert service.polls[0][0] == "http://service.example/api/v1/jobs/j"


def test_files_go_through_the_proxy(service, through):
    service.on_poll = [bad.say(200, b"content")]
    assert fetch("http://files.example/x").body == b"content"
    with Downloads(lambda _: None, use_proxies=True) as downloads:
        with downloads.open("http://v.example/x", {}, 20.0) as response:
            assert response.read() == b"content"
    assert [path for path, _ in service.polls] == ["http://files.example/x", "http://v.example/x"]


def test_a_wait_outlives_a_lack_of_threads(service, monkeypatch):
    """It passes, as a broken connection does."""
    monkeypatch.setattr("threading.Timer.start", no_thread)
    with LipsyncClient("sk_x", service.base_url, policy=QUICK) as client:
        with pytest.raises(JobTimeout):
            client.wait("j", timeout=0.2, poll_interval=0.05)
