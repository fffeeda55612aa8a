"""What a check says of URLs: by themselves, and fetched from a real server. No credential is ever sent."""

import base64
import json
import socket
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lipsync_nodes import ImageForm, LipsyncClient, Profile
from lipsync_nodes.checks import Check, CheckRequest, _fetched, _urls
from lipsync_nodes.checks._expiry import expires_at
from lipsync_nodes.media import _prepared as prepared_module
from tests.checks.made import FACE, SPEECH, codes, named

pytestmark = pytest.mark.usefixtures("blind")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
AUDIO = "https://x.example/a.mp3"
KEY = "sk_checks_0123456789"


def verdict_of(image, *, local=False, fetch=False, audio=AUDIO, **more):
    base = "http://127.0.0.1:1/api/v1" if local else "https://lipsync.studio/api/v1"
    request = CheckRequest(Profile(api_key=KEY, base_url=base), fetch=fetch, **more)
    return Check(ImageForm(image=image, audio=audio), request).verdict


def policy(seconds):
    text = json.dumps({"Statement": [{"Condition": {"DateLessThan": {"AWS:EpochTime": int(seconds)}}}]})
    return base64.b64encode(text.encode()).decode().translate(str.maketrans("+=/", "-_~"))


def signed(seconds):
    """URLs of several stores that are valid until *seconds*."""
    at = datetime.fromtimestamp(seconds - 60, UTC).strftime("%Y%m%dT%H%M%SZ")
    iso = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for query in (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={at}&X-Amz-Expires=60&X-Amz-Signature=0",
        f"X-Goog-Date={at}&X-Goog-Expires=60&X-Goog-Signature=0",
        f"x-oss-date={at}&x-oss-expires=60&x-oss-signature=0",
        f"sv=2024-01-01&se={iso.replace(':', '%3A')}&sig=0",
        f"Expires={int(seconds)}&Signature=0&Key-Pair-Id=K",
        f"AWSAccessKeyId=A&Expires={int(seconds)}&Signature=0",
        f"Policy={policy(seconds)}&Signature=0&Key-Pair-Id=K",
    ):
        yield f"https://store.example/face.png?{query}"


@pytest.mark.parametrize("url", list(signed(NOW)), ids=range(7))
def test_until_when_a_signed_url_is_valid(url):
    assert expires_at(url) == NOW


@pytest.mark.parametrize(
    "query",
    ["", "Expires=100", "se=2020-01-01", "X-Amz-Signature=0&X-Amz-Date=soon&X-Amz-Expires=60", "sig=0&se=never",
     "Signature=0&Policy=%00", "Signature=0&Policy=e30_", "Signature=0&Expires=99999999999999999999999999"],
)  # fmt: skip
def test_a_url_that_is_not_signed_or_says_nothing(query):
    found = verdict_of(f"https://store.example/face.png?{query}", now=NOW)
    assert not [code for code in codes(found) if code.startswith("url.exp")]


@pytest.mark.parametrize(
    ("left", "code", "severity"),
    [
        (-3600, "url.expired", "error"),
        (-30, "url.expires_soon", "warning"),
        (600, "url.expires_soon", "warning"),
        (3600, None, None),
    ],
)
def test_an_expiry_against_the_deadline_of_the_job(left, code, severity):
    for url in signed(NOW + left):
        verdict = verdict_of(url, now=NOW, timeout=1800)
        found = [(one.code, one.severity, one.field) for one in verdict.findings if one.code.startswith("url.")]
        assert found == ([(code, severity, "image")] if code else [])


@pytest.mark.parametrize(
    ("url", "code", "severity"),
    [
        ("http://127.0.0.1:8000/i.png", "url.not_public", "error"),
        ("http://localhost/i.png", "url.not_public", "error"),
        ("https://192.168.1.4/i.png", "url.not_public", "error"),
        ("https://[::1]/i.png", "url.not_public", "error"),
        ("https://2130706433/i.png", "url.not_public", "error"),
        ("https://nas.local/i.png", "url.private_name", "warning"),
        ("https://fileserver/i.png", "url.private_name", "warning"),
        ("http://x.example/i.png", "url.not_encrypted", "info"),
        ("https://x.example/i.png", None, None),
    ],
)
def test_what_the_service_on_the_internet_can_reach(url, code, severity):
    found = [(one.code, one.severity) for one in verdict_of(url).findings if one.code.startswith("url.")]
    assert found == ([(code, severity)] if code else [])
    assert not [one for one in codes(verdict_of(url, local=True)) if one.startswith("url.")]


class Server:
    """Answers each path as a test says, and keeps what was asked."""

    def __init__(self):
        self.answers, self.requests = {}, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                status, kind, body, more = outer.answers[self.path.partition("?")[0]]
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Content-Length": len(body), **more}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def add(self, path, body, kind, status=200, **more):
        self.answers[path] = (status, kind, body, more)
        return self.url + path

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def speech(server):
    return server.add("/speech.mp3", SPEECH.read_bytes(), "audio/mpeg")


@pytest.fixture
def fetched(server, speech):
    """Check an image by its URL, fetched."""
    return lambda url, **more: verdict_of(url, local=True, fetch=True, audio=speech, **more)


def test_what_is_fetched_is_checked_like_a_file(server, speech, fetched):
    verdict = fetched(server.add("/face.jpg", FACE.read_bytes(), "image/jpeg"))
    assert (codes(verdict), verdict.credits) == (["length.rounded_up"], 12)
    found = named(fetched(speech), "media.wrong_kind")
    assert (found.severity, found.field, found.facts["media"]) == ("error", "image", speech)


def test_nothing_is_fetched_unless_asked(server, speech):
    verdict_of(server.add("/face.jpg", FACE.read_bytes(), "image/jpeg"), local=True, audio=speech)
    assert server.requests == []


def test_one_url_in_two_fields_is_fetched_once(server, fetched, speech):
    fetched(speech)
    assert [path for path, _ in server.requests] == ["/speech.mp3"]


def test_no_credential_and_no_signature_is_told(server, speech, fetched):
    """Neither the API key nor the login in a URL is sent; a signature is in no finding and no file is left."""
    url = server.add("/face.jpg", b"nothing", "image/jpeg").replace("//", "//user:secret@") + "?X-Amz-Signature=hush"
    verdict = fetched(url)
    told = json.dumps(verdict.as_json())
    assert codes(verdict, "error") == ["media.not_media"]
    assert not [word for word in ("secret", "hush", KEY, "/tmp") if word in told]
    assert all("Authorization" not in headers and "Cookie" not in headers for _, headers in server.requests)


@pytest.mark.parametrize(
    ("status", "code", "severity"),
    [
        (401, "url.refused", "error"),
        (403, "url.refused", "error"),
        (404, "url.refused", "error"),
        (410, "url.refused", "error"),
        (204, "url.answered", "warning"),
        (429, "url.answered", "warning"),
        (503, "url.answered", "warning"),
    ],
)
def test_a_server_that_does_not_give_the_file(server, fetched, status, code, severity):
    found = named(fetched(server.add("/face.jpg", b"", "text/plain", status)), code)
    assert (found.severity, found.facts) == (severity, {"status": status})


def test_a_web_page_is_no_file(server, fetched):
    page = server.add("/view", b"\n<!doctype html><title>Sign in</title>", "text/html; charset=utf-8")
    assert codes(fetched(page), "error") == ["url.web_page"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("image/jpeg", None),
        ("image/jpg", None),
        ("application/octet-stream", None),
        ("", None),
        ("text/plain", "url.content_type"),
        ("audio/mpeg", "url.content_type"),
    ],
)
def test_the_stated_type_against_the_content(server, fetched, kind, code):
    found = codes(fetched(server.add("/face", FACE.read_bytes(), kind)))
    assert [one for one in found if one.startswith("url.")] == [code][: bool(code)]


def test_redirects_are_followed_and_not_for_ever(server, fetched):
    server.add("/face.jpg", FACE.read_bytes(), "image/jpeg")
    assert fetched(server.add("/there", b"", "", 302, Location="/face.jpg")).ok
    assert named(fetched(server.add("/round", b"", "", 302, Location="/round")), "url.redirects").severity == "warning"


def test_a_server_that_is_not_there(fetched):
    found = named(fetched("http://127.0.0.1:1/face.jpg"), "url.not_reached")
    assert (found.severity, found.basis) == ("warning", "likely")


def test_limits_of_size_and_time(server, fetched, monkeypatch):
    url = server.add("/face.jpg", FACE.read_bytes(), "image/jpeg")
    monkeypatch.setattr(_fetched, "LARGEST", 10_000)
    assert codes(fetched(url), "info").count("url.too_large") == 2
    monkeypatch.setattr(_fetched, "SECONDS", 0.0)
    assert codes(fetched(url)).count("url.too_slow") == 2


def test_a_private_address_is_not_asked_for_the_service(server, speech):
    """Neither by its number, nor behind a redirect or a name: only a sandbox on this machine may."""
    began = time.monotonic()
    for url in (speech, speech.replace("127.0.0.1", "localhost"), speech.replace("127.0.0.1", "127.1")):
        verdict = verdict_of(url, fetch=True, audio="https://x.invalid/a.mp3")
        assert "url.not_public" in codes(verdict, "error")
    assert server.requests == []
    assert time.monotonic() - began < 30


def test_a_name_of_a_private_address_is_not_asked(server, speech, monkeypatch):
    port = int(server.url.rpartition(":")[2])
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    url = f"http://files.example:{port}/speech.mp3"
    assert codes(verdict_of(url, fetch=True, audio=url), "warning") == ["url.private_name"] * 2
    assert server.requests == []
    assert codes(verdict_of(url, fetch=True, audio=url, local=True), "error") == ["media.wrong_kind"]


def test_a_redirect_leads_to_no_private_address(server, speech, monkeypatch):
    """A server on the internet, as which this one passes here, must not lead into the network of the caller."""
    for module in (_fetched, _urls):
        monkeypatch.setattr(module, "is_public", lambda address: str(address) == "127.0.0.1")
    inside = server.add("/inside", b"", "", 302, Location=speech.replace("127.0.0.1", "127.0.0.2"))
    local_file = server.add("/file", b"", "", 302, Location="file:///etc/passwd")
    verdict = verdict_of(inside, fetch=True, audio=speech)
    assert named(verdict, "url.private_name").facts == {"host": "127.0.0.2"}
    assert "redirects to file:" in named(verdict_of(local_file, fetch=True, audio=speech), "url.not_reached").message()
    assert [path for path, _ in server.requests] == ["/inside", "/speech.mp3", "/file", "/speech.mp3"]


def test_a_fetched_length_is_the_estimate_of_a_submission(sandbox, server, speech):
    form = ImageForm(image=server.add("/face.jpg", FACE.read_bytes(), "image/jpeg"), audio=speech)
    with LipsyncClient(sandbox.api_key, sandbox.base_url, budget=12) as client:
        client.submit(form, fetch=True)
        assert client._budget.committed == 12


def test_a_file_beside_a_fetched_one_is_probed_once(sandbox, speech, monkeypatch):
    """By the check and by the submission that follows."""
    probed, look = [], prepared_module.check
    monkeypatch.setattr(prepared_module, "check", lambda *asked: probed.append(asked[1]) or look(*asked))
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        client.submit(ImageForm(image=FACE, audio=speech), fetch=True)
    assert probed == ["image", "audio"]


@pytest.mark.parametrize(
    "query",
    [
        f"Expires={-(10**17)}&Signature=a",
        f"Expires={10**18}&Signature=a",
        f"Expires={'9' * 400}&Signature=a",
        f"X-Amz-Date=20261130T000000Z&X-Amz-Expires={-(10**15)}&X-Amz-Signature=a",
        "se=9999-12-31T23:59:59-12:00&sig=a",
    ],
)
def test_a_time_that_cannot_be_is_no_end(query):
    """It neither raises nor warns."""
    found = verdict_of("https://x.example/i.png", audio=f"https://x.example/a.mp3?{query}")
    assert not [one for one in found.problems if one.code.startswith("url.expire")]


def test_a_private_address_is_told_once():
    found = codes(verdict_of("http://169.254.169.254/i.png", audio="http://169.254.169.254/i.mp3", fetch=True))
    assert [code for code in found if code in {"url.not_public", "url.private_name"}] == ["url.not_public"] * 2
