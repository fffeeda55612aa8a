"""The wire: what is sent, what is read, and how a mistake is told."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lipsync_nodes import ImageForm, ImageMultiForm, InvalidRequest, Job, JobStatus, VideoForm, WebhookEvent
from lipsync_nodes.service import CATALOGUE, parse_job

IMAGE = {"image": "https://x/i.png", "audio": "https://x/a.mp3"}

# What api-contract knows of each form; nothing else may ever be sent.
DOCUMENTED = {
    VideoForm: {"video", "audio", "resolution", "mask_image", "prompt", "seed"},
    ImageForm: {"image", "audio", "resolution", "mask_image", "prompt", "seed"},
    ImageMultiForm: {
        *("image", "left_audio", "right_audio", "order", "resolution", "mask_image", "prompt", "seed"),
    },
}


@pytest.mark.parametrize(("form", "fields"), DOCUMENTED.items())
def test_a_form_has_the_documented_fields_and_no_others(form, fields):
    assert set(form.model_fields) - {"extra"} == fields


def test_unset_fields_are_left_out_and_nothing_is_null():
    assert ImageForm(**IMAGE).form_state() == IMAGE
    assert ImageForm(**IMAGE, prompt=None, seed=None).form_state() == IMAGE


@pytest.mark.parametrize("blank", ["", "   "])
def test_an_empty_widget_means_not_given(blank):
    assert ImageForm(**IMAGE, prompt=blank, mask_image=blank).form_state() == IMAGE


def test_what_is_given_is_sent_even_if_it_is_the_default():
    assert ImageForm(**IMAGE, resolution="480p", seed=0).form_state() == {**IMAGE, "resolution": "480p", "seed": 0}


def test_extra_fields_are_passed_through_untouched():
    extra = {"guidance": 1.5, "nested": {"a": [None, True]}}
    assert ImageForm(**IMAGE, extra=extra).form_state() == {**IMAGE, **extra}


@pytest.mark.parametrize(
    "url",
    [
        "https://x:443/a//b/./c/?X-Sig=a%2Bb+c%20d&e=%C3%A9#f",
        "http://127.0.0.1:8/f.mp3",
        "HTTPS://Example.COM",
        "https://[::1]:9/x",
        "https://münchen.example/gesicht.png",
    ],
)
def test_a_url_is_sent_unchanged(url):
    assert ImageForm(image=url, audio=url).form_state() == {"image": url, "audio": url}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x/a",
        "file:///etc/passwd",
        "https://",
        "http:///a",
        "https://:80/a",
        "//x/a",
        "https://x/a b",
        "https://x/a\n",
        "https://x:port/a",
        "https://[::1/a",
        "data:image/png;base64,AA",
        7,
        None,
    ],
)
def test_what_is_no_public_url_is_refused_with_the_fields_name(url):
    with pytest.raises(InvalidRequest, match="`image`") as caught:
        ImageForm(image=url, audio="https://x/a.mp3")
    assert not caught.value.may_have_charged


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resolution", "1080p"),
        ("resolution", None),
        ("seed", 1.5),
        ("seed", "7"),
        ("seed", True),
        ("prompt", 5),
        ("extra", {"seed": 1}),
        ("extra", {"x": object()}),
        ("sead", 1),
        ("order", "meanwhile"),
    ],
)
def test_a_wrong_field_is_named(field, value):
    with pytest.raises(InvalidRequest, match=f"`{field}"):
        ImageForm(**IMAGE, **{field: value})


TOO_LARGE = {"-2": -2, "2**31": 2**31, "2**63": 2**63, "400 digits": 10**400, "5000 digits": 10**5000}


@pytest.mark.parametrize("seed", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_a_seed_beyond_the_range_is_refused(seed):
    """The upstream documents -1 to 2147483647."""
    with pytest.raises(InvalidRequest, match="`seed`"):
        ImageForm(image="https://x/i", audio="https://x/a", seed=seed)


@pytest.mark.parametrize("seed", [-1, 0, 2**31 - 1])
def test_a_seed_within_the_range_is_sent(seed):
    assert ImageForm(image="https://x/i", audio="https://x/a", seed=seed).form_state()["seed"] == seed


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.command)
def test_hosts_know_the_range_of_a_seed(spec):
    (seed,) = [field for field in spec.fields if field.name == "seed"]
    assert (seed.minimum, seed.maximum) == (-1, 2**31 - 1)
    number = spec.schema["properties"]["seed"]["anyOf"][0]
    assert number == {"type": "integer", "minimum": -1, "maximum": 2**31 - 1}


def test_a_missing_field_is_named():
    with pytest.raises(InvalidRequest, match="`right_audio`"):
        ImageMultiForm(image="https://x/i.png", left_audio="https://x/l.mp3")


def test_the_order_is_one_of_three():
    two = {"image": "https://x/i", "left_audio": "https://x/l", "right_audio": "https://x/r"}
    for order in ("meanwhile", "left_right", "right_left"):
        assert ImageMultiForm(**two, order=order).form_state()["order"] == order
    with pytest.raises(InvalidRequest, match="`order`"):
        ImageMultiForm(**two, order="both")


def test_a_form_cannot_be_changed():
    with pytest.raises(Exception, match="frozen"):
        ImageForm(**IMAGE).seed = 3


def test_the_documented_job_is_read():
    job = parse_job(
        {
            "id": "j",
            "model": "lipsync-image",
            "status": "completed",
            "output": "https://x/o.mp4",
            "error": "",
            "executionTime": 12345,
            "timings": None,
        }
    )
    assert (job.id, job.status, job.output, job.error) == ("j", JobStatus.COMPLETED, "https://x/o.mp4", "")
    assert (job.execution_time_ms, job.finished) == (12345, True)


def test_an_unknown_status_survives_and_is_not_finished():
    job = parse_job({"id": "j", "status": "warming_up"})
    assert (job.status.value, str(job.status), job.finished) == ("warming_up", "warming_up", False)
    assert job.status == JobStatus("warming_up")
    assert json.loads(job.model_dump_json())["status"] == "warming_up"


@pytest.mark.parametrize("status", ["created", "cancelling", "timeout_soon", ""])
def test_only_the_documented_end_is_an_end(status):
    assert not parse_job({"id": "j", "status": status}).finished


@pytest.mark.parametrize(
    "status", ["cancelled", "CANCELED", " Timed Out ", "timed_out", "timeout", "deleted", "expired", "error", "aborted"]
)
def test_an_end_without_a_video_keeps_its_word(status):
    """It is an end, but neither of the two that are documented."""
    job = parse_job({"id": "j", "status": status})
    assert (job.finished, job.status.stopped, job.status.value) == (True, True, status)
    assert not any(status.stopped for status in JobStatus)


def test_unknown_fields_of_an_answer_are_kept():
    assert parse_job({"id": "j", "status": "processing", "queue": {"place": 3}}).wire()["queue"] == {"place": 3}


@pytest.mark.parametrize("answer", [{"requestId": "r"}, {"requestId": "r", "id": None}, {"requestId": "r", "id": ""}])
def test_the_id_may_be_called_request_id(answer):
    assert parse_job(answer).id == "r"


def test_an_id_that_comes_as_a_number_is_kept():
    assert parse_job({"id": 12}).id == "12"


def test_a_job_that_was_asked_for_may_leave_its_id_out():
    assert parse_job({"status": "processing"}, asked_for="j").id == "j"


@pytest.mark.parametrize("error", [None, ""])
def test_no_error_is_the_empty_string(error):
    assert parse_job({"id": "j", "error": error}).error == ""


def test_an_error_of_another_shape_is_kept_as_text():
    assert parse_job({"id": "j", "error": {"code": 3, "message": "错误"}}).error == '{"code": 3, "message": "错误"}'


def test_a_webhook_body_is_a_job():
    event = WebhookEvent.model_validate({"id": "j", "status": "failed", "error": "Invalid audio format"})
    assert isinstance(event, Job)
    assert event.error == "Invalid audio format"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be
@given(
    st.dictionaries(st.sampled_from(["id", "requestId", "status", "output", "error", "x"]), json_values) | json_values
)
def test_any_json_is_either_a_job_or_a_value_error(answer):
    try:
        job = parse_job(answer)
    except ValueError:
        return
    assert job.id
    assert json.dumps(job.wire())
