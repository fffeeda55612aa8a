"""A verdict as lines of text, for the logs and reports of hosts."""

import pytest

from lipsync_nodes.checks import Finding, Verdict
from lipsync_nodes.service import Credits

EMPTY = Finding("media.empty", "error", "fact", "audio", ("correct_input",), {"media": "a.wav"})
ALSO = Finding("media.empty", "warning", facts={"media": "[b].wav"})
NOTE = Finding("media.empty", "info", facts={"media": "a.wav"})


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


TEXTS = {
    "en": [
        (Verdict((EMPTY,), Credits(20)), f"{LINES['en'][0]}\nEstimated cost: 20 credits."),
        (Verdict((), Credits(20, "why")), "No problem was found.\nEstimated cost: at most 20 credits."),
        (Verdict((NOTE,)), "No problem was found.\nNote: a.wav is empty."),
        (Verdict(), "No problem was found."),
    ],
    "zh": [
        (Verdict((EMPTY,), Credits(20)), f"{LINES['zh'][0]}\n预计费用：20 积分。"),
        (Verdict((), Credits(20, "why")), "未发现问题。\n预计费用：最多 20 积分。"),
        (Verdict((NOTE,)), "未发现问题。\n提示：a.wav 是空的。"),
        (Verdict(), "未发现问题。"),
    ],
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_verdict_is_text_with_what_it_costs(language):
    for verdict, text in TEXTS[language]:
        assert verdict.text(language) == text


def test_the_problems_are_the_errors_and_the_warnings():
    assert Verdict((EMPTY, ALSO, NOTE)).problems == (EMPTY, ALSO)
