"""Where the key and the base URL come from, and that the key stays hidden."""

import os
import pickle
from pathlib import Path

import pytest

from lipsync_nodes import AsyncLipsyncClient, ConfigurationError, LipsyncClient
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.settings import load_profile, profiles_file
from lipsync_nodes.settings._profile import DEFAULT_BASE_URL

KEY = "sk_test_0123456789"


@pytest.fixture
def profiles(tmp_path):
    """A private profiles file with two profiles."""
    path = tmp_path / "profiles.toml"
    path.write_text(
        f'[default]\napi_key = "{KEY}_default"\n[work]\napi_key = "{KEY}_work"\nbase_url = "https://work.example/v1/"\n'
    )
    path.chmod(0o600)
    return {"LIPSYNC_CONFIG": str(path)}


def key_of(profile):
    return profile.api_key.get_secret_value()


def test_the_environment_comes_before_the_file(profiles):
    profile = load_profile(environ={**profiles, "LIPSYNC_API_KEY": KEY, "LIPSYNC_BASE_URL": "https://other.example"})
    assert (key_of(profile), profile.base_url) == (KEY, "https://other.example")


def test_arguments_come_before_the_environment():
    environ = {"LIPSYNC_API_KEY": "sk_env", "LIPSYNC_BASE_URL": "https://env.example"}
    profile = load_profile(api_key=KEY, base_url="https://arg.example", environ=environ)
    assert (key_of(profile), profile.base_url) == (KEY, "https://arg.example")


def test_the_file_is_read_where_nothing_else_is_given(profiles):
    profile = load_profile(environ=profiles)
    assert (profile.name, key_of(profile), profile.base_url) == ("default", f"{KEY}_default", DEFAULT_BASE_URL)


def test_a_profile_that_is_named_is_taken_whole(profiles):
    profile = load_profile("work", environ={**profiles, "LIPSYNC_API_KEY": "sk_env", "LIPSYNC_BASE_URL": "https://env"})
    assert (key_of(profile), profile.base_url) == (f"{KEY}_work", "https://work.example/v1")


def test_the_environment_can_name_the_profile(profiles):
    assert load_profile(environ={**profiles, "LIPSYNC_PROFILE": "work"}).name == "work"


def test_a_profile_that_is_not_there_is_told_with_those_that_are(profiles):
    with pytest.raises(ConfigurationError, match="default, work"):
        load_profile("wrok", environ=profiles)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX only")
def test_a_file_that_others_can_read_is_refused(profiles):
    Path(profiles["LIPSYNC_CONFIG"]).chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_profile(environ=profiles)


@pytest.mark.parametrize(
    "text", [f"default = '{KEY}'", f"[default]\napi_key {KEY}", f"[default]\nkye = '{KEY}'", "\udcff"]
)
def test_a_malformed_file_is_told_without_its_secrets(profiles, text):
    Path(profiles["LIPSYNC_CONFIG"]).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError) as caught:
        load_profile(environ=profiles)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://lipsync.studio/api/v1",
        "http://10.0.0.1/v1",
        "ftp://x",
        "lipsync.studio",
        "https://",
        "https://u:p@x/v1",
        "https://:p@x/v1",
        "https://x/\x07",
        "https://x/v1?a=b",
        "http://localhost.evil.example",
    ],
)
def test_the_key_is_not_sent_to_an_unsafe_base(url):
    with pytest.raises(ConfigurationError, match="base_url"):
        load_profile(api_key=KEY, base_url=url, environ={})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8/api/v1", "http://localhost:8", "http://[::1]:8", "https://x.example/"]
)
def test_https_and_this_machine_are_safe(url):
    assert load_profile(api_key=KEY, base_url=url, environ={}).base_url == url.rstrip("/")


@pytest.mark.parametrize("key", ["sk_a b", "sk_a\nX-Evil: 1", "sk_é"])
def test_a_malformed_key_is_refused_without_repeating_it(key):
    with pytest.raises(ConfigurationError) as caught:
        load_profile(api_key=key, environ={})
    assert key not in str(caught.value)


def test_white_space_around_a_key_is_forgiven():
    assert key_of(load_profile(environ={"LIPSYNC_API_KEY": f" {KEY}\n"})) == KEY


@pytest.mark.parametrize("client", [LipsyncClient, AsyncLipsyncClient])
def test_without_a_key_the_error_says_what_to_do(client):
    with pytest.raises(ConfigurationError, match=r"LIPSYNC_API_KEY.*sandbox"):
        client()


def test_the_key_shows_nowhere(monkeypatch):
    monkeypatch.setenv("LIPSYNC_API_KEY", KEY)
    with LipsyncClient() as client:
        for shown in (repr(client), repr(client.profile), str(vars(client)), client.profile.model_dump_json()):
            assert KEY not in shown


def test_an_error_masks_keys_and_survives_pickling():
    """An error masks what looks like a key and survives pickling."""
    error = pickle.loads(
        pickle.dumps(LipsyncError(f"the server said {KEY}", hint=f"not {KEY}", job_id="j", status_code=4))
    )
    assert "sk_***" in str(error)
    assert KEY not in f"{error} {error!r} {vars(error)}"
    assert (error.job_id, error.status_code) == ("j", 4)
    assert str(LipsyncError("task_id is fine")) == "task_id is fine"


def test_the_file_is_where_the_system_keeps_such_files():
    assert profiles_file({"XDG_CONFIG_HOME": "/c", "APPDATA": "/c"}).name == "profiles.toml"
    assert profiles_file({"LIPSYNC_CONFIG": "/some/where.toml"}).as_posix() == "/some/where.toml"
