"""Errors as data: what they hold, what they say, and that no key is in them."""

import copy
import json
import pickle
import subprocess
import sys

import pytest

from lipsync_nodes import ConfigurationError, InvalidRequest, JobTimeout, LipsyncError, RateLimited, ServiceError
from lipsync_nodes._redaction import conceal
from lipsync_nodes.words import HOSTS, LANGUAGES, language_of, render

KEY = "sk_words_0123456789"


def too_long():
    return InvalidRequest(
        code="media.too_long", media="`audio`", seconds="700.5", longest=600, remedy="cut_or_allow_long"
    )


def timeout():
    trouble = ServiceError(code="service.failed", words="overloaded", status_code=503)
    facts = {"status": "processing", "unknown": False, "output": None, "words": "", "trouble": trouble}
    return JobTimeout(code="job.timeout", job_id="job-1", timeout=60.0, **facts)


def test_a_sentence_is_made_of_the_code_and_the_facts():
    assert str(too_long()) == (
        "`audio` lasts 700.5 s; the service is known to accept 600 s at most. "
        "Nothing was sent. Cut it, or override the limit with allow_long=True."
    )


def test_what_an_optional_part_names_decides_whether_it_is_there():
    assert str(timeout()) == (
        "Job job-1 has not ended within 60 s; when last seen it was 'processing'. Last error: The service answered "
        "503: overloaded. Credits may have been spent. "
        "The job goes on and is not lost: client.wait('job-1') waits again."
    )
    facts = {"status": None, "unknown": False, "output": None, "words": "", "trouble": None}
    never = JobTimeout(code="job.timeout", job_id="job-1", timeout=60.0, **facts)
    assert never.message == "Job job-1 has not ended within 60 s; its state was never seen."


def test_a_nested_error_is_told_in_the_same_language():
    assert "服务端返回 503：overloaded" in render(timeout(), "zh")


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("cli", "`lipsync-nodes wait job-1`"),
        ("python", "client.wait('job-1')"),
        ("comfyui", "give job-1 to a Lipsync Wait node"),
        ("airflow", 'job_id="job-1"'),
        ("pluggy", "hook lipsync_nodes_wait"),
    ],
)
def test_a_remedy_is_in_the_terms_of_its_host(host, words):
    assert words in render(timeout(), "en", host)
    assert ("lipsync-nodes" in render(timeout(), "zh", host)) is (host == "cli")


def test_a_host_chooses_how_an_error_speaks():
    error = too_long().speak("comfyui", "zh-TW")
    assert (
        str(error) == "`audio` 时长 700.5 秒；已知服务端最多接受 600 秒。未发送任何内容。"
        "请剪短它，例如用 Trim Audio Duration 节点。"
    )
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # ours


def test_a_place_is_named_in_front_and_the_outermost_first():
    assert too_long().at("`image`").at("line 3").message.startswith("line 3: `image`: `audio` lasts")


@pytest.mark.parametrize("make", [too_long, timeout, lambda: RateLimited("slow", retry_after=3.0, hint="wait")])
def test_an_error_survives_pickling_and_copying(make):
    error = make()
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # ours
        assert type(again) is type(error)
        assert vars(again) == vars(error)
        assert (str(again), repr(again)) == (str(error), repr(error))


def test_no_fact_holds_a_key():
    """Neither one of the usual form nor one that is in use, at any depth, in a name or a value."""
    conceal("other-secret-0123456789")
    error = LipsyncError(
        code="service.failed", words={"said": [f"no {KEY}", "other-secret-0123456789"], f"{KEY}": 1}, hint=f"not {KEY}"
    ).at(KEY)
    error.advise("known_profiles", known=KEY)
    for shown in (repr(vars(error)), json.dumps(error.facts), str(error), repr(error), str(pickle.dumps(error))):
        assert KEY not in shown
        assert "other-secret" not in shown


def test_facts_are_what_json_can_hold():
    error = LipsyncError(code="service.failed", path=b"x", several=(1, {2}), bad="\ud800", size=1 << 70, none=None)
    assert json.loads(json.dumps(error.facts)) == error.facts


def test_sentences_of_others_are_kept():
    error = ConfigurationError("The vault is locked.", hint="Run: vault login")
    assert (error.message, error.hint) == ("The vault is locked.", "Run: vault login")
    assert {render(error, language, host) for language in LANGUAGES for host in HOSTS} >= {
        "The vault is locked. Run: vault login"
    }


@pytest.mark.parametrize("code", ["plugin.own", "media.too_long", "job.timeout", "download.too_slow"])
def test_an_unknown_code_or_missing_facts_still_make_a_sentence(code):
    for language in LANGUAGES:
        assert render(LipsyncError(code=code, remedy="no_such_remedy", seconds="many"), language)


@pytest.mark.parametrize(
    ("tag", "language"),
    [("zh_CN.UTF-8", "zh"), ("zh-TW", "zh"), ("zh", "zh"), ("Chinese (Simplified)_China", "zh"), ("C", "en"),
     ("de_DE", "en"), ("", "en"), (None, "en")],
)  # fmt: skip
def test_a_locale_is_one_of_the_languages(tag, language):
    assert language_of(tag) == language


@pytest.mark.skipif(sys.platform == "win32", reason="limits file descriptors")
def test_without_a_file_descriptor_an_error_is_told_in_english():
    """What names a paid job is not replaced by an OSError because its table cannot be read now."""
    program = (
        "import os, resource; from lipsync_nodes import JobTimeout, words; words.load();"
        "error = JobTimeout(code='poll.no_time', job_id='job-1').speak('cli', 'zh');"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); told = str(error); os.write(1, told.encode())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("No time was left to poll the job. Job id: job-1.")


def test_a_traceback_names_the_class_where_people_import_it():
    assert f"{ServiceError.__module__}.{ServiceError.__qualname__}" == "lipsync_nodes.ServiceError"
