"""What Airflow reads of the provider at every start, the connection, and what a broken install of ours may do."""

import ast
import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from lipsync_nodes import ConfigurationError
from lipsync_nodes_airflow.provider_info import get_provider_info
from tests.faults import bad_service as bad
from tests.integrations.airflow.conftest import KEY, connection

SECRET = "shared with the receiver, 0123456789"
PACKAGE = Path(__file__).parents[3] / "adapters" / "lipsync_nodes_airflow"


@pytest.mark.parametrize("file", ["__init__.py", "provider_info.py"])
def test_what_airflow_reads_at_each_start_imports_nothing(file):
    imports = [node for node in ast.walk(ast.parse((PACKAGE / file).read_text())) if "Import" in type(node).__name__]
    assert {getattr(node, "module", None) for node in imports} <= {"__future__", "typing"}


def test_the_provider_info_fits_airflows_schema(airflow_home):
    import airflow
    import jsonschema

    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_entry_point_names_this_distribution():
    (point,) = [
        point for point in distribution("lipsync-nodes").entry_points if point.group == "apache_airflow_provider"
    ]
    assert point.load() is get_provider_info
    assert get_provider_info()["package-name"] == point.dist.name


def test_all_that_the_provider_info_names_is_there(airflow_home):
    from importlib import import_module

    info = get_provider_info()
    kinds = ("hooks", "operators", "sensors", "triggers")
    for module in (module for kind in kinds for entry in info[kind] for module in entry["python-modules"]):
        assert import_module(module).__all__
    for path in (*info["extra-links"], info["connection-types"][0]["hook-class-name"]):
        module, _, name = path.rpartition(".")
        assert getattr(import_module(module), name)


def test_a_broken_install_of_ours_stops_no_airflow_command(airflow_home, tmp_path):
    broken = tmp_path / "lipsync_nodes_airflow"
    broken.mkdir()
    for file in PACKAGE.glob("*.py"):
        keeps = file.name in {"__init__.py", "provider_info.py"}
        (broken / file.name).write_text(file.read_text() if keeps else "raise RuntimeError('broken')")
    done = subprocess.run(
        [Path(sys.executable).parent / "airflow", "providers", "list", "-o", "json"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "lipsync-nodes" in done.stdout


def test_the_connection_is_tested_without_spending(airflow_home, lipsync_default, sandbox, monkeypatch):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    ok, words = LipsyncHook().test_connection()
    assert (ok, sandbox.received("submit")) == (True, []), words
    sandbox.fault("status", where="poll", code=401)
    ok, words = LipsyncHook().test_connection()
    assert not ok
    assert "refused the key" in words
    assert "0000" not in words, "the id that no job has"


def test_a_web_server_is_not_the_service(airflow_home, sandbox, service, monkeypatch):
    """One that answers the same to everybody, in whatever shape, gets no yes."""
    from lipsync_nodes_airflow.hooks import LipsyncHook

    monkeypatch.setenv("AIRFLOW_CONN_ODD", json.dumps({**json.loads(connection(sandbox)), "host": service.base_url}))
    for answer in (bad.say(404), bad.say(200, b"<html>Log in</html>", kind="text/html")):
        service.on_poll = [answer]
        ok, message = LipsyncHook("odd").test_connection()
        assert not ok
        assert "base URL" in message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "", "host": ""}, "no API key"),
        ({"host": "http://far.example"}, "https"),
        ({"host": "https://lipsync..studio"}, "(the connection's host)"),
        ({"host": "https://[::1/x"}, "(the connection's host)"),
        ({"password": f"Bearer {KEY}"}, "(the connection's password)"),
        ({"extra": {"budget": -1}}, "(the connection's extra)"),
        ({"extra": {"colour": 1}}, "colour"),
        ({"extra": {"webhook_secret": SECRET}}, "webhook.base"),
        ({"extra": {"webhook": "https://hooks.example", "webhook_secret": SECRET[:9]}}, "webhook.secret"),
    ],
)
def test_a_connection_that_cannot_be_used_says_why(airflow_home, sandbox, monkeypatch, wrong, words):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    monkeypatch.setenv("AIRFLOW_CONN_ODD", json.dumps({**json.loads(connection(sandbox)), **wrong}))
    ok, message = LipsyncHook("odd").test_connection()
    assert not ok
    assert words in message
    assert KEY not in message
    assert SECRET[:9] not in message
    with pytest.raises(ConfigurationError):
        LipsyncHook("odd").get_conn()


@pytest.mark.parametrize(
    ("uri", "base_url"),
    [
        ("lipsync://:sk_a_0123456789@127.0.0.1:8787/api/v1", "http://127.0.0.1:8787/api/v1"),
        ("lipsync://:sk_a_0123456789@127.0.0.1:8787/api%2Fv1", "http://127.0.0.1:8787/api/v1"),
        ("lipsync://:sk_a_0123456789@127.0.0.1:8787", "http://127.0.0.1:8787/api/v1"),
        ("lipsync://http://:sk_a_0123456789@127.0.0.1:18991/api/v1", "http://127.0.0.1:18991/api/v1"),
        ("lipsync://:sk_a_0123456789@http%3A%2F%2F127.0.0.1%3A18991%2Fapi%2Fv1", "http://127.0.0.1:18991/api/v1"),
        ("lipsync://:sk_a_0123456789@lipsync.studio", "https://lipsync.studio/api/v1"),
        ("lipsync://:sk_a_0123456789@gateway.example:8443/lipsync", "https://gateway.example:8443/lipsync"),
        ("lipsync://:sk_a_0123456789@", "https://lipsync.studio/api/v1"),
    ],
)
def test_a_connection_uri_keeps_its_port_and_path(airflow_home, monkeypatch, uri, base_url):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    monkeypatch.setenv("AIRFLOW_CONN_URI", uri)
    assert LipsyncHook("uri").profile.base_url == base_url


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({"host": "lipsync.studio"}, "https://lipsync.studio/api/v1"),
        ({"host": "localhost", "port": 8787}, "http://localhost:8787/api/v1"),
        ({"host": "localhost:8787"}, "http://localhost:8787/api/v1"),
        ({"host": "localhost/api/v1", "port": 8787, "schema": "http"}, "http://localhost:8787/api/v1"),
        ({"host": "http://localhost", "port": 8787, "schema": "/api/v1/"}, "http://localhost:8787/api/v1"),
        ({"host": "http://localhost:8787/api/v1", "port": 8787, "schema": "http"}, "http://localhost:8787/api/v1"),
        ({"host": "gateway.example", "schema": "https"}, "https://gateway.example/api/v1"),
        ({"host": "http://[::1]", "port": 8787}, "http://[::1]:8787/"),
    ],
)
def test_the_fields_of_a_connection_make_one_url(airflow_home, monkeypatch, fields, base_url):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    monkeypatch.setenv("AIRFLOW_CONN_FIELDS", json.dumps({"conn_type": "lipsync", "password": KEY, **fields}))
    assert LipsyncHook("fields").profile.base_url == base_url.rstrip("/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 8787},
        {"schema": "api/v1"},
        {"host": "http://localhost:8787/api/v1", "port": 8788},
        {"host": "http://localhost/api/v1", "schema": "api/v2"},
        {"host": "http://localhost", "schema": "https"},
        {"login": "sk_a_0123456789", "password": ""},
        {"login": "someone"},
        {"host": "http://gateway.example", "port": 8443},
    ],
)
def test_a_connection_that_contradicts_itself_is_refused(airflow_home, monkeypatch, wrong):
    """Nothing of it is dropped: the API key could go to another server."""
    from lipsync_nodes_airflow.hooks import LipsyncHook

    monkeypatch.setenv("AIRFLOW_CONN_WRONG", json.dumps({"conn_type": "lipsync", "password": KEY, **wrong}))
    with pytest.raises(ConfigurationError) as caught:
        LipsyncHook("wrong").get_conn()
    assert "sk_a" not in str(caught.value)


@pytest.mark.parametrize(
    "extra",
    [
        {"webhook": "https://hooks.example/lipsync", "webhook_secret": SECRET, "storage": ""},
        {"webhook": {"base": "https://hooks.example/lipsync", "secret": SECRET}},
    ],
    ids=["as the form has it", "as a profile has it"],
)
def test_a_connection_tells_where_webhooks_go(airflow_home, sandbox, monkeypatch, extra):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, **extra))
    hook = LipsyncHook()
    assert hook.profile.webhook.base == "https://hooks.example/lipsync"
    assert hook.profile.webhook.secret.get_secret_value() == SECRET
    assert SECRET not in repr((hook.profile, vars(hook), hook.client()))


def test_a_sandbox_on_this_machine_needs_no_key(airflow_home, sandbox, monkeypatch):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    monkeypatch.setenv("AIRFLOW_CONN_LOCAL", json.dumps({"conn_type": "lipsync", "host": sandbox.base_url}))
    with LipsyncHook("local").client() as client:
        assert client.profile.api_key is None


def test_an_empty_host_is_the_service_itself(airflow_home, monkeypatch):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    monkeypatch.setenv("AIRFLOW_CONN_PLAIN", json.dumps({"conn_type": "lipsync", "password": KEY}))
    hook = LipsyncHook("plain")
    assert hook.profile.base_url == "https://lipsync.studio/api/v1"
    assert hook.site == "https://lipsync.studio/"
    assert KEY not in repr(hook.client())


def test_a_connection_may_be_written_as_a_uri(airflow_home, monkeypatch):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    monkeypatch.setenv("AIRFLOW_CONN_URI", f"lipsync://:{KEY}@/?budget=60&max_concurrency=2")
    profile = LipsyncHook("uri").profile
    assert (profile.budget, profile.max_concurrency) == (60, 2)


def test_the_connection_of_the_readme_is_one(airflow_home, monkeypatch):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    ((name, value),) = re.findall(r"^export (AIRFLOW_CONN_\w+)='(.+)'$", readme, flags=re.MULTILINE)
    monkeypatch.setenv(name, value)
    assert LipsyncHook().profile.base_url == "https://lipsync.studio/api/v1"
