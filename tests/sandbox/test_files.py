"""Assets and outputs: stable URLs, Range, names that leave no folder."""

import asyncio
from urllib.parse import quote, unquote, urlsplit

import httpx
import pytest

from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.sandbox.server.files import FileStore, TooLarge, safe_name


def test_a_file_gets_a_stable_url(box, api):
    url = api.put("voice.mp3", b"one")
    assert url.startswith(f"{box.url}/files/")
    assert url.endswith("/voice.mp3")
    assert api.put("voice.mp3", b"one") == url
    assert api.put("voice.mp3", b"two") != url
    answer = httpx.get(url)
    assert answer.content == b"one"
    assert answer.headers["content-type"] == "audio/mpeg"


def test_a_large_file_comes_back_whole(api):
    content = bytes(range(256)) * 20_000
    assert httpx.get(api.put("v.mp4", content)).content == content


@pytest.mark.parametrize(
    ("wanted", "code", "content"),
    [
        ("bytes=0-2", 206, b"012"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=20-30", 416, b""),
        ("lines=1-2", 400, None),
    ],
)
def test_a_part_can_be_asked_for(api, wanted, code, content):
    answer = httpx.get(api.put("a.bin", b"0123456789"), headers={"Range": wanted})
    assert answer.status_code == code
    if code == 206:
        assert answer.content == content


def test_head_tells_the_size(api):
    answer = httpx.head(api.put("a.bin", b"0123456789"))
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "10", b"")


def test_outputs_give_parts_too(api):
    output = api.ended(api.job_id())["output"]
    whole = httpx.get(output).content
    assert httpx.get(output, headers={"Range": "bytes=10-19"}).content == whole[10:20]
    assert httpx.head(output).headers["content-length"] == str(len(whole))


@pytest.mark.parametrize(
    "name",
    ["..%5C..%5Cboot.ini", "%2e%2e", "%00a.png", "C:%5Cx.png", "a.png%0A", "con.txt", "%E5%9B%BE.png", "a%20b.png"],
)
def test_a_name_is_made_safe(box, api, name):
    url = api.put(name, b"x")
    last = unquote(urlsplit(url).path).split("/")[-1]
    assert last == safe_name(unquote(name))
    assert not {"/", "\\", "\0", "\n", ":"} & set(last)
    assert last.strip(".")
    assert httpx.get(url).content == b"x"


@pytest.mark.parametrize("name", ["../up.png", "a/../../b", "....", "..", "", "a" * 500 + ".png", "\ud800", "图" * 200])
def test_no_name_leaves_its_folder(tmp_path, name):
    safe = safe_name(name)
    assert (tmp_path / safe).resolve().parent == tmp_path.resolve()
    assert safe == safe_name(safe)
    (tmp_path / safe).write_bytes(b"x")


@pytest.mark.parametrize(
    ("name", "safe"), [("a/b.png", "b.png"), ("..\\b.png", "b.png"), ("a:b?.png", "a_b_.png"), ("NUL.txt", "_NUL.txt")]
)
def test_a_name_keeps_what_it_can(name, safe):
    assert safe_name(name) == safe


@pytest.mark.parametrize("name", ["../secret", "..", "../0123456789abcdef/../secret"])
def test_the_store_finds_nothing_outside_itself(tmp_path, name):
    store = FileStore(tmp_path / "files")
    (tmp_path / "files" / "0123456789abcdef").mkdir()
    (tmp_path / "files" / "secret").write_text("x")
    assert store.find("0123456789abcdef", name) is None
    assert store.find("..", "secret") is None


@pytest.mark.parametrize("path", ["../sandbox.sqlite3", "..%2F..%2Fsandbox.sqlite3", "%2e%2e/sandbox.sqlite3"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_nothing_outside_the_store_is_reached(box, api, method, path):
    answer = api.http.request(method, f"{box.url}/files/{path}", content=b"x")
    assert answer.status_code in {404, 405}


def test_what_is_stored_is_never_run(api):
    answer = httpx.get(api.put("page.html", b"<script>alert(1)</script>"))
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_too_large_a_file_leaves_nothing(tmp_path):
    async def chunks():
        for _ in range(5):
            yield b"x" * 10

    store = FileStore(tmp_path, largest=30)
    with pytest.raises(TooLarge):
        asyncio.run(store.put("a.bin", chunks()))
    assert list(tmp_path.iterdir()) == []


def test_the_store_knows_its_own_urls(tmp_path):
    async def chunks():
        yield b"x"

    store = FileStore(tmp_path)
    path = quote(asyncio.run(store.put("图 1.png", chunks())))
    assert store.find_url(f"http://127.0.0.1:1/files/{path}").read_bytes() == b"x"
    assert store.find_url(f"http://localhost/files/{path}?a=b")
    assert store.find_url(f"http://media.test/files/{path}") is None
    assert store.find_url(f"http://127.0.0.1:1/other/{path}") is None


def test_files_outlive_the_sandbox(tmp_path, connect):
    with Sandbox(tmp_path, renderer="instant") as box:
        path = urlsplit(connect(box).put("a.png", b"x")).path
    with Sandbox(tmp_path, renderer="instant") as box:
        assert httpx.get(box.url + path).content == b"x"
