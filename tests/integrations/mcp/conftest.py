"""Places for servers that talk to the sandbox with a key. At the end, the key is in nothing that passed."""

import pytest

from tests.integrations.mcp.serving import Site

KEY = "sk_mcp_server_0123456789"


@pytest.fixture
def site(sandbox, tmp_path):
    """A place for one test. With a key, the sandbox counts as a service that has to be paid."""
    yield from _site(sandbox, tmp_path / "site")


@pytest.fixture(scope="module")
def serving(_shared_sandbox, tmp_path_factory):
    """A server for all tests of a module. They need inputs of their own: a job of an earlier test is found again."""
    for site in _site(_shared_sandbox, tmp_path_factory.mktemp("site") / "shared"):
        with site.serving("--root", site.root, "--budget", 10_000):
            yield site


def _site(sandbox, folder):
    folder.mkdir()
    site = Site(folder, LIPSYNC_API_KEY=KEY, LIPSYNC_BASE_URL=sandbox.base_url)
    yield site
    assert site.passed
    assert KEY not in site.text
    assert site.noise == []
