"""`jobs` with many jobs in the ledger."""

import json

from lipsync_nodes.flows import Claim, Submission
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile
from tests.command_line import KEY


def submitted(service, count):
    """Put submissions into the ledger of the command."""
    profile = Profile(api_key=KEY, base_url=service.base_url)
    with Ledger() as ledger:
        for number in range(count):
            ledger.record(Claim(Submission("lipsync-image", "/p", {}, key=str(number))), profile)


def test_jobs_shows_the_latest_30_and_with_all_every_one(cli, service):
    submitted(service, 70)
    for words, shown in ((), range(40, 70)), (("--all",), range(70)):
        listed = json.loads(cli("jobs", *words, "--json").stdout)["jobs"]
        assert [row["key"] for row in listed] == list(map(str, shown))
        head, *lines = cli("jobs", *words).stdout.splitlines()
        assert head.split()[:3] == ["age", "endpoint", "state"]
        assert [line.split()[2:4] for line in lines] == [["lipsync-image", "waiting"]] * len(shown)
        assert {line.index("waiting") for line in lines} == {head.index("state")}, "columns stay in their places"


def test_jobs_of_an_empty_ledger_is_a_head_or_an_empty_list(cli):
    head, note = cli("jobs", "--all").stdout.splitlines()
    assert "job id" in head
    assert "--sandbox" in note
    assert json.loads(cli("jobs", "--all", "--json").stdout) == {"jobs": []}
