"""Wrong arguments are found when a DAG is parsed, before anything runs."""

from datetime import timedelta

import pytest

from lipsync_nodes import InvalidRequest
from tests.integrations.airflow.conftest import URL
from tests.integrations.airflow.running import both, run

MEDIA = {"image": f"{URL}i.png", "audio": f"{URL}a.mp3"}


@pytest.fixture
def operator(airflow_home):
    from lipsync_nodes_airflow.operators import LipsyncImageOperator

    return LipsyncImageOperator


@pytest.fixture
def dag(airflow_home):
    from airflow.providers.common.compat.sdk import DAG

    with DAG("d", schedule=None) as dag:
        yield dag


WRONG = [
    ({"resolution": "999p"}, "480p"),
    ({"seed": "many"}, "seed"),
    ({"seed": -7}, "seed"),
    ({"prompt": 7}, "prompt"),
    ({"extra": "{"}, "extra"),
    ({"extra": {"resolution": "480p"}}, "extra"),
    ({"timeout": 0}, "timeout"),
    ({"timeout": "soon"}, "timeout"),
    ({"poll_interval": -1}, "poll_interval"),
    ({"poll_interval": timedelta()}, "poll_interval"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG, ids=str)
def test_a_wrong_literal_is_told_by_the_constructor(operator, wrong, words):
    with pytest.raises(InvalidRequest, match=words):
        operator(task_id="t", **MEDIA, **wrong)


@pytest.mark.parametrize(("wrong", "words"), WRONG, ids=str)
def test_a_wrong_literal_is_told_by_partial_and_expand(operator, dag, wrong, words):
    with pytest.raises(InvalidRequest, match=words):
        operator.partial(task_id="t", image=MEDIA["image"], **wrong)
    ((name, value),) = wrong.items()
    with pytest.raises(InvalidRequest, match=words):
        operator.partial(task_id="u", **MEDIA).expand(**{name: [value]})
    with pytest.raises(InvalidRequest, match=words):
        operator.partial(task_id="v").expand_kwargs([MEDIA, MEDIA | wrong])


@pytest.mark.parametrize(
    "right",
    [
        {"resolution": "{{ params.resolution }}", "seed": "{{ params.seed }}", "extra": "{{ params.extra }}"},
        {"seed": "7", "extra": '{"guidance": 1}', "timeout": "90", "poll_interval": timedelta(seconds=5)},
        {"extra": {"guidance": "{{ params.guidance }}"}, "extra_of_no": None},
        {"extra": "extra.json", "media_seconds": "lengths.json"},
        {"timeout": "{{ params.timeout }}", "poll_interval": "{% if 1 %}5{% endif %}"},
    ],
    ids=str,
)
def test_what_a_template_can_still_make_right_is_taken(operator, right):
    right.pop("extra_of_no", None)
    assert operator(task_id="t", **MEDIA, **right)


def test_partial_without_a_required_field_is_refused(operator, dag):
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    with pytest.raises(TypeError, match="image"):
        operator.partial(task_id="t").expand(audio=[MEDIA["audio"]])
    with pytest.raises(TypeError, match="audio"):
        operator.partial(task_id="u").expand_kwargs([MEDIA, {"image": MEDIA["image"]}])
    with pytest.raises(TypeError, match="job_id"):
        LipsyncJobSensor.partial(task_id="v").expand(poke_interval=[5.0])


def test_a_required_field_can_come_from_the_dags_default_args(airflow_home, operator):
    from airflow.providers.common.compat.sdk import DAG

    with DAG("d", schedule=None, default_args={"image": MEDIA["image"]}):
        assert operator.partial(task_id="t").expand(audio=[MEDIA["audio"]])


def test_the_results_of_other_tasks_are_taken(operator, dag):
    from airflow.providers.common.compat.sdk import BaseOperator

    inputs = BaseOperator(task_id="inputs").output
    assert operator(task_id="t", image=inputs, audio=inputs, resolution=inputs, seed=inputs)
    assert operator.partial(task_id="u", image=inputs).expand(audio=inputs)
    assert operator.partial(task_id="v").expand_kwargs(inputs)


@pytest.mark.parametrize("interval", [0, -1, timedelta()])
def test_a_sensor_has_to_pause(airflow_home, interval):
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    with pytest.raises(Exception, match="poke_interval"):
        LipsyncJobSensor(task_id="t", job_id="j", poke_interval=interval)


@pytest.mark.parametrize("name", ["resolution", "prompt", "seed", "extra", "mask_image"])
def test_an_optional_input_that_renders_to_nothing_is_not_set(make, context, lipsync_default, sandbox, name):
    operator = make(**{name: "{{ params.missing or '' }}"})
    operator.render_template_fields({"params": {"missing": None}})
    run(operator, context)
    context["task_state_store"].clear()
    run(make(), context)
    without, with_ = [request.body for request in sandbox.received("submit")]
    assert without == with_


@both
def test_a_rendered_timeout_counts(make, context, lipsync_default, sandbox, deferrable):
    from lipsync_nodes import JobTimeout

    sandbox.fault("job_status", status="queued", polls=10**6)
    operator = make(timeout="{{ params.timeout }}", poll_interval="{{ params.pause }}", deferrable=deferrable)
    operator.render_template_fields({"params": {"timeout": "0.5", "pause": 0.1}})
    with pytest.raises(JobTimeout):
        run(operator, context)
    wrong = make(timeout="{{ params.timeout }}", deferrable=deferrable)
    wrong.render_template_fields({"params": {"timeout": "soon"}})
    with pytest.raises(Exception, match="timeout"):
        run(wrong, context)
    assert len(sandbox.received("submit")) == 1
