"""How a task runs where there is no Airflow around it: at once, or through the triggerer."""

import asyncio
import json

import pytest

both = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferred"])


def through_the_triggerer(task, context):
    """Execute a deferrable task: defer, serialize the trigger, run it elsewhere, come back."""
    from airflow.providers.common.compat.sdk import TaskDeferred

    from lipsync_nodes_airflow.triggers import LipsyncJobTrigger

    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    path, arguments = json.loads(json.dumps(deferred.value.trigger.serialize()))
    assert path == "lipsync_nodes_airflow.triggers.LipsyncJobTrigger"
    assert context["ti"].xcoms["job_id"] == arguments["job_id"], "the id is known before anything waits"
    assert context["ti"].xcoms["lipsync_link"]

    async def fire():
        return [event async for event in LipsyncJobTrigger(**arguments).run()]

    (event,) = asyncio.run(fire())
    return task.execute_complete(context, json.loads(json.dumps(event.payload)))


def clear(context):
    """What a clear does to a task instance."""
    context["ti"].max_tries += 3


def run(task, context):
    return through_the_triggerer(task, context) if task.deferrable else task.execute(context)
