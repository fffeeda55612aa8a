"""The last test of all: no key in any log at DEBUG, error, ledger or file that the whole suite left behind."""

import logging
import re

from lipsync_nodes import ImageForm, LipsyncClient, LipsyncError
from lipsync_nodes.ledger import Ledger
from tests.faults.bad_service import BadService, refuse

# Each key of the tests ends like this, or is the sandbox's own. Profiles are where keys belong.
KEYS = re.compile(rb"sk_[a-z_]+_0123456789|sk_sandbox_local")
HOMES = {"profiles.toml"}


def test_no_key_is_left_anywhere(everything_said, tmp_path_factory, tmp_path):
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

    assert b"lipsync_nodes" in everything_said.read_bytes(), "the log is on"
    files = [path for path in tmp_path_factory.getbasetemp().rglob("*") if path.is_file() and path.name not in HOMES]
    assert everything_said in files
    found = {str(path): KEYS.findall(path.read_bytes())[:1] for path in files if path.stat().st_size < 100 << 20}
    assert {path: key for path, key in found.items() if key} == {}
