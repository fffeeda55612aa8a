"""A receiver on a real server, and both faces of the client beside it."""

import time

import pytest

from lipsync_nodes import AsyncLipsyncClient, LipsyncClient
from lipsync_nodes.ledger import Ledger
from tests.conftest import FORMS, Face
from tests.receiving import Receiving

FORM = FORMS["image"]
LONG = 60.0


def timed(call):
    began = time.monotonic()
    return call(), time.monotonic() - began


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def receiving(sandbox, path):
    with Receiving(sandbox.api_key, sandbox.base_url, path) as receiving:
        yield receiving


@pytest.fixture(params=[LipsyncClient, AsyncLipsyncClient], ids=["sync", "async"])
def client(request, receiving, path):
    """Each face of the client, with a ledger of its own on the receiver's file, as another process has."""
    with Ledger(path) as ledger:
        yield Face(request.param, profile=receiving.profile, ledger=ledger)
