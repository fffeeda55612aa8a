"""No traceback shows the key, whatever ends what the clients do and whoever renders it with its local variables.

rich, `traceback` and a default error-reporting SDK are given the real thing: a request on its way over HTTP.
"""

import asyncio
import io
import os
import signal
import threading
import traceback
import wave

import httpx
import httpx2
import pytest
import rich.console
import rich.traceback
import sentry_sdk
import sentry_sdk.transport
import sentry_sdk.utils

from lipsync_nodes import AsyncLipsyncClient, ImageForm, JobFailed, LipsyncClient
from lipsync_nodes._tracebacks import NoFramesBelow, interrupt_first
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.plugins import hookimpl, plugins
from lipsync_nodes.service import Asset
from lipsync_nodes.settings import Profile, load_profile
from lipsync_nodes.webhooks import WebhookReceiver
from lipsync_nodes_pluggy import plugin_for
from tests.conftest import QUICK
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService

# It is found in what is cut short, too.
KEY = "sk_shown_0123456789"
NEEDLE = KEY[3:12]
FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")


def sound():
    """A tenth of a second of a buzz: silence would be refused."""
    with wave.open(file := io.BytesIO(), "wb") as writer:
        writer.setparams((1, 2, 8000, 800, "NONE", None))
        writer.writeframes(bytes([0, 64, 0, 192] * 400))
    return file.getvalue()


LOCAL = ImageForm(image="https://x/i.png", audio=Asset(sound()))

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals to a thread")


def by_traceback(error):
    return "".join(traceback.TracebackException(type(error), error, error.__traceback__, capture_locals=True).format())


def by_rich(error):
    everything = {"show_locals": True, "locals_max_length": None, "locals_max_string": None, "max_frames": 0}
    shown = rich.traceback.Traceback.from_exception(type(error), error, error.__traceback__, **everything)
    console = rich.console.Console(file=io.StringIO(), width=500)
    console.print(shown)
    return console.file.getvalue()


class Kept(sentry_sdk.transport.Transport):
    """Keeps the events in place of sending them."""

    said = ""

    def capture_envelope(self, envelope):
        self.said += envelope.serialize().decode("utf-8", "replace")


def by_sentry(error):
    client = sentry_sdk.Client(dsn="https://key@reports.example/1", transport=Kept, default_integrations=False)
    client.capture_event(*sentry_sdk.utils.event_from_exception(error, client_options=client.options))
    return client.transport.said


RENDERERS = [by_traceback, by_rich, by_sentry]


def assert_no_key_in(error):
    for render in RENDERERS:
        shown = render(error)
        assert type(error).__name__ in shown
        where = shown.find(NEEDLE)
        assert where < 0, f"{render.__name__}: {shown[max(0, where - 3000) : where + 300]}"


def ended(work):
    """Return what ends some work."""
    try:
        work()
    except BaseException as error:  # noqa: BLE001
        return error
    raise AssertionError("nothing ended it")


@pytest.fixture
def service():
    with BadService() as service:
        yield service


class TimeLimit(Exception):
    """Raised by a signal handler, as task queues do it."""


@pytest.fixture(params=[signal.SIGINT, signal.SIGUSR1], ids=["ctrl-c", "time limit"])
def strike(request, service, monkeypatch):
    """Have a signal come while the service has a request and has not answered it."""

    def limit(_number, _frame):
        raise TimeLimit

    once = iter([request.param])

    def behave(asked):
        for number in once:
            asked.service.linger(0.3)  # until the client reads: the logging of what it sends suppresses exceptions
            signal.pthread_kill(threading.main_thread().ident, number)
        asked.service.linger(0.2)
        asked.cut()

    before = signal.signal(signal.SIGUSR1, limit)
    yield behave
    signal.signal(signal.SIGUSR1, before)


SYNC = {
    "submit": lambda client, _: client.submit(FORM),
    "submit of a file": lambda client, _: client.submit(LOCAL),
    "job": lambda client, _: client.job("j"),
    "wait": lambda client, _: client.wait("j"),
    "run": lambda client, _: client.run(FORM),
    "run_many": lambda client, _: client.run_many([FORM, FORM]),
    "download": lambda client, folder: client.download(client.url, folder / "v.mp4"),
}


@pytest.mark.parametrize("method", SYNC)
def test_a_signal_shows_no_key(service, strike, tmp_path, method):
    service.on_submit = [bad.accept] if method == "run" else [strike]
    service.on_poll = service.on_output = service.on_upload = [strike]
    if method == "submit of a file":
        service.on_submit = [bad.accept]

    def work():
        with LipsyncClient(KEY, service.base_url, policy=QUICK) as client:
            client.url = f"{service.url}/output/v.mp4"
            SYNC[method](client, tmp_path)

    error = ended(work)
    assert isinstance(error, KeyboardInterrupt | TimeLimit)
    assert_no_key_in(error)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_signal_shows_no_key_of_a_client_given(service, strike, library):
    service.on_poll = [strike]

    def work():
        with library.Client() as given, LipsyncClient(KEY, service.base_url, http_client=given) as client:
            client.job("j")

    assert_no_key_in(ended(work))


ASYNC = {
    "submit": lambda client: client.submit(FORM),
    "job": lambda client: client.job("j"),
    "wait": lambda client: client.wait("j", timeout=20),
    "run": lambda client: client.run(FORM),
    "run_many": lambda client: client.run_many([FORM, FORM]),
}


@pytest.mark.usefixtures("polls")
@pytest.mark.parametrize("way", ["ctrl-c", "time limit", "cancel"])
@pytest.mark.parametrize("method", ASYNC)
def test_an_end_on_a_loop_shows_no_key(service, method, way, monkeypatch):
    monkeypatch.setattr("lipsync_nodes.http._aio.KEPT_SECONDS", 0.2)

    async def go():
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        ways = {
            "ctrl-c": lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT),
            "cancel": lambda: loop.call_soon_threadsafe(task.cancel),
            "time limit": lambda: loop.call_soon_threadsafe(lambda: limit.reschedule(loop.time())),
        }
        once = iter([ways[way]])

        def behave(asked):
            for end in once:
                end()
            asked.service.linger(0.5)
            asked.cut()

        service.on_submit = [bad.accept] if method == "run" else [behave]
        service.on_poll = [behave]
        async with asyncio.timeout(None) as limit, AsyncLipsyncClient(KEY, service.base_url) as client:
            await ASYNC[method](client)

    error = ended(lambda: asyncio.run(go()))
    assert isinstance(error, KeyboardInterrupt | TimeoutError | asyncio.CancelledError)
    assert_no_key_in(error)


def refused(status):
    return lambda request: bad.refuse(status, {"error": f"the key {KEY} is not known"})(request)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
@pytest.mark.parametrize("method", ["submit", "job", "wait", "run", "run_many"])
def test_an_answer_that_quotes_the_key_shows_none(service, face_of, method, status):
    service.on_submit = [refused(status)]
    service.on_poll = [bad.say(status, {"error": f"the key {KEY} is not known"})]
    options = {"timeout": 0.2, "poll_interval": 0.05} if method in {"wait", "run", "run_many"} else {}
    what = {"run_many": [FORM], "submit": FORM, "run": FORM}.get(method, "j")
    face = face_of(api_key=KEY, base_url=service.base_url)
    face._options["api_key"] = Profile(api_key=KEY).api_key
    assert_no_key_in(ended(lambda: getattr(face, method)(what, **options)))


def test_a_failed_job_that_quotes_the_key_shows_none(service, face_of):
    service.on_poll = [bad.end_with(status="failed", output=None, error=f"the key {KEY} is not known")]
    profile = Profile(api_key=KEY, base_url=service.base_url)
    error = ended(lambda: face_of(profile=profile).run(FORM, poll_interval=0.05))
    assert isinstance(error, JobFailed)
    assert_no_key_in(error)


def fail(*_args, **_options):
    raise ValueError("a hook of the host's")


async def fail_later(*_args):
    fail()


def test_a_failing_hook_of_a_client_given_shows_no_key(service):
    for kind in ("request", "response"):

        def work(kind=kind):
            with httpx.Client(event_hooks={kind: [fail]}) as given:
                LipsyncClient(KEY, service.base_url, http_client=given).submit(FORM)

        async def go(kind=kind):
            async with httpx.AsyncClient(event_hooks={kind: [fail_later]}) as given:
                await AsyncLipsyncClient(KEY, service.base_url, http_client=given).submit(FORM)

        for error in (ended(work), ended(lambda: asyncio.run(go()))):
            assert isinstance(error, ValueError)
            assert_no_key_in(error)
            assert any("in fail" in note for note in error.__notes__), "where it was raised is still said"


def test_a_failing_on_update_shows_no_key(service, face_of):
    service.on_poll = [bad.still()]
    profile = Profile(api_key=KEY, base_url=service.base_url)
    assert_no_key_in(ended(lambda: face_of(profile=profile).wait("j", on_update=fail)))


class Plugin:
    """Gives the key, and fails where it is told to."""

    def __init__(self, fails=None):
        self.fails = fails

    @hookimpl
    def lipsync_credentials(self):
        if self.fails:
            raise self.fails
        return KEY

    @hookimpl
    def lipsync_publish_asset(self):
        raise KeyboardInterrupt

    @hookimpl
    def lipsync_job_event(self):
        raise KeyboardInterrupt


@pytest.fixture
def plugin():
    plugins().register(plugin := Plugin())
    yield plugin
    plugins().unregister(plugin)


@pytest.mark.parametrize("what", [FORM, LOCAL], ids=["observer", "publisher"])
def test_a_failing_plugin_shows_no_key(service, plugin, what):
    error = ended(lambda: LipsyncClient(base_url=service.base_url).submit(what))
    assert isinstance(error, KeyboardInterrupt)
    assert_no_key_in(error)


@pytest.mark.parametrize("fails", [ValueError("no vault"), KeyboardInterrupt()])
def test_a_plugin_without_the_key_shows_none(plugin, fails, monkeypatch):
    monkeypatch.setenv("LIPSYNC_API_KEY", KEY)
    plugin.fails = fails
    assert_no_key_in(ended(LipsyncClient))


def test_a_plugins_key_is_shown_in_no_bad_setting(plugin, monkeypatch):
    monkeypatch.setenv("LIPSYNC_BASE_URL", "http://far.example")
    assert_no_key_in(ended(LipsyncClient))


BAD_SETTINGS = {
    "argument": lambda: LipsyncClient(KEY, "http://far.example"),
    "malformed argument": lambda: LipsyncClient(f"{KEY} {KEY}"),
    "async": lambda: AsyncLipsyncClient(KEY, "http://far.example"),
    "Profile": lambda: Profile(api_key=KEY, base_url="http://far.example"),
    "load_profile": lambda: load_profile(api_key=KEY, base_url="http://far.example"),
    "no such profile": lambda: LipsyncClient(profile="nobody"),
    "unknown field": lambda: LipsyncClient(profile="misspelt"),
    "receiver": lambda: WebhookReceiver("misspelt"),
    "signing secret": lambda: WebhookReceiver("signed"),
}
PROFILES = f"""
[known]
api_key = "{KEY}"
[misspelt]
apikey = "{KEY}"
[signed]
api_key = "{KEY}"
webhook = {{base = "https://hooks.example", secret = "{KEY}", signing_secret = "whsec_{KEY}!"}}
"""


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    path = tmp_path / "profiles.toml"
    path.touch(0o600)
    path.write_text(PROFILES)
    monkeypatch.setenv("LIPSYNC_CONFIG", str(path))
    monkeypatch.setenv("LIPSYNC_LEDGER", str(tmp_path / "ledger.sqlite"))
    return path


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_a_bad_setting_shows_no_key(profiles, case):
    assert_no_key_in(ended(BAD_SETTINGS[case]))


@pytest.mark.parametrize("text", ["[broken", "x = '''\\xff", "api_key = 3"])
def test_a_broken_file_of_profiles_shows_no_key(profiles, text):
    profiles.write_text(PROFILES + text)
    assert_no_key_in(ended(lambda: LipsyncClient(profile="known")))


def test_the_environment_is_shown_nowhere(monkeypatch):
    """Its representation is all of it: keys of others, too."""
    monkeypatch.setenv("LIPSYNC_API_KEY", KEY)
    monkeypatch.setenv("LIPSYNC_BASE_URL", "nonsense")
    assert_no_key_in(ended(LipsyncClient))
    monkeypatch.setattr("pathlib.Path.home", fail)
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name)
    for work in (Ledger, LipsyncClient):
        assert_no_key_in(ended(work))


def test_a_secret_of_the_storage_is_shown_nowhere(service):
    storage = {"url": "s3://bucket", "options": {"secret_access_key": KEY, "nonsense": "x", "endpoint": "http://[::1"}}
    profile = Profile(api_key=KEY, base_url=service.base_url, storage=storage)
    assert_no_key_in(ended(lambda: LipsyncClient(profile=profile).submit(LOCAL)))


def test_a_receiver_that_is_stopped_shows_no_secret(profiles, monkeypatch):
    receiver = WebhookReceiver(Profile(api_key=KEY, webhook={"base": "https://hooks.example", "secret": KEY}))
    monkeypatch.setattr("hmac.compare_digest", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    assert_no_key_in(ended(lambda: receiver.receive("POST", "/cb_x", {"content-type": "application/json"}, b"{}")))
    receiver.ledger.close()


def test_the_nodes_show_no_key(service, strike, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_API_KEY", KEY)
    monkeypatch.setenv("LIPSYNC_BASE_URL", service.base_url)
    monkeypatch.setenv("LIPSYNC_LEDGER", str(tmp_path / "ledger.sqlite"))
    service.on_submit = [strike]
    inputs = {"image": "https://x/i.png", "audio": "https://x/a.mp3"}
    nodes = plugin_for("a host")
    error = ended(lambda: nodes.lipsync_nodes_submit(node="lipsync-image", inputs=inputs, context=None))
    assert isinstance(error, KeyboardInterrupt | TimeLimit)
    assert_no_key_in(error)


def test_a_profile_shows_no_key():
    profile = Profile(api_key=KEY)
    for shown in (profile, vars(profile), profile.model_dump(), profile.model_dump_json(), profile.model_copy()):
        assert NEEDLE not in repr(shown)
        assert NEEDLE not in str(shown)


# What the tests above stand on


def test_what_the_caller_was_handling_keeps_its_frames():
    def deep():
        raise KeyError("of the caller's")

    def below():
        try:
            fail()
        except ValueError as error:
            raise LookupError from error

    def work():
        try:
            deep()
        except KeyError:
            with NoFramesBelow():
                below()

    error = ended(work)
    assert error.__cause__.__traceback__ is None
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)][-1] == "work"
    handled = error.__cause__.__context__ or error.__context__
    while not isinstance(handled, KeyError):
        handled = handled.__context__
    assert [frame.name for frame in traceback.extract_tb(handled.__traceback__)][-1] == "deep"


def test_members_of_a_group_lose_their_frames():
    def below():
        raise ExceptionGroup("several", [ended(fail)])

    def work():
        with NoFramesBelow():
            below()

    assert ended(work).exceptions[0].__traceback__ is None


def interrupted_wait():
    with interrupt_first():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            threading.Lock().release()


def test_an_interrupt_comes_before_the_error_that_replaced_it():
    """But not one that the caller was already handling."""
    with pytest.raises(KeyboardInterrupt):
        interrupted_wait()
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        with pytest.raises(RuntimeError), interrupt_first():
            threading.Lock().release()
