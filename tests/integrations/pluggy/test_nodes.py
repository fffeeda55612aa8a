"""The nodes as a pluggy plugin: three kinds of hosts, three endpoints, the real sandbox; and who is asked first."""

import asyncio
import inspect
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import jsonschema
import pluggy
import pytest

from lipsync_nodes import BudgetExceeded, CheckRefused, InvalidRequest, Job, JobFailed, JobNotFound, LipsyncError
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.plugins import _hookspecs as hookspecs
from lipsync_nodes.plugins import hookimpl
from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes.service import CATALOGUE
from lipsync_nodes.settings import Profile, load_profile
from lipsync_nodes_pluggy import Context, Nodes, _nodes, manager, plugin_for
from tests.conftest import FORMS
from tests.tiny_face import put_small_face

INPUTS = {spec.id: FORMS[spec.command].form_state() for spec in CATALOGUE}


def own_project():
    """A host that keeps its one manager, under its own name."""
    host = pluggy.PluginManager("my_app")
    host.add_hookspecs(plugin := plugin_for("my_app"))
    host.register(plugin)
    host.check_pending()
    return host


def only_pluggy():
    """A host that knows pluggy and our entry point, and imports nothing of ours."""
    host = pluggy.PluginManager("lipsync_nodes")
    host.load_setuptools_entrypoints("lipsync_nodes")
    host.add_hookspecs(host.get_plugin("lipsync"))
    return host


HOSTS = {"own project": own_project, "our project": manager, "only pluggy": only_pluggy}


@pytest.fixture(params=HOSTS.values(), ids=HOSTS.keys())
def hook(request):
    """The hooks of each kind of host."""
    return request.param().hook


@pytest.fixture
def context(sandbox, tmp_path):
    """Who asks: the sandbox's account, a ledger of the test's own, and looks in quick succession."""
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield Context(profile=profile, ledger=ledger, poll_interval=0.03)


@pytest.mark.parametrize("node", INPUTS)
def test_each_host_submits_and_waits_for_each_endpoint(hook, context, sandbox, node):
    sandbox.fault("job_status", status="queued", polls=2)
    job = hook.lipsync_nodes_submit(node=node, inputs=INPUTS[node], context=context)
    assert hook.lipsync_nodes_poll(job=job.id, context=context).status == "queued"
    done = hook.lipsync_nodes_wait(job=job, timeout=10.0, context=context)
    assert done.output.startswith("http")
    assert [request.path.rpartition("/")[2] for request in sandbox.received("submit")] == [node]


def test_a_host_without_our_specs_gets_lists(context, sandbox):
    host = pluggy.PluginManager("lipsync_nodes")
    host.load_setuptools_entrypoints("lipsync_nodes")
    (job,) = host.hook.lipsync_nodes_submit(node="lipsync-image", inputs=INPUTS["lipsync-image"], context=context)
    assert isinstance(job, Job)
    assert len(sandbox.received("submit")) == 1


def test_a_context_may_be_a_mapping_or_nothing(hook, sandbox, monkeypatch):
    monkeypatch.setenv("LIPSYNC_API_KEY", sandbox.api_key)
    monkeypatch.setenv("LIPSYNC_BASE_URL", sandbox.base_url)
    asked = {"node": "lipsync-image", "inputs": INPUTS["lipsync-image"]}
    fresh = own_project().hook
    one = fresh.lipsync_nodes_submit(**asked, context=None)
    other = fresh.lipsync_nodes_submit(**asked, context={"options": {"key": "scene-12"}})
    again = fresh.lipsync_nodes_submit(**asked, context={"options": {"key": "scene-12"}})
    assert one.id != other.id == again.id
    assert fresh.lipsync_nodes_wait(job=other.id, timeout=None, context={"poll_interval": 0.03}).output
    with pytest.raises(InvalidRequest, match=r"context is wrong.*api_key"):
        fresh.lipsync_nodes_poll(job=one.id, context={"api_key": "sk_never_here"})


def test_wrong_input_raises_the_cores_errors(hook, context, sandbox):
    """Errors are the cores and nothing is sent for a wrong input."""
    for node, inputs, words in (
        ("lipsync-cow", {}, "no endpoint 'lipsync-cow'"),
        ("lipsync-image", {"image": "https://x/i"}, "`audio`: Field required"),
        ("lipsync-image", {"image": "/etc/passwd", "audio": "https://x/a"}, "`image`: must be a public http"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            hook.lipsync_nodes_submit(node=node, inputs=inputs, context=context)
    assert not sandbox.received("submit")
    with pytest.raises(JobNotFound):
        hook.lipsync_nodes_poll(job="00000000-0000-0000-0000-000000000000", context=context)
    sandbox.fault("fail", error="Invalid audio format")
    job = hook.lipsync_nodes_submit(node="lipsync-image", inputs=INPUTS["lipsync-image"], context=context)
    with pytest.raises(JobFailed, match="Invalid audio format"):
        hook.lipsync_nodes_wait(job=job, timeout=10.0, context=context)


def test_a_local_file_is_given_as_a_path_and_published(hook, context, sandbox):
    inputs = {"image": MEDIA / "portrait.jpg", "audio": (MEDIA / "speech_left.mp3").read_bytes()}
    hook.lipsync_nodes_submit(node="lipsync-image", inputs=inputs, context=context)
    (submit,) = sandbox.received("submit")
    assert submit.body["formState"]["image"].endswith(".jpg")


def test_a_look_does_not_block_for_long(hook, context, sandbox, monkeypatch):
    monkeypatch.setattr(_nodes, "LONGEST_LOOK", 0.3)
    job = hook.lipsync_nodes_submit(node="lipsync-image", inputs=INPUTS["lipsync-image"], context=context)
    sandbox.fault("hang", where="poll", seconds=20)
    began = time.monotonic()
    with pytest.raises(LipsyncError, match="The job goes on"):
        hook.lipsync_nodes_poll(job=job, context=context)
    assert time.monotonic() - began < 10


# For hosts with an event loop.


@pytest.mark.parametrize("node", INPUTS)
def test_a_host_with_a_loop_gets_awaitables(hook, context, sandbox, node):
    sandbox.fault("seconds", seconds=1.5)
    seen = []

    async def tell(job):
        seen.append(job.status.value)

    def ask(method, **arguments):
        options = {"profile": context.profile, "ledger": context.ledger, "poll_interval": 0.03}
        answer = getattr(hook, method)(**arguments, context={**options, "on_update": tell, "awaitable": True})
        assert inspect.isawaitable(answer)
        return answer

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        job = await ask("lipsync_nodes_submit", node=node, inputs=INPUTS[node])
        assert (await ask("lipsync_nodes_poll", job=job)).id == job.id
        done = await ask("lipsync_nodes_wait", job=job, timeout=10.0)
        ticking.cancel()
        return done, ticks

    done, ticks = asyncio.run(main())
    assert done.output
    assert seen[-1] == "completed"
    assert ticks > 10


def test_many_waits_take_no_thread_each(context, sandbox):
    """More at once than there are threads beside the loop, and all of them end."""
    hook = own_project().hook
    options = {"profile": context.profile, "ledger": context.ledger, "poll_interval": 0.1, "awaitable": True}

    async def one():
        job = await hook.lipsync_nodes_submit(node="lipsync-image", inputs=INPUTS["lipsync-image"], context={**options})
        return await hook.lipsync_nodes_wait(job=job, timeout=20.0, context={**options})

    async def main():
        return await asyncio.gather(*(one() for _ in range(40)))

    assert len({job.output for job in asyncio.run(main())}) == 40


# Who is asked first.


def third_party(asked, **order):
    """Make a plugin that has a queue of its own for prompts that it likes."""

    class Third:
        @hookimpl(**order)
        def lipsync_nodes_submit(self, inputs):
            asked.append(inputs)
            return Job(id="queue:7") if inputs.get("prompt") == "mine" else None

        @hookimpl(**order)
        def lipsync_nodes_wait(self, job):
            return Job(id=job, output="https://queue.example/7.mp4") if job == "queue:7" else None

    return Third()


@pytest.mark.parametrize("order", [{}, {"tryfirst": True}, {"trylast": True}], ids=str)
@pytest.mark.parametrize("first", ["theirs", "ours"])
def test_a_third_party_overrides_only_what_is_its_own(context, sandbox, order, first):
    """A third party overrides and leaves to us what is not its own."""
    asked, host = [], pluggy.PluginManager("lipsync_nodes")
    host.add_hookspecs(hookspecs)
    both = [third_party(asked, **order), plugin_for("lipsync_nodes")]
    for plugin in both if first == "theirs" else reversed(both):
        host.register(plugin)
    mine = {**INPUTS["lipsync-image"], "prompt": "mine"}
    job = host.hook.lipsync_nodes_submit(node="lipsync-image", inputs=mine, context=context)
    if order == {"trylast": True} and first == "ours":
        # Who also wants to be last, and is registered later, is asked after us: an override does not say `trylast`.
        assert (job.id != "queue:7", asked) == (True, [])
        return
    assert (job.id, sandbox.received("submit")) == ("queue:7", [])
    assert host.hook.lipsync_nodes_wait(job=job.id, timeout=1.0, context=context).output.startswith("https://queue")
    job = host.hook.lipsync_nodes_submit(node="lipsync-image", inputs=INPUTS["lipsync-image"], context=context)
    assert host.hook.lipsync_nodes_wait(job=job.id, timeout=10.0, context=context).output
    assert (len(sandbox.received("submit")), len(asked)) == (1, 2)


def test_an_override_keeps_its_place_in_a_host_with_a_loop(context, sandbox):
    """Where the context asks for awaitables, each plugin gives one; a host takes both by `isawaitable`."""
    host = only_pluggy()
    host.register(third_party([]))
    asked = {"node": "lipsync-image", "context": {"awaitable": True, "profile": context.profile}}
    job = host.hook.lipsync_nodes_submit(**asked, inputs={**INPUTS["lipsync-image"], "prompt": "mine"})
    assert not inspect.isawaitable(job)
    assert inspect.iscoroutine(later := host.hook.lipsync_nodes_submit(**asked, inputs=INPUTS["lipsync-image"]))
    assert asyncio.run(later).id == sandbox.jobs()[0]["id"]


def test_a_plugin_adds_nodes_of_its_own(context):
    class More:
        @hookimpl
        def lipsync_nodes_describe(self):
            return [hookspecs.NodeInfo("upscale", "Upscale", "放大", "Make it larger", {}, {})]

    host = only_pluggy()
    host.register(More())
    nodes = [node.id for described in host.hook.lipsync_nodes_describe() for node in described]
    assert nodes == ["upscale", *INPUTS]


# What it costs, and what it shows.


def test_the_import_costs_no_httpx_until_the_first_submit(sandbox, tmp_path):
    """Neither does finding it by the entry point, as a host and as the core itself do."""
    code = f"""
import sys
heavy = lambda: sorted({{"httpx", "pydantic", "asyncio", "sqlite3"}} & set(sys.modules))
import pluggy
host = pluggy.PluginManager("lipsync_nodes")
host.load_setuptools_entrypoints("lipsync_nodes")
host.add_hookspecs(host.get_plugin("lipsync"))
from lipsync_nodes.plugins import plugins
assert plugins().get_plugin("lipsync")
print(heavy())
(nodes,) = host.hook.lipsync_nodes_describe()
print("httpx" in heavy(), [node.id for node in nodes])
inputs = {INPUTS["lipsync-image"]!r}
host.hook.lipsync_nodes_submit(node="lipsync-image", inputs=inputs, context=None)
print("httpx" in heavy())
"""
    there = {"LIPSYNC_API_KEY": sandbox.api_key, "LIPSYNC_BASE_URL": sandbox.base_url}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **there})
    assert done.stdout.splitlines() == ["[]", f"False {list(INPUTS)}", "True"], done.stderr


def test_the_key_is_in_nothing_that_a_host_is_shown(context, sandbox):
    nodes = plugin_for("lipsync_nodes", profile=context.profile, ledger=context.ledger)
    described = nodes.lipsync_nodes_describe()
    job = nodes.lipsync_nodes_submit("lipsync-image", INPUTS["lipsync-image"], None)
    for shown in (repr(nodes), repr(context), repr(described), repr(job), repr(vars(nodes))):
        assert sandbox.api_key not in shown
    nodes.close()


def test_one_client_serves_all_calls_of_an_account(context, sandbox):
    nodes = Nodes(context.profile, context.ledger)
    for _ in range(3):
        nodes.lipsync_nodes_poll(nodes.lipsync_nodes_submit("image", INPUTS["lipsync-image"], None), None)
    assert len(nodes._clients) == 1
    nodes.close()
    assert nodes._clients == []


def test_a_budget_holds_over_all_calls(sandbox, tmp_path, monkeypatch):
    """A budget holds over all calls blocking or not and the vault is asked once."""
    file = tmp_path / "profiles.toml"
    file.write_text(f'[studio]\nbase_url = "{sandbox.base_url}"\nbudget = 25\n')
    file.chmod(0o600)
    monkeypatch.setenv("LIPSYNC_CONFIG", str(file))
    asked = []

    class Vault:
        @hookimpl
        def lipsync_credentials(self, profile):
            asked.append(profile)
            return sandbox.api_key

    manager().register(vault := Vault())
    try:
        hook = own_project().hook
        order = {"node": "lipsync-image", "inputs": INPUTS["lipsync-image"]}
        context = {"profile": "studio", "options": {"estimate": 10}}
        hook.lipsync_nodes_submit(**order, context=context)
        asyncio.run(hook.lipsync_nodes_submit(**order, context={**context, "awaitable": True}))
        with pytest.raises(BudgetExceeded):
            asyncio.run(hook.lipsync_nodes_submit(**order, context={**context, "awaitable": True}))
    finally:
        manager().unregister(vault)
    assert (asked, len(sandbox.received("submit"))) == (["studio"], 2)


def test_a_profile_has_one_budget_by_any_name(sandbox, tmp_path, monkeypatch):
    """A profile has one budget by whatever name it is asked for."""
    file = tmp_path / "profiles.toml"
    file.write_text(f'[default]\nbase_url = "{sandbox.base_url}"\napi_key = "{sandbox.api_key}"\nbudget = 10\n')
    file.chmod(0o600)
    monkeypatch.setenv("LIPSYNC_CONFIG", str(file))
    hook = own_project().hook
    order = {"node": "lipsync-image", "inputs": INPUTS["lipsync-image"]}
    hook.lipsync_nodes_submit(**order, context={"options": {"estimate": 10}})
    for name in ("default", load_profile()):
        with pytest.raises(BudgetExceeded):
            hook.lipsync_nodes_submit(**order, context={"profile": name, "options": {"estimate": 10}})
    assert len(sandbox.received("submit")) == 1


def test_a_slow_vault_is_waited_for_by_nobody_else(sandbox, context, tmp_path, monkeypatch):
    file = tmp_path / "profiles.toml"
    file.write_text(f'[slow]\nbase_url = "{sandbox.base_url}"\n')
    file.chmod(0o600)
    monkeypatch.setenv("LIPSYNC_CONFIG", str(file))
    hook = own_project().hook
    order = {"node": "lipsync-image", "inputs": INPUTS["lipsync-image"]}

    class Vault:
        @hookimpl
        def lipsync_credentials(self):
            # It uses the nodes itself, from another thread: nothing may wait for the answer that is made here.
            other = threading.Thread(target=lambda: hook.lipsync_nodes_submit(**order, context=context))
            other.start()
            other.join(20)
            return "" if other.is_alive() else sandbox.api_key

    manager().register(vault := Vault())
    try:
        hook.lipsync_nodes_submit(**order, context={"profile": "slow", "ledger": context.ledger, "options": None})
    finally:
        manager().unregister(vault)
    assert len(sandbox.received("submit")) == 2


# What is checked before it is paid for.


@pytest.fixture
def tiny(tmp_path):
    """The inputs of a job whose face is too small."""
    return {"image": put_small_face(tmp_path / "tiny.png"), "audio": MEDIA / "speech_left.mp3"}


@pytest.mark.parametrize("awaitable", [False, True])
def test_a_host_can_check_without_a_key_and_nothing_is_sent(hook, sandbox, tiny, tmp_path, awaitable):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        context = {"profile": Profile(), "ledger": ledger, "awaitable": awaitable}
        verdict = hook.lipsync_nodes_check(node="lipsync-image", inputs=tiny, context=context)
        verdict = asyncio.run(verdict) if awaitable else verdict
    (finding,) = verdict.problems
    assert (verdict.ok, verdict.credits, finding.field) == (False, 12, "image")
    assert "forehead to chin" in verdict.text("en", "pluggy")
    assert "从额头到下巴只有" in verdict.text("zh", "pluggy")
    assert sandbox.requests == []


def test_a_check_raises_what_makes_no_form(hook, context):
    with pytest.raises(InvalidRequest, match="no endpoint 'lipsync-cow'"):
        hook.lipsync_nodes_check(node="lipsync-cow", inputs={}, context=context)
    with pytest.raises(InvalidRequest, match="`audio`: Field required"):
        hook.lipsync_nodes_check(node="lipsync-image", inputs={"image": "https://x/i"}, context=context)


@pytest.mark.parametrize("awaitable", [False, True])
def test_refuse_sends_nothing_and_warn_sends_once(hook, context, sandbox, tiny, awaitable):
    verdicts = []

    def submit(check):
        options = {"check": check, "on_check": verdicts.append, "tags": {"client": "acme"}}
        asked = {"profile": context.profile, "ledger": context.ledger, "options": options, "awaitable": awaitable}
        job = hook.lipsync_nodes_submit(node="lipsync-image", inputs=tiny, context=asked)
        return asyncio.run(job) if awaitable else job

    with pytest.raises(CheckRefused, match="forehead to chin") as refused:
        submit("refuse")
    assert sandbox.requests == []
    assert "从额头到下巴只有" in str(refused.value.speak("pluggy", "zh"))
    job = submit("warn")
    assert [[one.field for one in verdict.problems] for verdict in verdicts] == [["image"]] * 2
    assert len(sandbox.received("submit")) == 1
    assert context.ledger.entry_of(job.id).tags == {"client": "acme"}


def test_hosts_and_plugins_from_before_the_check_still_work(context, sandbox):
    """A host with the specs of then has no such hook, and a plugin without it leaves the check to ours or to nobody."""
    host, asked = pluggy.PluginManager("lipsync_nodes"), []
    host.add_hookspecs(hookspecs)
    host.register(third_party(asked))
    order = {"node": "lipsync-image", "inputs": INPUTS["lipsync-image"], "context": context}
    assert host.hook.lipsync_nodes_check(**order) is None
    host.register(plugin_for("lipsync_nodes"))
    assert host.hook.lipsync_nodes_check(**order).ok
    assert host.hook.lipsync_nodes_submit(**order).id
    assert len(sandbox.received("submit")) == 1

    before = pluggy.PluginManager("lipsync_nodes")
    names = [name for name in vars(hookspecs) if name.startswith("lipsync_") and name != "lipsync_nodes_check"]
    before.add_hookspecs(SimpleNamespace(**{name: getattr(hookspecs, name) for name in names}))
    before.register(plugin_for("lipsync_nodes"))
    assert before.hook.lipsync_nodes_submit(**order).id


# Described from the catalogue.


def test_each_endpoint_is_described_from_the_catalogue():
    """Each endpoint is described from the catalogue and a host may change what it got."""
    (nodes,) = only_pluggy().hook.lipsync_nodes_describe()
    assert [node.id for node in nodes] == [spec.id for spec in CATALOGUE]
    for node, spec in zip(nodes, CATALOGUE, strict=True):
        assert (node.title, node.zh_title, node.help) == (spec.title, spec.zh_title, spec.help)
        assert node.api_version == hookspecs.API_VERSION
        assert set(node.inputs["properties"]) == {field.name for field in spec.fields}
        assert node.inputs["required"] == spec.schema["required"]
        jsonschema.Draft202012Validator.check_schema(node.inputs)
        jsonschema.Draft202012Validator.check_schema(node.outputs)
        node.inputs["properties"].clear()
        assert spec.schema["properties"]


def test_what_comes_out_is_what_the_schema_of_outputs_says(hook, context, sandbox):
    (nodes,) = hook.lipsync_nodes_describe()
    sandbox.fault("job_status", status="queued", polls=1)
    job = hook.lipsync_nodes_submit(node=nodes[0].id, inputs=INPUTS[nodes[0].id], context=context)
    queued = hook.lipsync_nodes_poll(job=job, context=context)
    done = hook.lipsync_nodes_wait(job=job, timeout=10.0, context=context)
    for each in (job, queued, done):
        jsonschema.validate(each.wire(), nodes[0].outputs)
    assert done.wire()["output"]
