"""`check` of both clients, what a submission does with its findings, and what is remembered."""

import contextlib
import io
import logging
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from lipsync_nodes import CheckRefused, ImageForm, InvalidRequest, Ledger, LipsyncClient, Profile
from lipsync_nodes.checks import Finding, Limit, _looks
from lipsync_nodes.flows import Budget
from lipsync_nodes.host import content_key, load_profile
from lipsync_nodes.perception import MediaError
from lipsync_nodes.settings import profile_of
from tests.checks.made import FACE, SPEECH, codes, named, picture, sound, tiny_face

FORM = ImageForm(image=FACE, audio=SPEECH)
EXPIRED = "https://x.example/a.mp3?X-Amz-Signature=0&X-Amz-Date=20200101T000000Z&X-Amz-Expires=60"
WARNING = Finding(code="mask.marks_nothing", severity="warning", basis="likely", remedy=("mark_face",))
LIKELY = Finding(code="mask.marks_nothing", severity="error", basis="likely", remedy=("mark_face",))
CERTAIN = Finding(code="url.web_page", severity="error", basis="fact", remedy=("link_to_file",))


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        yield ledger


@pytest.fixture
def sees(monkeypatch):
    """Have the looks at pictures find what a test says. Returns the inputs of each look."""
    looked = []

    def see(*findings):
        def look(inputs):
            looked.append({name: path.read_bytes() for name, path in inputs.files.items()})
            for one in findings:
                if isinstance(one, BaseException):
                    raise one
                yield one.at("image")

        module = SimpleNamespace(findings=look)
        monkeypatch.setitem(sys.modules, "lipsync_nodes.checks._seen_by_a_test", module)
        monkeypatch.setattr(_looks, "LOOKS", (_looks.Look("_seen_by_a_test", ("image",)),))
        monkeypatch.setattr(_looks, "_memory", _looks._Memory())
        return looked

    return see


@pytest.fixture
def posts(sandbox):
    return lambda: len(sandbox.received("submit"))


def test_a_check_sends_nothing(sees, face, sandbox):
    """With both clients: the verdict, the cost, and no request at all."""
    sees(WARNING)
    verdict = face.check(FORM)
    assert codes(verdict) == ["mask.marks_nothing", "length.rounded_up"]
    assert (verdict.ok, verdict.credits, verdict.credits.exact) == (True, 12, False)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("found", "mode", "sent"),
    [
        (WARNING, "off", True),
        (WARNING, "warn", True),
        (WARNING, "refuse", False),
        (LIKELY, "warn", True),
        (LIKELY, "refuse", False),
        (CERTAIN, "off", True),
        (CERTAIN, "warn", False),
        (CERTAIN, "refuse", False),
    ],
)
def test_what_each_mode_refuses(sees, face, posts, found, mode, sent):
    """A refusal is 0 POSTs, says what was found in both languages, and nothing is charged."""
    looked, told = sees(found), []
    if sent:
        assert face.submit(FORM, check=mode, on_check=told.append).id
    else:
        with pytest.raises(CheckRefused) as caught:
            face.submit(FORM, check=mode, on_check=told.append)
        (fact,) = caught.value.facts["findings"]
        assert (fact["code"], fact["field"], fact["severity"]) == (found.code, "image", found.severity)
        assert not caught.value.may_have_charged
        assert f"`image`: {found.message()}" in str(caught.value)
        assert found.hint("zh") in str(caught.value.speak("cli", "zh"))
    assert posts() == sent
    assert (len(told), len(looked)) == ((0, 0) if mode == "off" else (1, 1))


def test_a_warning_is_logged_unless_somebody_listens(sees, face, posts, caplog):
    sees(WARNING)

    def logged():
        ours = (record for record in caplog.records if record.name == "lipsync_nodes")
        return [record.message for record in ours if record.levelno >= logging.WARNING]

    face.submit(FORM)
    assert logged() == [WARNING.at("image").line()]
    caplog.clear()
    face.submit(FORM, on_check=lambda _: None)
    assert logged() == []
    assert posts() == 2


def test_the_caller_is_told_before_anything_is_sent(sees, face, posts):
    sees(WARNING)
    order = []
    face.submit(FORM, on_check=lambda _: order.append(posts()))
    assert order == [0]


def test_an_error_of_the_caller_stops_the_submission(sees, face, posts):
    sees(WARNING)

    def refuse(_):
        raise KeyError("no")

    with pytest.raises(KeyError):
        face.submit(FORM, on_check=refuse)
    assert posts() == 0


def test_a_refusal_of_the_submission_itself_keeps_its_error(face, posts):
    """With a check as without one, the same error is raised, and `on_check` sees it before."""
    told, form = [], ImageForm(image=SPEECH, audio=b"nothing")
    for mode in ("off", "warn", "refuse"):
        with pytest.raises(InvalidRequest) as caught:
            face.submit(form, check=mode, on_check=told.append)
        assert (type(caught.value), caught.value.code) == (InvalidRequest, "media.wrong_kind")
    assert [codes(verdict, "error") for verdict in told] == [["media.wrong_kind", "media.not_media"]] * 2
    assert posts() == 0


def test_urls_are_checked_without_being_fetched(face, posts):
    with pytest.raises(CheckRefused, match="expired"):
        face.submit(ImageForm(image="https://x.example/i.png", audio=EXPIRED))
    assert posts() == 0


@pytest.mark.parametrize("audio", [SPEECH, EXPIRED], ids=["file", "url"])
def test_a_key_that_has_a_job_is_not_checked(sees, face_of, sandbox, posts, audio, ledger):
    """It is free, even if its URL has expired meanwhile or the mode has become stricter."""
    looked, told = sees(CERTAIN), []
    face = face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=ledger)
    form = ImageForm(image=FACE if audio is SPEECH else "https://x.example/i.png", audio=audio)
    first = face.submit(form, key="k", check="off")
    assert face.submit(form, key="k", check="refuse", on_check=told.append).id == first.id
    assert (posts(), told, looked) == (1, [], [])
    with pytest.raises(CheckRefused):
        face.submit(form, key="another", check="refuse")
    assert posts() == 1


def test_a_key_whose_job_failed_is_checked_again(sees, sandbox, ledger, posts):
    told = []
    sees(WARNING)
    with LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
        sandbox.fault("fail", error="no")
        client.submit(FORM, key="k", on_check=told.append)
        with pytest.raises(Exception, match="no"):
            client.run(FORM, key="k", poll_interval=0.05, on_check=told.append)
        client.submit(FORM, key="k", on_check=told.append)
    assert (posts(), len(told)) == (2, 2)


def test_what_was_paid_for_is_free(sandbox, ledger):
    with LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
        assert not [code for code in codes(client.check(FORM, key="k")) if code.startswith("cost.")]
        job = client.submit(FORM, key="k")
        verdict = client.check(FORM, key="k")
        assert (named(verdict, "cost.free").facts["paid_job"], verdict.credits) == (job.id, 0)
        job = client.submit(FORM, key=content_key(FORM, client.profile))
        verdict = client.check(FORM)
        assert (named(verdict, "cost.paid_before").facts["paid_job"], verdict.credits) == (job.id, 12)
    with LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger, key_of=content_key) as client:
        assert named(client.check(FORM), "cost.free").facts["paid_job"] == job.id


def test_the_budget(sandbox):
    budget = Budget(30)
    with LipsyncClient(sandbox.api_key, sandbox.base_url, budget=budget) as client:
        assert named(client.check(FORM), "cost.within_budget").facts == {"credits": 12, "left": 30}
        client.submit(FORM)
        client.submit(FORM)
        found = named(client.check(FORM), "budget.exceeded")
        assert (found.severity, found.facts["left"], found.certain) == ("error", 6, True)
        unknown = ImageForm(image=FACE, audio="https://x.example/a.mp3")
        assert codes(client.check(unknown), "error") == ["budget.unknown_cost"]
        assert client.check(unknown, lengths={"audio": 5}).credits == 10
    assert budget.committed == 24


@pytest.mark.parametrize("source", ["path", "bytes", "file"])
def test_a_picture_is_looked_at_once_for_many_sounds(sees, sandbox, source):
    """By its content, wherever it comes from."""
    looked = sees(WARNING)
    data = FACE.read_bytes()
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        for seconds in (5, 6, 7):
            image = {"path": FACE, "bytes": data, "file": io.BytesIO(data)}[source]
            verdict = client.check(ImageForm(image=image, audio=sound(seconds)))
            assert codes(verdict, "warning") == ["mask.marks_nothing"]
        client.check(ImageForm(image=FACE, audio=SPEECH, resolution="720p"))
    assert looked == [{"image": data}] * 2


def test_many_threads_look_once(sees, sandbox):
    looked = sees(WARNING)
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        threads = [threading.Thread(target=client.check, args=(FORM,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(looked) == 1


def test_few_looks_run_at_a_time():
    """Each in a thread of its own; one that fails gives its place back."""
    memory, running, most = _looks._Memory(), [], []

    def look(number):
        running.append(number)
        most.append(len(running))
        time.sleep(0.05)
        running.remove(number)
        if number % 2:
            raise ZeroDivisionError
        return ()

    def try_to(number):
        with contextlib.suppress(ZeroDivisionError):
            memory.get(str(number), lambda: look(number), Limit())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(try_to, range(8)))
    assert (max(most), len(most), len(memory._found), memory._begun) == (_looks.AT_A_TIME, 8, 4, {})


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(_looks, "REMEMBERED", 2)
    memory, looked = _looks._Memory(), []
    for key in "aabcca":
        memory.get(key, lambda key=key: looked.append(key) or (), Limit())
    assert looked == ["a", "b", "c", "a"]


def test_a_look_that_fails_does_not_stop_a_submission(sees, face, posts, caplog):
    looked = sees(ZeroDivisionError("sk_oops_0123456789"))
    verdicts = [face.check(FORM), face.check(FORM)]
    for verdict in verdicts:
        assert named(verdict, "check.look_failed").severity == "info"
        assert verdict.ok
    assert len(looked) == 2  # a failure is not remembered
    face.submit(FORM, check="refuse")
    assert posts() == 1
    assert "ZeroDivisionError" in caplog.text
    assert "sk_oops_0" not in str(verdicts) + caplog.text


def test_media_that_cannot_be_seen_is_an_error_of_its_field(sees, face):
    sees(MediaError(code="preview.unreadable", media="image"))
    found = named(face.check(FORM), "preview.unreadable")
    assert (found.severity, found.field) == ("error", "image")


def test_without_the_extra_it_says_what_was_not_looked_at(sees, face, posts):
    sees(ImportError("cv2"))
    found = named(face.check(FORM), "check.not_looked")
    assert (found.severity, found.field) == ("info", "image")
    assert "lipsync-nodes[check]" in found.hint()
    face.submit(FORM, check="refuse")
    assert posts() == 1


def test_run_many_checks_each_form(sees, face, posts):
    """One that is refused fails alone, before it is paid for."""
    sees(WARNING)
    told = {}
    forms = [FORM, ImageForm(image="https://x.example/i.png", audio="https://x.example/a.mp3"), FORM]
    done = face.run_many(
        forms, return_exceptions=True, check="refuse", on_check=lambda at, verdict: told.update({at: verdict})
    )
    assert [type(one).__name__ for one in done] == ["CheckRefused", "Job", "CheckRefused"]
    assert (posts(), sorted(told)) == (1, [0, 1, 2])


def test_the_mode_is_a_setting_of_the_profile(sees, sandbox, posts, monkeypatch):
    sees(WARNING)
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url, check="refuse")
    with LipsyncClient(profile=profile) as client:
        with pytest.raises(CheckRefused):
            client.submit(FORM)
        client.submit(FORM, check="warn")
    assert posts() == 1
    monkeypatch.setenv("LIPSYNC_CHECK", "off")
    assert load_profile(api_key="sk_checks_0123456789").check == "off"
    with pytest.raises(Exception, match="off"):
        profile_of("x", {"check": "perhaps"})


def test_no_such_mode(face, posts):
    with pytest.raises(InvalidRequest, match="off, warn, refuse"):
        face.submit(FORM, check="perhaps")
    assert posts() == 0


def test_urls_alone_load_nothing_heavy(sandbox):
    """Neither the media library nor what looks at pictures is loaded for a form of URLs."""
    code = f"""
import sys
from lipsync_nodes import ImageForm, LipsyncClient
with LipsyncClient({sandbox.api_key!r}, {sandbox.base_url!r}) as client:
    client.submit(ImageForm(image="https://x.example/i.png", audio="https://x.example/a.mp3"))
heavy = [name for name in ("av", "cv2", "numpy", "lipsync_nodes.perception") if name in sys.modules]
print(heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_findings_are_in_the_order_of_their_severity(sees, face):
    sees(WARNING, CERTAIN)
    verdict = face.check(ImageForm(image=FACE, audio=EXPIRED))
    order = [one.severity for one in verdict.findings]
    assert order == sorted(order, key=["error", "warning", "info"].index)
    assert order[:2] == ["error", "error"]


def test_a_tiny_face_is_refused_or_warned_of(face, posts):
    """With the real eye: refused it is 0 POSTs and a sentence in both languages; with `warn` it is one POST."""
    form, told = ImageForm(image=tiny_face(), audio=SPEECH), []
    with pytest.raises(CheckRefused) as caught:
        face.submit(form, check="refuse")
    assert posts() == 0
    assert caught.value.facts["findings"][0]["code"] == "face.tiny"
    assert "pixels" in str(caught.value)
    assert "像素" in str(caught.value.speak("python", "zh"))
    face.submit(form, on_check=told.append)
    assert (posts(), codes(told[0], "error")) == (1, ["face.tiny"])


def test_a_mask_that_marks_nothing_is_told_once(face):
    verdict = face.check(ImageForm(image=FACE, audio=SPEECH, mask_image=picture(512, 512, value=0)))
    assert codes(verdict, "warning") == ["mask.marks_nothing"]


def test_a_check_by_itself_names_the_urls_that_it_did_not_fetch(face):
    form = ImageForm(image=FACE, audio="https://x.example/a.mp3")
    found = named(face.check(form), "check.not_fetched")
    assert (found.severity, found.field, found.facts) == ("info", "audio", {"fields": ["audio"]})
    told = []
    face.submit(form, on_check=told.append)
    assert "check.not_fetched" not in codes(told[0])
