"""No key in any log at DEBUG, error, ledger or file: `everything_said` looks at its end for what was left behind."""

import logging

from lipsync_nodes import ImageForm, LipsyncClient, LipsyncError
from lipsync_nodes.ledger import Ledger
from tests.conftest import keys_in
from tests.faults.bad_service import BadService, refuse


def test_a_key_that_the_service_echoes_goes_nowhere(everything_said, tmp_path):
    key = "sk_echoed_0123456789"
    with (
        BadService() as service,
        LipsyncClient(key, service.base_url, ledger=Ledger(tmp_path / "ledger.sqlite")) as client,
    ):
        service.on_submit = [refuse(422, {"error": f"no account has the key {key}"})]
        try:
            client.submit(ImageForm(image=f"https://x/{key}", audio="https://x/a"), key="k")
        except LipsyncError as error:
            logging.getLogger("tests").exception("as a host would log it")
            assert "sk_***" in str(error)

    assert b"as a host would log it" in everything_said.read_bytes(), "the log is on"
    assert keys_in(tmp_path) == {}


def test_a_key_that_is_left_somewhere_is_found(tmp_path):
    left = tmp_path / "deep" / "workflow.json"
    left.parent.mkdir()
    left.write_text('{"api_key": "sk_left_0123456789"}')
    assert keys_in(tmp_path) == {str(left): [b"sk_left_0123456789"]}
    left.unlink()
