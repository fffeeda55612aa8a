"""A verdict as lines of text, for the logs and reports of hosts."""

import pytest

from lipsync_nodes.checks import Finding, Verdict

EMPTY = Finding("media.empty", "error", "fact", "audio", ("correct_input",), {"media": "a.wav"})
ALSO = Finding("media.empty", "warning", facts={"media": "[b].wav"})


LINES = {
    "en": [
        "Error (audio): a.wav is empty. Correct the input and submit again; nothing was charged.",
        "Warning: [b].wav is empty.",
    ],
    "zh": ["错误（audio）：a.wav 是空的。请改正输入后重新提交；未计费。", "警告：[b].wav 是空的。"],
}


@pytest.mark.parametrize("language", LINES)
def test_each_finding_is_one_line(language):
    verdict = Verdict((EMPTY, ALSO))
    assert verdict.lines(language) == [one.line(language) for one in verdict.findings] == LINES[language]
