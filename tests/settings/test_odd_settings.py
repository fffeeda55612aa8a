"""Settings that are wrong: each gets one sentence that names file, profile and field, and never the key."""

import os
import re

import pytest

from lipsync_nodes import ConfigurationError, LipsyncClient
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile, load_profile
from lipsync_nodes.settings._profile import DEFAULT_BASE_URL

KEY = "sk_test_0123456789"
BASES = {
    "": "is empty",
    "  ": "is empty",
    "lipsync.studio": "https://",
    "https:///api": "host name",
    "https://lipsync..studio": "host name",
    "https://lipsync.studio.": "host name",
    "https://-x.example": "host name",
    "https://x%2ey": "host name",
    "https://x/y\\z": "white space",
    "https://999.1.1.1": "host name",
    "https://1.2.3": "host name",
    "https://müller.example": "xn--",
    "https://☃.net": "xn--",
    "https://xn--a": "host name",
    "https://xn--n3h.net": "host name",
    f"https://{'a' * 64}.example": "host name",
    f"https://{'a.' * 200}example": "host name",
    "https://[::1/x": "not a URL",
    "https://[v1.x]": "host name|not a URL",
    "https://x:abc": "port",
    "https://x:99999": "port",
    "https://x:0": "port",
    "https://u@x.example": "user name",
    "https://u:p@x.example": "user name",
    "https://x.example?a=b": "query",
    "https://x.example?": "query",
    "https://x.example#": "query",
    f"https://x.example/{'a' * 70_000}": "longer than",
}


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return {"LIPSYNC_CONFIG": str(path)}


@pytest.fixture
def load(tmp_path):
    """Load a profile from this text of a profiles file."""
    return lambda text, name=None: load_profile(name, environ=write(tmp_path / "profiles.toml", text))


def refusal(function, *args, **options):
    """Return the sentence that a call is refused with; no key is in it."""
    with pytest.raises(ConfigurationError) as caught:
        function(*args, **options)
    assert KEY not in str(caught.value)
    assert "Value error" not in str(caught.value)
    assert "Input should" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("url", "word"), BASES.items(), ids=[base[:30] for base in BASES])
def test_a_wrong_base_url_is_refused_at_once(tmp_path, url, word):
    ways = {
        "argument": lambda: load_profile(api_key=KEY, base_url=url, environ={}),
        "LIPSYNC_BASE_URL": lambda: load_profile(environ={"LIPSYNC_API_KEY": KEY, "LIPSYNC_BASE_URL": url}),
        "profiles.toml": lambda: load_profile(
            environ=write(tmp_path / "profiles.toml", f"[default]\nbase_url = '{url}'")
        ),
        "Profile": lambda: Profile(api_key=KEY, base_url=url),
        "client": lambda: LipsyncClient(KEY, url),
    }
    for way, load in ways.items():
        said = refusal(load)
        assert "`base_url`" in said
        assert way in said or way == "client"
        assert re.search(word, said)


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example",
        "https://xn--mller-kva.example/v1",
        "https://xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g",
        "https://10.0.0.1:8443/x/y",
        "https://[2001:db8::1]:1/v",
    ],
)
def test_an_unusual_base_url_that_works_is_taken(url):
    assert Profile(base_url=f" {url}/ ").base_url == url


@pytest.mark.parametrize("url", ["https://x..y", "https://[::1/x", "https://x:99999", "https://x?a"])
def test_the_other_urls_of_a_profile_are_checked_likewise(url):
    assert "`webhook.base`" in refusal(Profile, webhook=url)
    assert "`webhook` (LIPSYNC_WEBHOOK)" in refusal(load_profile, environ={"LIPSYNC_WEBHOOK": url}).replace(".base", "")
    assert "`storage.public_base`" in refusal(Profile, storage={"url": "file:///x", "public_base": url})


@pytest.mark.parametrize(
    "url",
    ["", "bucket", "s3:bucket", "s3://", "s3://[b", "s3://k:s@b", "s3://b?x=1", "file://folder", "file:x", "s3://b/ x"],
)
def test_a_wrong_storage_url_is_refused_at_once(url):
    assert "`storage.url`" in refusal(
        Profile, storage={"url": url, **({"public_base": "https://x.example"} if "file" in url else {})}
    )


@pytest.mark.parametrize(
    ("key", "word"),
    [
        (f'"{KEY}"', "quotes"),
        (f"'{KEY}'", "quotes"),
        (f"{KEY}'", "quotes"),
        (f"“{KEY}”", "ASCII"),
        (f"\ufeff{KEY}", "ASCII"),
        (f"Bearer {KEY}", "Bearer"),
        (f"bearer: {KEY}", "Bearer"),
        (f"Bearer:{KEY}", "Bearer"),
        (f"Authorization: Bearer {KEY}", "Bearer"),
        (f"LIPSYNC_API_KEY={KEY}", "before the key"),
        (f"{KEY} # mine", "white space"),
    ],
)
def test_what_stands_around_a_key_is_refused(load, key, word):
    for said in (
        refusal(load_profile, environ={"LIPSYNC_API_KEY": key}),
        refusal(Profile, api_key=key),
        refusal(load, f"[default]\napi_key = '''{key}'''") if "'" not in key else word,
    ):
        assert word in said


def test_white_space_around_a_key_of_a_file_is_forgiven(load):
    profile = load(f'[default]\napi_key = """\n {KEY}\r\n\n"""')
    assert profile.bearer() == KEY


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"api_key = '{KEY}'\n[default]\nbudget = 3", ["`api_key`", "above", "[default]"]),
        (f"[default]\napikey = '{KEY}'", ["[default]", "`apikey`", "did you mean `api_key`"]),
        ("[default]\nconcurrency = 3", ["`concurrency`", "max_concurrency"]),
        ("[default]\nfoo = 3", ["`foo`", "no such setting"]),
        ("[default.storage]\nurl = 's3://b'\nexpire = 3", ["`storage.expire`", "did you mean `expires`"]),
        ("[default]\nbudget = -1", ["`budget`", "0"]),
        ("[default]\nbudget = true", ["`budget`"]),
        ("[default]\nbudget = '60'", ["`budget`"]),
        ("[default]\nbudget = 1.5", ["`budget`"]),
        ("[default]\nbudget = 2026-01-01", ["`budget`"]),
        ("[default]\nmax_concurrency = true", ["`max_concurrency`"]),
        ("[default]\nmax_concurrency = '3'", ["`max_concurrency`"]),
        ("[default]\nmax_concurrency = 0", ["`max_concurrency`"]),
        ("[default]\nsubmits_per_minute = 9223372036854775808", ["`submits_per_minute`"]),
        ("[default]\nbase_url = 5", ["`base_url`"]),
        ("[default]\napi_key = 5", ["`api_key`"]),
        ("[default]\nstorage = 5", ["`storage`"]),
        ("[default]\nwebhook = 5", ["`webhook`"]),
        ("[default.storage]\nurl = 's3://b'\nexpires = true", ["`storage.expires`"]),
        ("[default.storage]\nurl = 's3://b'\nexpires = '60'", ["`storage.expires`"]),
        ("[default.storage]\nurl = 's3://b'\nexpires = inf", ["`storage.expires`"]),
        (f"[default.storage]\nurl = 's3://b'\noptions = '{KEY}'", ["`storage.options`"]),
        ("[default]\naccount_name = 'a\\u0000b'".replace("'", '"'), ["`account_name`"]),
        ("[default]\nx = " + "[" * 100_000 + "]" * 100_000, ["profiles.toml", "TOML"]),
        ("[default]\nx = = 1", ["TOML", "line 2"]),
        (b"\xff\xfe[\0d\0", ["UTF-8"]),
    ],
    ids=range(26),
)
def test_a_wrong_file_is_told_by_file_profile_and_field(load, tmp_path, text, words):
    said = refusal(load, text)
    for word in [str(tmp_path / "profiles.toml"), *words]:
        assert word in said


def test_a_byte_order_mark_is_read_over(load):
    assert load(f"\ufeff[default]\napi_key = '{KEY}'").bearer() == KEY


@pytest.mark.parametrize("name", ["a\nb", "\ud800", " a", "", "x" * 101, "a\0"])
def test_a_profile_has_a_name_that_can_be_shown(name):
    assert "`name`" in refusal(Profile, name=name)


def test_a_name_that_is_asked_for_is_shown_safely(tmp_path):
    said = refusal(load_profile, "a\x1b[31m\ud800" + "x" * 9000, environ=write(tmp_path / "p.toml", "[default]"))
    assert said.isprintable()
    assert len(said) < 400


def test_a_blank_name_is_nobody_naming_one():
    environ = {"LIPSYNC_API_KEY": KEY}
    assert load_profile("", environ=environ).bearer() == KEY


@pytest.mark.parametrize("place", ["nowhere.toml", ".", "a\0b", "x" * 5000])
def test_a_named_file_has_to_be_one(tmp_path, place):
    said = refusal(load_profile, environ={"LIPSYNC_CONFIG": str(tmp_path / place), "LIPSYNC_API_KEY": KEY})
    assert "LIPSYNC_CONFIG" in said
    assert len(said) < 500


@pytest.fixture
def nobody(monkeypatch):
    """The process runs for a user whom the system does not know, and without HOME: a container's random user id."""
    for name in ("HOME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "APPDATA", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if os.name == "posix":
        monkeypatch.setattr("pwd.getpwuid", lambda _: {}[0])


@pytest.mark.usefixtures("nobody")
def test_without_a_home_the_environment_suffices():
    assert load_profile(environ={"LIPSYNC_API_KEY": KEY}).bearer() == KEY
    assert load_profile(environ={}).base_url == DEFAULT_BASE_URL


@pytest.mark.usefixtures("nobody")
def test_without_a_home_what_needs_one_says_so():
    assert "HOME" in refusal(load_profile, "work", environ={})
    assert "~/of-nobody.toml" in refusal(load_profile, environ={"LIPSYNC_CONFIG": "~/of-nobody.toml"})
    assert "LIPSYNC_LEDGER" in refusal(Ledger)
