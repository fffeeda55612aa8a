"""Other processes: forked in the middle of something, or given a client, a ledger or a profile."""

import copy
import os
import pickle
import subprocess
import sys
import textwrap

import httpx
import pytest

from lipsync_nodes import AsyncLipsyncClient, ConfigurationError, ImageForm, LipsyncClient
from lipsync_nodes.flows import Budget
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile, Storage, load_profile
from lipsync_nodes.settings._nested import Webhook

KEY = "sk_processes_0123456789"
BASE = "https://service.example/api/v1"
FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


@pytest.fixture
def script(tmp_path):
    """Run some code as a program, with the key in its environment only, and return what it prints."""

    def run(code, *arguments):
        file = tmp_path / "program.py"
        file.write_text(textwrap.dedent(code))
        command = [sys.executable, str(file), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


FORKS = """
import os, signal, sys, threading
{begin}
def work():
    while True:
        {work}
threading.Thread(target=work, daemon=True).start()
hung = 0
for _ in range(25):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # seconds: the end of a child that hangs
        {work}
        os._exit(0)
    hung += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    if hung:
        break
print(hung)
"""


@forks
@pytest.mark.parametrize(
    ("begin", "work"),
    [
        ("from lipsync_nodes.ledger import Ledger\nledger = Ledger(sys.argv[1])", "len(ledger.entries('live'))"),
        (
            (
                "from lipsync_nodes.flows import Await\nfrom lipsync_nodes.http._run import finished\n"
                "from lipsync_nodes.http._sync import _Run\nfrom lipsync_nodes.ledger import Ledger\n"
                "run = _Run(None, None, None, None, Ledger(sys.argv[1]))"
            ),
            "finished(run.job_ended(Await('j', 0.05)))",
        ),
        ("from lipsync_nodes.flows import Budget\nbudget = Budget(10**9)", "\n        with budget.holding(1): pass"),
        (
            "from lipsync_nodes import LipsyncClient\nclient = LipsyncClient('sk_x')",
            "client._backend.transport._client(); client.close()",
        ),
        (
            "from lipsync_nodes.plugins import _manager as manager",
            "manager._plugins.cache_clear(); manager.plugins()",
        ),
    ],
    ids=["ledger", "await", "budget", "transport", "plugins"],
)
def test_a_child_forked_in_the_middle_goes_on(script, tmp_path, begin, work):
    """24 of 25 hung: the lock was inherited while another thread of the parent held it."""
    assert script(FORKS.format(begin=begin, work=work), tmp_path / "ledger.sqlite") == ["0"]


FIRST_USE = """
import os, signal, sys, threading
sys.setswitchinterval(1e-6)
from lipsync_nodes import ImageForm
form = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
def work():
    form.model_dump(mode="json", exclude=set())
def forked(run):
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # seconds: the end of a child that hangs
        os._exit(run() or 0)
    return child
def end_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
def first_use():
    go = threading.Event()
    def wait_and_work():
        go.wait()
        work()
    for _ in range(3): threading.Thread(target=wait_and_work, daemon=True).start()
    go.set()
    return sum([end_of(child) for child in [forked(work) for _ in range(3)]])
hung = 0
for _ in range(150):
    hung += end_of(forked(first_use))
    if hung:
        break
print(hung)
"""


@forks
def test_a_child_forked_at_the_first_use_of_a_form_goes_on(script):
    """Threads that submit at the same time are the first to use pydantic, whose own locks a child inherits."""
    assert script(FIRST_USE) == ["0"]


@forks
def test_a_forked_client_notices_a_lost_ledger(script, sandbox, tmp_path):
    """The child opens the file anew: it took an empty one for the ledger, and paid again."""
    printed = script(
        """
        import os, sys
        from lipsync_nodes import ConfigurationError, ImageForm, LipsyncClient
        from lipsync_nodes.ledger import Ledger
        key, base_url, path = sys.argv[1:]
        form = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
        client = LipsyncClient(key, base_url, ledger=Ledger(path))
        client.submit(form, key="k")
        for side in ("", "-wal", "-shm"):
            os.unlink(path + side)
        child = os.fork()
        if child == 0:
            for _ in range(2):
                try:
                    client.submit(form, key="k")
                except ConfigurationError as error:
                    print("replaced" if "replaced" in error.message else error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        """,
        sandbox.api_key,
        sandbox.base_url,
        tmp_path / "ledger.sqlite",
    )
    assert printed == ["replaced"] * 2
    assert len(sandbox.received("submit")) == 1


@forks
def test_a_forked_client_pays_once_and_waits_for_what_others_end(script, sandbox, tmp_path):
    """Parent and children submit under one key with the parent's own client, while its threads wait and submit, too."""
    code = """
    import os, signal, sys, threading
    from lipsync_nodes import ImageForm, LipsyncClient
    from lipsync_nodes.ledger import Ledger
    form = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
    client = LipsyncClient(sys.argv[1], sys.argv[2], ledger=Ledger(sys.argv[3]), policy=None)
    def run():
        return client.run(form, key="k", poll_interval=0.2, timeout=60).id
    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads: thread.start()
    children = []
    for _ in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            signal.alarm(100)
            os._exit(0 if run() else 1)
    for thread in threads: thread.join()
    print(*[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
    """
    assert script(code, sandbox.api_key, sandbox.base_url, tmp_path / "ledger.sqlite") == ["0"] * 4
    assert len(sandbox.received("submit")) == 1


SPAWN = """
import multiprocessing, sys
from lipsync_nodes import AsyncLipsyncClient, ImageForm, LipsyncClient
from lipsync_nodes.ledger import Ledger

def work(client, ledger, queue):
    form = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
    same = LipsyncClient(profile=client.profile, ledger=ledger)
    queue.put([type(client).__name__, same.submit(form, key="k").id])

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    ledger = Ledger("ledger.sqlite")
    for kind in (LipsyncClient, AsyncLipsyncClient):
        process = context.Process(target=work, args=(kind(ledger=ledger), ledger, queue))
        process.start()
        print(*queue.get(timeout=200))
        process.join()
"""


def test_clients_and_ledger_go_to_a_spawned_process(script, sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("LIPSYNC_API_KEY", sandbox.api_key)
    monkeypatch.setenv("LIPSYNC_BASE_URL", sandbox.base_url)
    monkeypatch.chdir(tmp_path)
    first, one, second, other = script(SPAWN)
    assert (first, second) == ("LipsyncClient", "AsyncLipsyncClient")
    assert one == other
    assert len(sandbox.received("submit")) == 1


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    file = tmp_path / "profiles.toml"
    file.write_text(f'[work]\napi_key = "{KEY}_work"\n[work.webhook]\nbase = "https://h"\nsecret = "{"s" * 20}"\n')
    file.chmod(0o600)
    monkeypatch.setenv("LIPSYNC_CONFIG", str(file))
    monkeypatch.setenv("LIPSYNC_API_KEY", KEY)


@pytest.mark.parametrize("name", [None, "work"])
def test_a_profile_is_read_again_and_takes_no_secret_along(profiles, name):
    profile = load_profile(name, base_url=BASE)
    sent = pickle.dumps(profile)
    assert KEY.encode() not in sent
    assert b"ssss" not in sent
    assert pickle.loads(sent) == profile


def test_another_key_there_is_no_substitute(profiles, monkeypatch):
    """Who pays would change without a word."""
    sent = pickle.dumps(load_profile())
    monkeypatch.setenv("LIPSYNC_API_KEY", "sk_another_0123456789")
    with pytest.raises(ConfigurationError, match="another account"):
        pickle.loads(sent)


def test_without_the_key_there_the_error_says_so(profiles, monkeypatch):
    sent = pickle.dumps(load_profile())
    monkeypatch.delenv("LIPSYNC_API_KEY")
    with pytest.raises(ConfigurationError, match="another account"):
        pickle.loads(sent)


class Subclass(Profile):
    """Of which the pickle module does not know that a profile takes no secret along."""


@pytest.mark.parametrize(
    "make",
    [
        lambda: Profile(api_key=KEY),
        lambda: Subclass(api_key=KEY),
        lambda: Subclass(webhook=Webhook(base="https://h", secret="s" * 20)),
        lambda: LipsyncClient(KEY),
        lambda: AsyncLipsyncClient(KEY),
        lambda: Profile(storage=Storage(url="s3://b", options={"access_key_id": KEY})),
        lambda: Storage(url="s3://b", options={"access_key_id": KEY}),
        lambda: Webhook(base="https://h", secret="s" * 20),
        lambda: Ledger(":memory:"),
        lambda: Budget(9),
        lambda: LipsyncClient(KEY, budget=9),
        lambda: LipsyncClient(KEY, http_client=httpx.Client()),
    ],
)
def test_what_cannot_be_sent_says_so(make):
    with pytest.raises(ConfigurationError, match="process") as caught:
        pickle.dumps(make())
    assert KEY not in str(caught.value)


def test_what_holds_no_secret_is_sent_as_it_is():
    for one in (Profile(base_url=BASE), Storage(url="s3://b"), Webhook(base="https://h")):
        assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_keeps_the_key_and_the_ledger(duplicate, tmp_path):
    """A client, its ledger and its budget are shared; of settings there may be two."""
    profile = Profile(api_key=KEY)
    assert duplicate(profile) == profile
    with LipsyncClient(KEY, ledger=Ledger(tmp_path / "l.sqlite"), budget=9) as client:
        for shared in (client, client.ledger, Ledger(":memory:"), Budget(9)):
            assert duplicate(shared) is shared


def test_making_a_client_loads_nothing_that_sends(script):
    """It is loaded at the first use: half of the time of a ready client."""
    code = """
        import sys
        from lipsync_nodes import LipsyncClient
        client = LipsyncClient("sk_x")
        print(*sys.modules.keys() & {"httpx", "asyncio", "sqlite3", "lipsync_nodes.flows", "lipsync_nodes.service"})
        client.close()
        """
    assert script(code) == []


@pytest.mark.parametrize("face", ["LipsyncClient", "AsyncLipsyncClient"])
def test_a_submission_imports_nothing(script, sandbox, face):
    """A process that is forked during an import can never do it, so its first submission would hang."""
    code = f"""
        import asyncio, sys
        from lipsync_nodes import {face}, ImageForm
        form = ImageForm(image="https://x.example/i", audio="https://x.example/a")
        client = {face}(base_url={sandbox.base_url!r})
        client._backend
        async def go():
            before = set(sys.modules)
            running = client.run(form)
            await running if asyncio.iscoroutine(running) else None
            print(*sorted(set(sys.modules) - before))
            await client.close() if asyncio.iscoroutine(running) else client.close()
        asyncio.run(go())
        """
    assert script(code) == []


@forks
def test_a_fork_waits_until_a_client_is_loaded(script):
    """Its child hung in the import that another thread of the parent had begun."""
    code = """
        import os, signal, threading
        from lipsync_nodes import LipsyncClient
        client = LipsyncClient("sk_x")
        threading.Thread(target=lambda: client._backend).start()
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            client._backend
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    assert script(code) == ["0"]
