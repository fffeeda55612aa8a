"""What plugins add to the core: job events, credentials, and a manager that no broken plugin brings down."""

import asyncio
import dataclasses
import json
import subprocess
import sys
import threading

import pytest

from lipsync_nodes import (
    AsyncLipsyncClient,
    BudgetExceeded,
    ConfigurationError,
    InsufficientCredits,
    JobFailed,
    LipsyncClient,
    SubmissionUncertain,
)
from lipsync_nodes.client import _observers as observers
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.plugins import JobEvent, hookimpl, loaded, plugins, tell
from lipsync_nodes.plugins import _hookspecs as hookspecs
from lipsync_nodes.settings import Profile, load_profile
from tests.conftest import FORMS, QUICK

QUICKLY = {"timeout": 10, "poll_interval": 0.03}


class Observer:
    """Keeps what it is told, and then does what it was made for."""

    def __init__(self, then=lambda _event: None):
        self.events, self._then = [], then

    @hookimpl
    def lipsync_job_event(self, event):
        self.events.append(event)
        self._then(event)

    @property
    def kinds(self):
        return [event.kind for event in self.events]


@pytest.fixture
def register():
    """Register plugins for one test."""
    registered = []

    def add(plugin, name=None):
        plugins().register(plugin, name)
        registered.append(plugin)
        return plugin

    yield add
    for plugin in registered:
        plugins().unregister(plugin)


@pytest.fixture
def observer(register):
    return register(Observer())


# Job events.


def test_a_run_is_told_from_submit_to_end(face, sandbox, form, observer):
    sandbox.fault("job_status", status="queued", polls=2)
    job = face.run(form, **QUICKLY)
    assert observer.kinds[0] == "submitted"
    assert observer.kinds[-1] == "completed"
    assert set(observer.kinds[1:-1]) == {"updated"}
    assert {event.job_id for event in observer.events} == {job.id}
    assert [event.status for event in observer.events][1:3] == ["queued", "queued"]
    assert observer.events[-1].output == job.output


def test_an_event_says_whose_job_it_is_and_what_it_costs(face_of, sandbox, form, observer, tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    face = face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=ledger)
    face.run(form, key="scene-12", estimate=12, **QUICKLY)
    endpoint = sandbox.received("submit")[0].path.rpartition("/")[2]
    for event in observer.events:
        assert (event.endpoint, event.submission_key, event.credits) == (endpoint, "scene-12", 12)
        assert event.account == Profile(api_key=sandbox.api_key, base_url=sandbox.base_url).account
    ledger.close()


def test_a_wait_in_another_client_knows_the_endpoint(face_of, sandbox, form, observer, tmp_path):
    """A wait in another client still knows the endpoint by the ledger."""
    options = {"api_key": sandbox.api_key, "base_url": sandbox.base_url, "ledger": Ledger(tmp_path / "ledger.sqlite")}
    job = face_of(**options).submit(form)
    face_of(**options).wait(job.id, **QUICKLY)
    assert observer.events[-1].endpoint == observer.events[0].endpoint
    options["ledger"].close()


def test_a_job_of_elsewhere_is_told_without_an_endpoint(face, sandbox, form, observer):
    job = face.submit(form)
    face.wait(job.id, **QUICKLY)
    assert observer.events[0].endpoint is not None
    assert (observer.events[-1].kind, observer.events[-1].endpoint) == ("completed", None)


def test_a_failed_job_is_told_with_its_reason(face, sandbox, form, observer):
    sandbox.fault("fail", error="Invalid audio format")
    with pytest.raises(JobFailed):
        face.run(form, **QUICKLY)
    assert (observer.kinds[-1], observer.events[-1].reason) == ("failed", "Invalid audio format")


def test_a_refused_submit_is_told(face, sandbox, form, observer):
    sandbox.fault("status", where="submit", code=402)
    with pytest.raises(InsufficientCredits):
        face.submit(form)
    (event,) = observer.events
    assert (event.kind, event.job_id) == ("refused", None)
    assert event.reason
    assert event.endpoint


def test_a_submit_beyond_the_budget_is_told_as_refused(face_of, sandbox, form, observer):
    with pytest.raises(BudgetExceeded):
        face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, budget=1).submit(form, estimate=2)
    assert observer.kinds == ["refused"]


def test_an_uncertain_submit_is_told(face, sandbox, form, observer):
    sandbox.fault("cut_after", where="submit")
    with pytest.raises(SubmissionUncertain):
        face.submit(form)
    assert observer.kinds == ["uncertain"]


def test_a_download_is_told_with_its_file(face, sandbox, form, observer, tmp_path):
    job = face.run(form, **QUICKLY)
    face.download(job, tmp_path / "talking.mp4")
    face.download(job.output, tmp_path / "again.mp4")
    *_, one, other = observer.events
    assert (one.kind, one.job_id, one.path) == ("downloaded", job.id, str(tmp_path / "talking.mp4"))
    assert (other.kind, other.job_id, other.output) == ("downloaded", None, job.output)


def test_an_event_is_frozen_and_plain():
    event = JobEvent(kind="submitted", account="default", job_id="1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.kind = "failed"
    assert json.loads(json.dumps(dataclasses.asdict(event)))["job_id"] == "1"


def test_no_event_holds_a_key():
    key = "sk_told_0123456789"
    Profile(api_key=key)
    facts = dict.fromkeys(("job_id", "submission_key", "status", "output", "reason"), f"x {key}")
    assert key not in repr(JobEvent(kind="failed", account="default", **facts))


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("order", [hookimpl(tryfirst=True), hookimpl, hookimpl(trylast=True)])
def test_an_observer_that_raises_changes_nothing(face, sandbox, form, register, order, error, caplog, tmp_path):
    @dataclasses.dataclass  # which cannot be hashed
    class Broken:
        @order
        def lipsync_job_event(self):
            raise error(f"no use: {sandbox.api_key}")

    before, _, after = register(Observer()), register(Broken(), "broken"), register(Observer())
    job = face.run(form, **QUICKLY)
    face.download(job, tmp_path / "talking.mp4")
    assert before.kinds == after.kinds
    assert before.kinds[0] == "submitted"
    assert before.kinds[-2:] == ["completed", "downloaded"]
    assert len(sandbox.received("submit")) == 1
    assert f"The plugin broken failed when told submitted: {error.__name__}" in caplog.text
    assert sandbox.api_key not in caplog.text


def test_observers_are_told_in_pluggys_order(register):
    told = []

    def plugin(name, **order):
        class Plugin:
            @hookimpl(**order)
            def lipsync_job_event(self):
                told.append(name)

        register(Plugin())

    plugin("last", trylast=True)
    plugin("one")
    plugin("other")
    plugin("first", tryfirst=True)
    tell(JobEvent(kind="submitted", account="default"))
    assert told == ["first", "other", "one", "last"]


def test_a_slow_observer_does_not_block_the_loop(sandbox, register):
    """It is told in a thread."""
    threads = set()
    register(Observer(lambda _event: threads.add(threading.current_thread())))

    async def main():
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url, policy=QUICK) as client:
            await client.run(FORMS["image"], **QUICKLY)

    asyncio.run(main())
    assert threads
    assert threading.main_thread() not in threads


def test_a_job_is_written_down_before_anybody_is_told(face_of, sandbox, form, register, tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    known = []
    register(Observer(lambda event: known.append((event.kind, ledger.entry_of(event.job_id).state))))
    face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=ledger).run(form, **QUICKLY)
    assert known[0] == ("submitted", "live")
    assert known[-1] == ("completed", "completed")
    ledger.close()


def test_without_an_observer_no_event_is_made(face, sandbox, form, monkeypatch):
    def never(*_, **__):
        raise AssertionError("an event was made")

    monkeypatch.setattr(observers, "JobEvent", never)
    assert not observers.observed()
    face.run(form, **QUICKLY)


# Credentials.


class Vault:
    """A plugin with keys."""

    def __init__(self, give):
        self.asked, self._give = [], give

    @hookimpl
    def lipsync_credentials(self, profile, base_url):
        self.asked.append((profile, base_url))
        return self._give()


def key_of(profile):
    return profile.api_key and profile.api_key.get_secret_value()


def test_a_plugin_gives_the_key(register, sandbox, form):
    vault = register(Vault(lambda: sandbox.api_key))
    with LipsyncClient(base_url=sandbox.base_url, policy=QUICK) as client:
        client.submit(form)
    assert vault.asked == [("default", sandbox.base_url)]


def test_the_order_of_argument_plugin_environment_file(register, monkeypatch, tmp_path):
    """An argument comes before the plugin and the environment and the file after it."""
    file = tmp_path / "profiles.toml"
    file.write_text('[default]\napi_key = "sk_file"\n[studio]\napi_key = "sk_studio"\n')
    file.chmod(0o600)
    environ = {"LIPSYNC_CONFIG": str(file), "LIPSYNC_API_KEY": "sk_environment"}
    vault = register(Vault(lambda: "sk_vault"))
    assert key_of(load_profile(environ=environ)) == "sk_vault"
    assert key_of(load_profile("studio", environ=environ)) == "sk_vault"
    assert [name for name, _ in vault.asked] == ["default", "studio"]
    assert key_of(load_profile(api_key="sk_argument", environ=environ)) == "sk_argument"
    assert len(vault.asked) == 2
    register(Vault(lambda: None))
    assert key_of(load_profile(environ=environ)) == "sk_vault"
    plugins().unregister(vault)
    assert key_of(load_profile(environ=environ)) == "sk_environment"
    plugins().register(vault)


def test_a_profile_object_is_taken_as_it_is(register, sandbox):
    vault = register(Vault(lambda: "sk_vault"))
    LipsyncClient(profile=Profile(api_key="sk_own", base_url=sandbox.base_url)).close()
    assert not vault.asked


def test_a_vault_that_breaks_is_told_by_its_kind_alone(register):
    register(Vault(lambda: {}["a secret that no pattern knows"]))
    with pytest.raises(ConfigurationError, match="could not give the key of profile 'default': KeyError") as caught:
        load_profile()
    assert "no pattern" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_vault_may_say_what_is_wrong_in_our_words(register):
    def locked():
        raise ConfigurationError("The vault is locked.", hint="Run: vault login")

    register(Vault(locked))
    with pytest.raises(ConfigurationError, match=r"vault is locked\. Run: vault login"):
        load_profile()


@pytest.mark.parametrize("key", [7, "two words", b"sk_x"])
def test_a_key_that_is_none_is_refused(register, key):
    register(Vault(lambda: key))
    if key == b"sk_x":
        assert key_of(load_profile()) == "sk_x"
    else:
        with pytest.raises(ConfigurationError, match="api_key"):
            load_profile()


def test_the_command_that_needs_no_key_asks_no_vault(register, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from lipsync_nodes.cli.app import app

    monkeypatch.setenv("LIPSYNC_LEDGER", str(tmp_path / "ledger.sqlite"))
    vault = register(Vault(lambda: 1 / 0))
    done = CliRunner().invoke(app, ["jobs", "--json"])
    assert (done.exit_code, vault.asked) == (0, [])
    assert CliRunner().invoke(app, ["status", "1", "--json"]).exit_code == 2


# The manager.


def installed(folder, **plugins_by_name):
    """Lay out a distribution for each plugin, as pip would."""
    for name, source in plugins_by_name.items():
        info = folder / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[lipsync_nodes]\n{name} = {name}_module\n")
        (folder / f"{name}_module.py").write_text(f"from lipsync_nodes.plugins import hookimpl\n{source}\n")


SEES = "@hookimpl\ndef lipsync_job_event(event): print(event.kind)"


def test_a_broken_plugin_is_named_and_the_others_work(tmp_path, monkeypatch):
    """A broken or misspelt plugin is named and the others work."""
    installed(
        tmp_path,
        good=SEES,
        raises="raise RuntimeError('sk_in_a_message')",
        leaves="raise SystemExit",
        wrong_arguments=f"{SEES}\n@hookimpl\ndef lipsync_publish_asset(asset, colour): pass",
        misspelt=f"{SEES}\n@hookimpl\ndef lipsync_job_evnt(event): pass",
        foreign=f"{SEES}\n@hookimpl(optionalhook=True)\ndef of_another_host(): pass",
    )
    monkeypatch.syspath_prepend(tmp_path)
    manager, troubles = loaded()
    names = {name for name, _ in manager.list_name_plugin()}
    assert {"good", "misspelt", "foreign"} <= names
    assert not {"raises", "leaves", "wrong_arguments"} & names
    assert {impl.plugin_name for impl in manager.hook.lipsync_job_event.get_hookimpls()} == {
        "good",
        "misspelt",
        "foreign",
    }
    raises, misspelt, arguments = (
        next(trouble for trouble in troubles if name in trouble) for name in ("raises", "misspelt", "wrong_arguments")
    )
    assert "RuntimeError" in raises
    assert "sk_***" in raises
    assert "no hook lipsync_job_evnt" in misspelt
    assert "colour" in arguments
    assert len(troubles) == 4


def test_of_two_plugins_of_one_name_the_second_is_named(tmp_path, monkeypatch):
    """Of two plugins of a name one works and the other is named."""
    installed(tmp_path, twin=SEES)
    other = tmp_path / "other-1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (other / "entry_points.txt").write_text("[lipsync_nodes]\ntwin = other_module\nagain = twin_module\n")
    (tmp_path / "other_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    manager, troubles = loaded()
    assert len(manager.hook.lipsync_job_event.get_hookimpls()) == 1
    assert [trouble.partition(" cannot")[0] for trouble in troubles] == [
        "The plugin twin (other_module)", "The plugin again (twin_module)",
    ]  # fmt: skip


def test_with_warnings_as_errors_a_broken_plugin_stops_a_submit(tmp_path, sandbox):
    """Where warnings are errors a broken plugin is told before anything is sent."""
    installed(tmp_path, raises="raise RuntimeError")
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
from lipsync_nodes import ImageForm, LipsyncClient
client = LipsyncClient({sandbox.api_key!r}, {sandbox.base_url!r})
try: client.submit(ImageForm(image="https://x/i.png", audio="https://x/a.mp3"))
except UserWarning as warning: print(warning)
"""
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True)
    assert "The plugin raises (raises_module) cannot be loaded" in done.stdout
    assert sandbox.jobs() == []


def test_the_command_lists_what_is_loaded_and_from_where(tmp_path):
    """The command lists what is loaded from where and when it is asked."""
    submits = "@hookimpl\ndef lipsync_nodes_submit(node): return None"
    installed(tmp_path, good=f"print('chatter')\n{SEES}\n{submits}", raises="raise RuntimeError")
    line = f"import sys; sys.path.insert(0, {str(tmp_path)!r});  from lipsync_nodes.cli import main; main()"
    done, plain = (
        subprocess.run([sys.executable, "-c", line, "plugins", *options], capture_output=True, text=True)
        for options in (["--json"], [])
    )
    assert (done.returncode, plain.returncode) == (2, 2)
    found = json.loads(done.stdout)
    good, ours = (next(row for row in found["plugins"] if row["name"] == name) for name in ("good", "lipsync"))
    assert (good["distribution"], good["version"], good["object"]) == ("good", "1", "good_module")
    assert {"name": "lipsync_nodes_submit", "place": 1} in good["hooks"]
    assert {"name": "lipsync_nodes_submit", "place": 2} in ours["hooks"]
    assert {"name": "lipsync_nodes_wait", "place": 1} in ours["hooks"]
    assert "raises" in found["troubles"][0]
    assert "good  (good 1, good_module)\n    lipsync_job_event, number 1 to be asked\n" in plain.stdout
    assert "raises_module" in plain.stderr


def test_a_plugins_prints_are_no_part_of_json(tmp_path):
    """What a plugin prints as it is loaded is no part of a json answer."""
    installed(tmp_path, talks="print('chatter')")
    line = f"import sys; sys.path.insert(0, {str(tmp_path)!r});  from lipsync_nodes.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", line, "jobs", "--json"], capture_output=True, text=True)
    assert json.loads(done.stdout) is not None
    assert "chatter" in done.stderr


def test_threads_that_ask_first_get_one_manager_between_them():
    code = """
import sys, threading
sys.setswitchinterval(1e-6)
from lipsync_nodes.plugins import plugins
managers = []
threads = [threading.Thread(target=lambda: managers.append(plugins())) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(managers), len(set(map(id, managers))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["8", "1"]


def test_a_hook_is_documented_with_its_arguments_and_an_example():
    import inspect

    for name, _ in inspect.getmembers(hookspecs, inspect.isfunction):
        if name.startswith("lipsync_"):
            text = inspect.getdoc(getattr(hookspecs, name))
            for argument in inspect.signature(getattr(hookspecs, name)).parameters:
                assert f"{argument}:" in text, (name, argument)
            assert "hookimpl" in text or "manager.hook." in text, name
