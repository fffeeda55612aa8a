"""An operator builds, probes, hashes and writes a form as JSON once on its way to the wire."""

from tests.command_line import FACE, VOICE
from tests.counting import ONCE, counting


def test_an_operator(make, context, lipsync_default, sandbox):
    with counting() as counts:
        make(image=str(FACE), audio=str(VOICE)).execute(context)
    assert counts == ONCE | {"key": 1}
    assert context["ti"].xcoms["credits_estimate"] == 12
