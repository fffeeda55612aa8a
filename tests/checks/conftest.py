"""Fixtures of the tests of checks."""

import pytest

from lipsync_nodes.checks import _looks


@pytest.fixture
def blind(monkeypatch):
    """Look at no picture and listen to no sound: the test is about something else."""
    monkeypatch.setattr(_looks, "LOOKS", ())
