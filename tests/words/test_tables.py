"""The tables of sentences against the places that raise: no code, fact, language or host is forgotten."""

import ast
import re
from collections import defaultdict
from pathlib import Path
from string import Formatter

import pytest

from lipsync_nodes import LipsyncError
from lipsync_nodes.words import HOSTS, LANGUAGES, _en, _zh, render

ROOT = Path(__file__).parents[2]
TABLES = {"en": _en, "zh": _zh}
FILES = [
    file
    for folder in ("lipsync_nodes", "adapters")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if "words" not in file.parts
]
# What an error has besides its facts, or takes without keeping it as one.
OWN = {"code", "remedy", "hint", "job_id", "status_code", "may_have_charged", "retryable", "retry_after", "place"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# What people read at the command line only: its own commands, and the installer of the ComfyUI pack.
AT_THE_COMMAND_LINE = ("lipsync_nodes/cli/", "adapters/lipsync_nodes_comfyui/install/")
# What no task of Airflow reaches: the profiles of a host, and the embedded sandbox.
NOT_IN_A_TASK = (
    *AT_THE_COMMAND_LINE,
    "adapters/lipsync_nodes_comfyui/",
    "lipsync_nodes/settings/",
    "lipsync_nodes/sandbox/",
    "lipsync_nodes/webhooks/",
)

# What no tool of an agent reaches: other hosts, keys and webhooks that a caller names.
NOT_FOR_AN_AGENT = (
    *AT_THE_COMMAND_LINE,
    "adapters/lipsync_nodes_airflow/",
    "adapters/lipsync_nodes_comfyui/",
    "lipsync_nodes/client/_submission.py",
    "lipsync_nodes/ledger/",
    "lipsync_nodes/webhooks/",
)


def placeholders(text):
    text = text if isinstance(text, str) else "".join(text.values())
    return {name for _, name, _, _ in Formatter().parse(text) if name} - {"job_id", "status_code", "place", "python"}


def constants(node):
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def named(node):
    """Return the name that an assignment gives a value to."""
    return getattr(node.target if isinstance(node, ast.AnnAssign) else node.targets[0], "id", "")


def literal(call, name):
    """Return the text that a call gives as an argument, which may be one of a row's; None if it is no literal."""
    given = {word.arg: word.value for word in call.keywords} | row_of(call)
    value = given.get(name)
    return value.value if isinstance(value, ast.Constant) and type(value.value) is str else None


def row_of(call):
    """Return the arguments of a row of the table of a face's faults, by name; nothing for another call."""
    names = ("code", "remedy", "shows", "degrees")
    return dict(zip(names, call.args, strict=False)) if getattr(call.func, "id", "") == "Fault" else {}


def raise_sites():
    """Give code, file and the call (None where it is no call) of each place that names a code."""
    for file in FILES:
        place = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                if (code := literal(node, "code")) is not None:
                    yield code, place, node
            elif (isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "default_code") or (
                isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "default_code"
            ):
                yield node.value.value, place, None
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "code" and isinstance(value, ast.Constant):
                        yield value.value, place, None


def facts_of_finding(call):
    """Give the names of a finding's facts, and whether there may be more: they are a literal, or unpacked from one."""
    given = next((word.value for word in call.keywords if word.arg == "facts"), None)
    if given is None:
        return set(), False
    assert isinstance(given, ast.Dict), "the facts of a finding are written where it is made"
    names = {key.value for key in given.keys if key is not None}
    return names, None in given.keys


SITES = list(raise_sites())
PLACES = defaultdict(set)
for _code, _place, _ in SITES:
    PLACES[_code].add(_place)


def is_only_of(name, *folders):
    return all(place.startswith(folders) for place in USED[name])


USED = defaultdict(set)
for _file in FILES:
    for _name in constants(ast.parse(_file.read_text(encoding="utf-8"))):
        USED[_name].add(_file.relative_to(ROOT).as_posix())


def test_each_code_has_a_sentence_and_is_raised():
    """Each code that is raised has a sentence and each sentence is raised."""
    assert {code for code, _, _ in SITES} == set(_en.SENTENCES)


def test_each_remedy_of_the_tables_is_named_somewhere():
    assert [name for name in _en.REMEDIES if name not in USED] == []


def test_both_languages_have_the_same_rows_and_facts():
    assert set(_en.TERMS) <= set(_zh.TERMS)
    for kind in ("SENTENCES", "REMEDIES"):
        english, chinese = getattr(_en, kind), getattr(_zh, kind)
        assert list(english) == list(chinese)
        for name, text in english.items():
            assert placeholders(text) == placeholders(chinese[name]), name


@pytest.mark.parametrize(("code", "place", "call"), SITES, ids=[f"{code} {place}" for code, place, _ in SITES])
def test_the_facts_of_a_raise_site_are_those_of_its_sentences(code, place, call):
    """A fact that no sentence names would be told to nobody; a name without a fact would be a question mark."""
    if call is None:
        return
    if row := row_of(call):
        facts, has_more = {"person", "ranges"} | row.keys() & {"degrees"}, False
    elif getattr(call.func, "id", "") == "Finding":
        facts, has_more = facts_of_finding(call)
    else:
        facts = {word.arg for word in call.keywords if word.arg is not None} - OWN
        has_more = any(word.arg is None for word in call.keywords)
    remedies = {name for word in call.keywords if word.arg == "remedy" for name in constants(word.value)}
    remedies |= {row["remedy"].value} if row else set()
    assert remedies <= set(_en.REMEDIES)
    wanted = placeholders(_en.SENTENCES[code]).union(*(placeholders(_en.REMEDIES[name]) for name in remedies))
    assert facts <= wanted if has_more else facts == wanted, place


def test_no_sentence_is_written_where_an_error_is_raised():
    found = []
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
                written = node.args or any(word.arg in {"message", "hint"} for word in node.keywords)
                found += [f"{file.relative_to(ROOT)}:{node.lineno}"] if written else []
            if isinstance(node, ast.Assign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = {getattr(one, "attr", "") for one in targets}
                found += [f"{file.relative_to(ROOT)}:{node.lineno}"] if names & {"hint", "message"} else []
    assert [place for place in found if not place.startswith(ALLOWED)] == []


def tree(error):
    yield error.__name__
    for below in error.__subclasses__():
        yield from tree(below)


ERRORS = set(tree(LipsyncError))
# The setter itself, and what a Ctrl-C has to tell, which is put together from notes.
ALLOWED = ("lipsync_nodes/errors.py", "lipsync_nodes/cli/__init__.py")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("host", HOSTS)
def test_each_remedy_is_in_the_terms_of_its_host(host, language):
    for name in _en.REMEDIES:
        text = render(LipsyncError(code="job.no_time", remedy=name, job_id="j-1"), language, host)
        assert text
        if host != "cli" and not is_only_of(name, *AT_THE_COMMAND_LINE):
            assert not re.search(r"`lipsync-nodes |(?<!\w)--[a-z]", text), name
        if host == "comfyui" and not is_only_of(name, "adapters/lipsync_nodes_airflow/", *AT_THE_COMMAND_LINE):
            assert not re.search(r"=True|client\.|LipsyncJobSensor|operator", text), name
        if host == "mcp" and not is_only_of(name, *NOT_FOR_AN_AGENT):
            assert not re.search(r"=True|client\.|operator|\bnode\b|Ledger\(|ubmit again|un again", text), name
        if host == "airflow" and not is_only_of(name, "adapters/lipsync_nodes_comfyui/", *AT_THE_COMMAND_LINE):
            assert not re.search(r"`--|client\.|\bnode\b|force_new", text), name
            if not is_only_of(name, *NOT_IN_A_TASK):
                assert not re.search(r"Run: |pip |chmod|profiles\.toml|LIPSYNC_(API_KEY|BASE_URL|CONFIG)", text), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_is_in_its_language(language):
    """Each sentence is in its language and names nothing internal."""
    table = TABLES[language]
    for kind in (table.SENTENCES, table.REMEDIES):
        for name, text in kind.items():
            for one in [text] if isinstance(text, str) else text.values():
                words = re.sub(r"\{[^{}]*\}|`[^`]*`", "", one)
                assert not re.search(r"(Image|Video|Multi)Form\b|lipsync_nodes\.errors", one), name
                if re.search(r"\w", words):
                    assert bool(CHINESE.search(one)) is (language == "zh"), name
        for code in table.SENTENCES:
            if not is_only_of(code, *AT_THE_COMMAND_LINE):
                assert "`lipsync-nodes " not in table.SENTENCES[code]


def test_chinese_sentences_have_chinese_punctuation():
    """As the names of the nodes have, which sentences quote; code, addresses and formats keep their own."""
    narrow = re.compile(r"[\u4e00-\u9fff“”（）。][,:;!?(]|[,:;!?)][\u4e00-\u9fff“”（]")
    texts = [*TABLES["zh"].SENTENCES.values(), TABLES["zh"].JOB_ID]
    for remedy in TABLES["zh"].REMEDIES.values():
        texts += [remedy] if isinstance(remedy, str) else remedy.values()
    assert [text for text in texts if narrow.search(text)] == []
