"""The misbehaving service as a fixture."""

import pytest

from tests.faults.bad_service import BadService


@pytest.fixture
def service():
    with BadService() as bad:
        yield bad
