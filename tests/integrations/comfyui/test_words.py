"""All that can go wrong, as ComfyUI shows it: plain words that a user of ComfyUI can follow, in both languages."""

import ast
import re

import pytest

import lipsync_nodes
from lipsync_nodes import InvalidRequest, LipsyncError
from lipsync_nodes.settings import profile_of
from lipsync_nodes.words import LANGUAGES, _en, _zh, render
from tests.words.test_tables import AT_THE_COMMAND_LINE, ROOT, SITES, constants, is_only_of

# Where errors are raised that no node of ComfyUI can meet.
ELSEWHERE = (*AT_THE_COMMAND_LINE, "lipsync_nodes/sandbox/", "adapters/lipsync_nodes_airflow/")
ELSEWHERE += ("adapters/lipsync_nodes_pluggy/",)
NOT_FOR_USERS = re.compile(
    r"`lipsync-nodes |(?<![\w-])--[a-z]|(?<!-m )pip install|=True|client\.|\boperator\b|LipsyncJobSensor"
    r"|(Video|Image|Multi)Form\b|lipsync_nodes\.|\bsk_|`with`|\bhook\b|\bdoctor\b|Python API"
)
# At most two words in a row, such as a product's name; "x" stands for a fact.
ENGLISH = re.compile(r"[A-Za-z]{2,}( [A-Za-z]{2,}){2,}")
# What the classes of errors cannot meet in ComfyUI: a ledger, a record or a webhook that only code can give.
ONLY_IN_CODE = {
    "argument.not_a_job_id", "argument.not_seconds", "client.no_such_option", "client.not_sendable",
    "endpoint.none_for_form", "key.blank", "key.needs_a_ledger", "key.not_unicode", "ledger.in_memory",
    "many.estimates", "many.wrong_concurrency", "process.cannot_be_sent", "record.not_a_record",
    "record.of_another_key", "record.unavailable", "record.wants_a_key", "settings.account_changed",
    "settings.profile_stays", "settings.storage_stays", "settings.webhook_stays", "target.impossible",
    "webhook.needs_a_ledger", "webhook.needs_a_receiver", "receiver.no_such_job", "pluggy.wrong_context",
}  # fmt: skip


def facts_of(*texts):
    """Return a fact for each name in the texts, so that every part of them is shown."""
    names = {name for text in texts for name in re.findall(r"\{(\w+)", text)}
    return dict.fromkeys(names - {"job_id", "status_code"}, "x")


def remedies_of(call):
    """Return the remedies of a place that raises: its own, or those of its class."""
    own = [word.value for word in call.keywords if word.arg == "remedy"] if call else []
    if own:
        return tuple(sorted(name for name in constants(own[0]) if name in _en.REMEDIES))
    kind = getattr(lipsync_nodes, getattr(call.func, "id", ""), LipsyncError) if call else LipsyncError
    return kind.default_remedy if isinstance(kind, type) and issubclass(kind, LipsyncError) else ()


def met():
    """Give each code with its remedies that a node can meet."""
    for code, place, call in SITES:
        if not place.startswith(ELSEWHERE) and code not in ONLY_IN_CODE:
            yield pytest.param(code, remedies_of(call), id=f"{code} {place}")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("code", "remedies"), list(met()))
def test_an_error_in_comfyui_is_for_its_users_and_in_their_language(code, remedies, language):
    texts = [_en.SENTENCES[code], *map(str, (_en.REMEDIES[name] for name in remedies))]
    error = LipsyncError(code=code, remedy=remedies, job_id="job-1", **facts_of(*texts))
    text = render(error, language, "comfyui")
    assert not NOT_FOR_USERS.search(text), text
    if language == "zh" and re.sub(r"\{[^{}]*\}|\W", "", _en.SENTENCES[code]):
        assert re.search("[\u4e00-\u9fff]", text), text
        assert not ENGLISH.search(re.sub(r"`[^`]*`|\"[^\"]*\"|Trim Audio Duration", "", text)), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_remedy_in_comfyui_is_one_for_its_users(language):
    """Whatever adds it to an error."""
    for name in _en.REMEDIES:
        if not is_only_of(name, *ELSEWHERE) and name not in {"give_ledger", "client_per_process", "start_sandbox"}:
            text = render(LipsyncError(code="poll.no_time", remedy=name, job_id="job-1"), language, "comfyui")
            assert not NOT_FOR_USERS.search(text), f"{name}: {text}"


def test_what_is_wrong_with_a_value_has_a_chinese_row():
    """Every fault that the fields of forms and settings can have."""
    written = set()
    for name in ("service/_fields.py", "settings/_urls.py", "settings/_nested.py"):
        for node in ast.walk(ast.parse((ROOT / "lipsync_nodes" / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ValueError":
                written |= {word.value for word in node.args if isinstance(word, ast.Constant)}
    assert len(written) > 10
    assert written <= set(_zh.FAULTS)


def test_a_wrong_profile_is_explained_in_chinese():
    with pytest.raises(LipsyncError) as caught:
        profile_of("default", {"api_key": '"sk_x"', "base_url": "ftp://x", "webhook": "http://far.example/lipsync"})
    text = str(caught.value.speak("comfyui", "zh"))
    assert "带有引号" in text
    assert "必须以 https:// 开头" in text
    assert "必须是 https：否则令牌" in text
    assert not ENGLISH.search(text)


def test_a_refused_input_begins_with_what_to_do():
    """The usual remedy says less than the sentence that names the input, and comes after it."""
    error = InvalidRequest(code="comfyui.empty_job", remedy="connect_job")
    assert str(error.speak("comfyui", remedy_first=True)).startswith("Give a job id")
    assert str(error.speak("comfyui")).startswith("`job` is empty")
