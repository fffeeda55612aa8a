"""A sandbox on this machine needs no API key; the service always does. The built-in profile `sandbox`."""

import httpx
import pytest

from lipsync_nodes import ConfigurationError, ImageForm, LipsyncClient
from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.settings import Profile, load_profile

FORM = ImageForm(image="https://media.example/face.png", audio="https://media.example/voice.mp3")
SERVICE = "https://lipsync.studio/api/v1"


@pytest.fixture(scope="module")
def box():
    with Sandbox(renderer="instant") as box:
        yield box


@pytest.fixture
def file(tmp_path):
    """Write a profiles file, and return the environment that names it."""

    def write(text):
        path = tmp_path / "profiles.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return {"LIPSYNC_CONFIG": str(path)}

    return write


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "", "/"])
def test_a_sandbox_needs_no_key_and_no_path(box, path):
    with LipsyncClient(base_url=box.url + path) as client:
        job = client.run(FORM, poll_interval=0.05)
    assert job.output.startswith(f"{box.url}/outputs/")
    assert box.received("submit")[-1].path == "/api/v1/lipsync-image"


def test_the_address_of_the_api_shows_the_page_in_a_browser(box):
    answer = httpx.get(box.base_url, follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/")
    assert "text/html" in answer.headers["content-type"]


@pytest.mark.parametrize("base_url", [SERVICE, "https://localhost.example/api/v1", "https://10.0.0.1/api/v1"])
def test_every_other_server_needs_a_key(base_url):
    with pytest.raises(ConfigurationError) as caught:
        LipsyncClient(base_url=base_url)
    assert caught.value.code == "settings.no_key"


def test_the_built_in_profile_is_the_sandbox_of_the_host(file):
    for environ in ({}, {"LIPSYNC_PROFILE": "sandbox"}, file("[team]\napi_key = 'sk_team'")):
        assert load_profile("sandbox", environ=environ).embedded
    with pytest.raises(ConfigurationError) as caught:
        LipsyncClient(profile="sandbox")
    assert caught.value.code == "settings.sandbox_not_started"


def test_a_profile_of_that_name_in_the_file_wins(file):
    profile = load_profile("sandbox", environ=file(f"[sandbox]\napi_key = 'sk_mine'\nbase_url = '{SERVICE}'"))
    assert (profile.base_url, profile.embedded) == (SERVICE, False)


def test_the_built_in_profile_never_gets_the_address_of_the_service():
    """Its account in the ledger would then have jobs of the service."""
    environ = {"LIPSYNC_PROFILE": "sandbox", "LIPSYNC_BASE_URL": SERVICE, "LIPSYNC_API_KEY": "sk_paid"}
    profile = load_profile(environ=environ)
    assert profile.embedded
    assert profile.api_key is None
    assert profile.account != Profile(api_key="sk_paid").account
    with pytest.raises(ConfigurationError) as caught:
        load_profile("sandbox", base_url=SERVICE, environ={})
    assert caught.value.code == "settings.no_such_profile"


def test_no_profile_of_the_service_has_the_account_of_the_sandbox(file):
    """Or its jobs would be taken for previews."""
    with pytest.raises(ConfigurationError) as caught:
        load_profile(environ=file("[default]\naccount_name = 'embedded sandbox'"))
    assert "the account of previews" in str(caught.value)


def test_a_broken_profiles_file_is_not_passed_over(file):
    """It may have a profile of that name."""
    with pytest.raises(ConfigurationError) as caught:
        load_profile("sandbox", environ=file("[sandbox"))
    assert caught.value.code == "settings.file_not_toml"
