"""Where a download may lead: to public addresses, checked before a connection is opened."""

import select
import socket

import pytest

from lipsync_nodes import DownloadError
from lipsync_nodes.media import download
from lipsync_nodes.media._addresses import is_public, literal
from tests.downloads import VIDEO, fetch, nothing_is_left, served
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService


@pytest.fixture
def service():
    with BadService() as service:
        yield service


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "::7f00:1", "fec0::1", "ff02::1"]
    + ["::ffff:0:7f00:1", "::ffff:10.0.0.1", "fe80::1", "fd00::1", "224.0.0.1", "100.64.0.1", "0.0.0.0", "::"],
)
def test_no_spelling_of_a_private_address_passes(tmp_path, address):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(DownloadError, match="no public address"):
        download(f"https://{host}/v.mp4", tmp_path / "v.mp4")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"])
def test_a_public_address_passes(address):
    from ipaddress import ip_address

    assert is_public(ip_address(address))


@pytest.mark.parametrize("host", ["localhost", "xn--mnchen-3ya.localhost", "münchen.localhost"])
def test_a_name_of_any_alphabet_is_checked_where_it_leads(service, tmp_path, host, monkeypatch):
    """The resolver is the one thing that is not real here: these names are nobody's."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *more, **named: real("127.0.0.1", *more, **named))
    with pytest.raises(DownloadError, match="no public address"):
        download(f"https://{host}:{service.url.rpartition(':')[2]}/output/v.mp4", tmp_path / "v.mp4")


@pytest.mark.parametrize("url", ["http://example.com/v.mp4", "http://8.8.8.8/v.mp4"])
def test_plain_http_is_for_this_machine_only_also_with_a_sandbox(tmp_path, url):
    with pytest.raises(DownloadError, match="not https"):
        download(url, tmp_path / "v.mp4", local=True)


@pytest.mark.parametrize(
    "target",
    ["http://10.0.0.1/v.mp4", "https://10.0.0.1/v.mp4", "https://169.254.169.254/latest/", "https://[fe80::1]/v"]
    + ["https://[::ffff:10.0.0.1]/v", "https://192.168.1.1/v", "ftp://x/v", "file:///etc/passwd"],
)
def test_a_redirect_to_a_private_place_is_refused(service, tmp_path, target):
    service.on_output = [bad.say(302, Location=target)]
    with pytest.raises(DownloadError, match=r"no public address|not https"):
        fetch(service, tmp_path / "v.mp4")
    assert nothing_is_left(tmp_path)


def test_a_redirect_is_followed_but_not_for_ever(service, tmp_path):
    service.on_output = [bad.say(302, Location="/output/elsewhere.mp4"), served()]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO
    service.on_output = [bad.say(302, Location="/output/v.mp4")]
    with pytest.raises(DownloadError, match="redirects more than"):
        fetch(service, tmp_path / "w.mp4")


@pytest.mark.parametrize("url", ["http://example.com/v.mp4", "https://127.0.0.1:9/v.mp4", "https://[::1]:9/v.mp4"])
def test_loopback_and_plain_http_are_for_a_sandbox_only(tmp_path, url):
    with pytest.raises(DownloadError, match=r"no public address|not https"):
        download(url, tmp_path / "v.mp4")


def test_a_name_of_this_machine_is_refused_before_a_byte(service, tmp_path):
    """`localhost` is a name like any other: only DNS tells where it leads."""
    port = service.url.rpartition(":")[2]
    with pytest.raises(DownloadError, match="no public address"):
        download(f"https://localhost:{port}/output/v.mp4", tmp_path / "v.mp4")
    assert nothing_is_left(tmp_path)


# What resolvers take for 127.0.0.1, besides itself.
LOOPBACK = ["2130706433", "0x7f000001", "0x7F.1", "127.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "127.0.0.1.."]
LOOPBACK += [
    "127\u30020\u30020\u30021",
    "\uff11\uff12\uff17.0.0.1",
    "[::ffff:127.0.0.1]",
    "localhost",
    "LOCALHOST.",
    "any.localhost",
]


@pytest.fixture
def listener():
    """A port of this machine; tells whether anybody opened a connection to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def was_opened(listener):
    return bool(select.select([listener], [], [], 0.2)[0])


@pytest.mark.parametrize("host", LOOPBACK)
def test_no_spelling_of_this_machine_is_connected_to(listener, tmp_path, host):
    """Not refused after the handshake: a connection that is opened tells that somebody listens there."""
    with pytest.raises(DownloadError, match=r"no public address|malformed"):
        download(f"https://{host}:{listener.getsockname()[1]}/v.mp4", tmp_path / "v.mp4")
    assert not was_opened(listener)
    assert nothing_is_left(tmp_path)


# And for 10.0.0.1: the service of these tests may lead to this machine, but not there.
@pytest.mark.parametrize("host", ["167772161", "0xa000001", "10.1", "012.0.0.1", "10.0.0.1.", "[::ffff:a00:1]"])
def test_no_redirect_leads_to_a_private_place(service, tmp_path, host):
    service.on_output = [bad.say(302, Location=f"https://{host}/v.mp4")]
    with pytest.raises(DownloadError, match=r"no public address|Invalid IPv4 address"):
        fetch(service, tmp_path / "v.mp4", timeout=20)


def resolve(monkeypatch, *answers):
    """Have names looked up as a hostile DNS server answers: the resolver is the one thing that is not real here."""
    real, asked, left = socket.getaddrinfo, [], list(answers)

    def getaddrinfo(host, port, *more, **named):
        if literal(host) is not None and host != "localhost":
            return real(host, port, *more, **named)
        asked.append(host)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [found for address in addresses for found in real(address, port, *more, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["8.8.8.8", "127.0.0.1"]])
def test_a_name_is_checked_before_it_is_connected_to(listener, tmp_path, monkeypatch, addresses):
    resolve(monkeypatch, addresses)
    with pytest.raises(DownloadError, match="no public address"):
        download(f"https://cdn.example:{listener.getsockname()[1]}/v.mp4", tmp_path / "v.mp4")
    assert not was_opened(listener)


def test_a_name_is_looked_up_once_for_check_and_connection(service, tmp_path, monkeypatch):
    """A second answer of a hostile DNS server might be another."""
    asked = resolve(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    service.on_output = [served()]
    url = f"http://localhost:{service.url.rpartition(':')[2]}/output/v.mp4"
    assert download(url, tmp_path / "v.mp4", local=True).read_bytes() == VIDEO
    assert asked == ["localhost"]


def test_the_next_try_takes_the_next_address(service, tmp_path, monkeypatch):
    resolve(monkeypatch, ["127.0.0.77", "127.0.0.1"])  # nobody listens at the first
    service.on_output = [served()]
    url = f"http://localhost:{service.url.rpartition(':')[2]}/output/v.mp4"
    assert download(url, tmp_path / "v.mp4", local=True).read_bytes() == VIDEO


def test_a_name_that_nobody_knows_is_told(tmp_path, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DownloadError, match=r"cdn\.example was not found: Name or service not known"):
        download("https://cdn.example/v.mp4", tmp_path / "v.mp4")


def test_credentials_in_a_url_are_sent_to_nobody(service, tmp_path, caplog):
    seen, address = [], service.url.removeprefix("http://")

    def behave(answer):
        return lambda request: (seen.append((request.path, dict(request.headers))), answer(request))

    service.on_output = [
        behave(bad.say(302, Location="/output/relative.mp4")),
        behave(bad.say(302, Location=f"http://other:secret2@{address}/output/absolute.mp4")),
        behave(served()),
    ]
    download(f"http://user:secret1@{address}/output/v.mp4?a=b", tmp_path / "v.mp4", local=True)
    assert [path for path, _ in seen] == ["/output/v.mp4?a=b", "/output/relative.mp4", "/output/absolute.mp4"]
    assert not [name for _, headers in seen for name in headers if name.lower() == "authorization"]
    assert "secret" not in repr(seen)
    assert "secret1" not in caplog.text


@pytest.mark.parametrize("host", ["[::1", "a..b", "x" * 70, "\u2100.example"])
def test_no_error_shows_the_password_of_a_url(tmp_path, host):
    with pytest.raises(DownloadError) as caught:
        download(f"https://user:secret@{host}/v.mp4", tmp_path / "v.mp4", timeout=5)
    assert "secret" not in f"{caught.value} {caught.value!r}"
