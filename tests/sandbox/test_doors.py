"""Who may come in: keys, hosts; and what is said when the sandbox cannot open at all."""

import logging
import re
import socket
import sqlite3
from contextlib import closing

import httpx
import pytest

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.sandbox.server.thread import listen


def port_of(box):
    return int(box.url.rpartition(":")[2])


@pytest.mark.parametrize("key", ["sk_x", "sk_1", "sk_-_a", "sk_" + "x" * 200])
def test_any_key_of_the_shape_is_accepted(box, key):
    answer = httpx.get(f"{box.base_url}/jobs/none", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 404


def test_a_refusal_says_which_keys_are_accepted_and_repeats_none(box):
    url = f"{box.base_url}/jobs/none"
    wrong = httpx.get(url, headers={"Authorization": "Bearer pk_secret"}).json()["error"]
    assert wrong == "The API key is wrong; any key of the shape sk_… (letters, digits, _ and -) is accepted."
    assert httpx.get(url).json()["error"].startswith("An API key is missing (Authorization: Bearer sk_…); any key")
    with Sandbox(renderer="instant", api_key="sk_only_secret") as strict:
        answer = httpx.get(f"{strict.base_url}/jobs/x", headers={"Authorization": "Bearer sk_other_secret"})
        assert answer.json()["error"] == (
            "The API key is wrong; only the key that the sandbox was started with is accepted."
        )


@pytest.mark.parametrize("path", ["/", "/sandbox/jobs", "/sandbox/requests", "/openapi.json", "/api/v1/jobs/x"])
@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:{port}", "127.0.0.1.evil.test", "127.0.0.1@evil.test", "[", ""]
)
def test_a_request_to_another_name_is_refused(box, path, host):
    answer = httpx.get(box.url + path, headers={"Host": host.format(port=port_of(box))})
    assert answer.status_code == 421
    assert list(answer.json()) == ["error"]
    assert box.requests == []


def test_a_rebound_page_changes_nothing(box):
    evil = {"Host": f"evil.test:{port_of(box)}", "Origin": f"http://evil.test:{port_of(box)}"}
    box.fault("hang", where="poll")
    assert httpx.delete(f"{box.url}/sandbox/faults", headers=evil).status_code == 421
    assert httpx.post(f"{box.url}/sandbox/reset", headers=evil).status_code == 421
    assert len(box.faults) == 1


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1", "127.1.2.3:{port}", "[::1]:{port}"])
def test_a_request_to_this_machine_is_answered(box, host):
    assert httpx.get(box.url, headers={"Host": host.format(port=port_of(box))}).status_code == 200


def test_what_is_open_to_others_says_so_and_takes_any_name(caplog):
    with Sandbox(renderer="instant", host="0.0.0.0") as box:
        [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert "0.0.0.0" in warning
        assert box.token not in warning
        assert httpx.get(box.url, headers={"Host": "studio.test"}).status_code == 200


def test_what_is_closed_to_others_warns_of_nothing(caplog):
    with Sandbox(renderer="instant"):
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("127.0.0.1", 65536), ("127.0.0.1", -1), ("127.0.0.1", 10**30),
        ("no-such-host.invalid", 0), ("a..b", 0), ("x" * 300, 0), ("a\0b", 0), ("203.0.113.1", 0), ("::zz", 0),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_had_is_a_sentence(host, port):
    with pytest.raises(ConfigurationError, match=r"cannot listen on .*: .+\. Choose another port or host") as caught:
        Sandbox(host=host, port=port, renderer="instant").serve()
    assert str(port) in str(caught.value)


def test_a_port_in_use_is_a_sentence(box):
    with pytest.raises(ConfigurationError, match="cannot listen"):
        Sandbox(port=port_of(box), renderer="instant").serve()


def test_a_port_is_free_again_after_a_start_that_failed(tmp_path):
    (tmp_path / "file").write_text("")
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        port = spare.getsockname()[1]
    with pytest.raises(ConfigurationError):
        Sandbox(tmp_path / "file", port=port, renderer="instant").serve()
    listen("127.0.0.1", port).close()


def a_file(folder):
    folder.write_text("")


def below_a_file(folder):
    folder.parent.joinpath("file").write_text("")
    return folder.parent / "file" / "below"


def a_file_where_a_folder_belongs(folder):
    folder.mkdir()
    (folder / "outputs").write_text("")


def a_database_that_is_none(folder):
    folder.mkdir()
    (folder / "sandbox.sqlite3").write_text("this is no database" * 100)


def a_database_that_is_a_folder(folder):
    (folder / "sandbox.sqlite3").mkdir(parents=True)


def a_database_of_another_program(folder):
    folder.mkdir()
    with closing(sqlite3.connect(folder / "sandbox.sqlite3")) as database:
        database.execute("CREATE TABLE jobs (something INTEGER)")


SPOILT = [
    a_file, below_a_file, a_file_where_a_folder_belongs,
    a_database_that_is_none, a_database_that_is_a_folder, a_database_of_another_program,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path, spoil):
    folder = spoil(tmp_path / "folder") or tmp_path / "folder"
    with pytest.raises(ConfigurationError, match=r"^The folder .* cannot be used: .+\."):
        Sandbox(folder, renderer="instant").serve()


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lipsync_nodes.sandbox.server.service.tempfile.TemporaryFile", refuse)
    with pytest.raises(ConfigurationError, match=re.escape(f"{tmp_path} cannot be used: Permission denied.")):
        Sandbox(tmp_path, renderer="instant").serve()


def test_a_database_that_cannot_be_written_to_is_a_sentence(tmp_path, monkeypatch):
    with Sandbox(tmp_path, renderer="instant"):
        pass
    real = sqlite3.connect
    monkeypatch.setattr(
        "lipsync_nodes.sandbox.jobs.store.sqlite3.connect",
        lambda file, **more: real(f"file:{file}?mode=ro", uri=True, **more),
    )
    with pytest.raises(ConfigurationError, match=r"cannot be used: .+\."):
        Sandbox(tmp_path, renderer="instant").serve()


@pytest.mark.parametrize("name", ["none.png", ".", "a\0b"])
def test_a_file_that_cannot_be_published_is_a_sentence(box, tmp_path, name):
    with pytest.raises(ConfigurationError, match=r"cannot be published: .+\."):
        box.publish(tmp_path / name)


def test_a_file_that_is_too_large_to_be_published_is_a_sentence(box, tmp_path, monkeypatch):
    monkeypatch.setattr(box._running.service.files, "_largest", 10)
    (tmp_path / "a.bin").write_bytes(b"x" * 11)
    with pytest.raises(ConfigurationError, match="too large"):
        box.publish(tmp_path / "a.bin")
