"""What the package shows, and what importing it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lipsync_nodes
from lipsync_nodes import errors, host

ROOT = Path(__file__).resolve().parents[1]

PUBLIC = [
    "Asset",
    "AsyncLipsyncClient",
    "AuthenticationError",
    "BudgetExceeded",
    "CheckRefused",
    "ConfigurationError",
    "ConnectionFailed",
    "Credits",
    "DownloadError",
    "ImageForm",
    "ImageMultiForm",
    "InsufficientCredits",
    "InvalidRequest",
    "Job",
    "JobFailed",
    "JobNotFound",
    "JobStatus",
    "JobStopped",
    "JobTimeout",
    "Ledger",
    "LipsyncClient",
    "LipsyncError",
    "Profile",
    "RateLimited",
    "ServiceError",
    "SubmissionUncertain",
    "SubmitTimeout",
    "VideoForm",
    "WebhookEvent",
    "WebhookReceiver",
    "estimate_credits",
]


def test_the_public_names_are_these():
    assert lipsync_nodes.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(lipsync_nodes))


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there_and_documented(name):
    assert getattr(lipsync_nodes, name).__doc__


def test_every_error_is_public():
    kinds = {name for name, kind in vars(errors).items() if getattr(kind, "__module__", "") == "lipsync_nodes"}
    assert len(kinds) > 15
    assert kinds <= set(PUBLIC)
    assert kinds == set(errors.__all__) - {"may_pass"}  # without it, help(errors) would show none of them


def test_host_shows_what_hosts_import_and_nothing_else():
    """What an adapter, the command line or an example stops importing leaves `lipsync_nodes.host`."""
    folders = ("adapters", "lipsync_nodes/cli", "examples")
    trees = [ast.parse(file.read_text("utf-8")) for folder in folders for file in (ROOT / folder).rglob("*.py")]
    imported = {
        alias.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "lipsync_nodes.host"
        for alias in node.names
    }
    assert sorted(imported) == sorted(host.__all__)
    assert all(getattr(host, name) is not None for name in host.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Lipsink'"):
        _ = lipsync_nodes.Lipsink


@pytest.mark.parametrize(
    "module", ["lipsync_nodes", "lipsync_nodes.errors", "lipsync_nodes.cli", "lipsync_nodes.sandbox"]
)
def test_importing_loads_neither_httpx_nor_pydantic(module):
    code = f"import sys, {module}; print(sorted({{'httpx', 'pydantic', 'numpy', 'cv2', 'av'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_star_import_works_in_a_fresh_process():
    code = "from lipsync_nodes import *; print(LipsyncClient.__name__, JobStatus.FAILED)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["LipsyncClient", "failed"]
