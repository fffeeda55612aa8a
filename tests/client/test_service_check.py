"""`doctor` and the connection checks say yes only to the service's own answers."""

import json

import pytest

from lipsync_nodes import LipsyncError
from lipsync_nodes.client import check_service
from lipsync_nodes.settings import Profile
from tests.command_line import KEY
from tests.faults import bad_service as bad


def contract(status=404, body=None, kind="application/json", without=401):
    """Answer as a service would that knows keys: so to ours, and 401 without."""

    def behave(request):
        if request.headers.get("Authorization") == f"Bearer {KEY}":
            request.answer(status, {"whatever": ["no job"]} if body is None else body, kind=kind)
        else:
            request.answer(without, {"whatever": "a key, please"})

    return behave


def profile_of(service, path="/api/v1"):
    return Profile(api_key=KEY, base_url=service.url + path)


def test_the_sandbox_is_the_service(sandbox):
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url)
    assert "answers and takes the key" in check_service(profile)
    assert not sandbox.received("submit")


@pytest.mark.parametrize(
    "behave",
    [contract(), contract(404, {"detail": "?"}), contract(400), contract(200, {"status": "?"}), contract(without=403)],
)
def test_whatever_its_words_the_service_is_believed(service, behave):
    service.on_poll = [behave]
    assert "answers and takes the key" in check_service(profile_of(service))
    assert not service.posts


LIES = {
    "a web server's 404": bad.say(404, b"<h1>Not Found</h1>", kind="text/html"),
    "a portal's 200": bad.say(200, b"<html>Log in</html>", kind="text/html"),
    "a portal that calls itself JSON": bad.say(200, b"<html>Log in</html>"),
    "another JSON API": bad.say(404),
    "JSON for everybody": bad.say(200, {"ok": True}),
    "HTML behind a key": contract(404, b"<h1>Not Found</h1>", kind="text/html"),
    "a wrong key": bad.say(401),
    "a redirect": bad.say(302, b"", location="https://login.example"),
    "an error": bad.say(500),
    "busy without a key": contract(without=429),
}


@pytest.mark.parametrize("behave", LIES.values(), ids=LIES.keys())
def test_what_is_not_the_service_is_not_believed(service, behave):
    service.on_poll = [behave]
    with pytest.raises(LipsyncError) as caught:
        check_service(profile_of(service))
    assert str(caught.value)
    assert KEY not in str(caught.value)


def test_a_base_with_another_path_gets_no_yes(sandbox):
    """The sandbox also understands a base URL without any path."""
    bare = sandbox.base_url.removesuffix("/api/v1")
    with pytest.raises(LipsyncError, match="base URL"):
        check_service(Profile(api_key=sandbox.api_key, base_url=f"{bare}/api"))
    assert "takes the key" in check_service(Profile(api_key=sandbox.api_key, base_url=bare))


def test_doctor_asks_it(cli, service, sandbox):
    for behave, code in ((contract(), 0), (LIES["another JSON API"], 2), (LIES["a portal's 200"], 2)):
        service.on_poll = [behave]
        assert cli("doctor").returncode == code
    checks = json.loads(cli("doctor", "--json", base=sandbox.base_url).stdout)["checks"]
    assert "takes the key" in next(check["found"] for check in checks if check["check"] == "service")
