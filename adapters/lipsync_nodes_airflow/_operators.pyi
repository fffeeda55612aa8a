"""The types of the operators, made from the catalogue: `python -m tests.integrations.airflow.stubs`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict

from airflow.sdk import ObjectStoragePath, XComArg
from typing_extensions import Unpack

from lipsync_nodes_airflow.operators import LipsyncOperator

__all__ = ["LipsyncImageMultiOperator", "LipsyncImageOperator", "LipsyncVideoOperator"]

class _Arguments(TypedDict, total=False):
    # of all tasks
    owner: str
    email: str | Sequence[str] | None
    email_on_retry: bool
    email_on_failure: bool
    retries: int | None
    retry_delay: timedelta | float
    retry_exponential_backoff: float
    max_retry_delay: timedelta | float | None
    retry_policy: Any
    start_date: datetime | None
    end_date: datetime | None
    depends_on_past: bool
    ignore_first_depends_on_past: bool
    wait_for_past_depends_before_skipping: bool
    wait_for_downstream: bool
    dag: Any
    params: Any
    default_args: dict[str, Any] | None
    priority_weight: int
    weight_rule: Any
    queue: str
    pool: str | None
    pool_slots: int
    sla: timedelta | None
    execution_timeout: timedelta | None
    on_execute_callback: Any
    on_failure_callback: Any
    on_success_callback: Any
    on_retry_callback: Any
    on_skipped_callback: Any
    pre_execute: Any
    post_execute: Any
    trigger_rule: str
    resources: dict[str, Any] | None
    run_as_user: str | None
    map_index_template: str | None
    max_active_tis_per_dag: int | None
    max_active_tis_per_dagrun: int | None
    executor: str | None
    executor_config: dict[str, Any] | None
    do_xcom_push: bool
    multiple_outputs: bool
    inlets: Any
    outlets: Any
    task_group: Any
    doc: str | None
    doc_md: str | None
    doc_json: str | None
    doc_yaml: str | None
    doc_rst: str | None
    task_display_name: str | None
    logger_name: str | None
    allow_nested_operators: bool
    render_template_as_native_obj: bool | None
    # of all operators of ours
    lipsync_conn_id: XComArg | str
    deferrable: bool
    wait_for_completion: bool
    poll_interval: float | timedelta | str | XComArg | None
    timeout: float | timedelta | str | XComArg | None
    output_path: XComArg | str | None
    media_seconds: XComArg | Mapping[str, Any] | str | None
    webhook: XComArg | str | None
    job_id: XComArg | str | None
    resubmit_uncertain: bool
    check: Literal["off", "warn", "refuse"] | None
    fetch: bool
    tags: XComArg | Mapping[str, Any] | str | None
    durable: bool

class LipsyncVideoOperator(LipsyncOperator):
    """Make the person in a video speak an audio."""

    def __init__(
        self,
        *,
        task_id: str,
        video: str | Path | ObjectStoragePath | XComArg,
        audio: str | Path | ObjectStoragePath | XComArg,
        resolution: str | XComArg | None = ...,
        prompt: str | XComArg | None = ...,
        seed: int | str | XComArg | None = ...,
        mask_image: str | Path | ObjectStoragePath | XComArg | None = ...,
        extra: Mapping[str, Any] | str | XComArg | None = ...,
        **kwargs: Unpack[_Arguments],
    ) -> None: ...
    @classmethod
    def partial(  # type: ignore[override]
        cls,
        *,
        task_id: str,
        video: str | Path | ObjectStoragePath | XComArg = ...,
        audio: str | Path | ObjectStoragePath | XComArg = ...,
        resolution: str | XComArg | None = ...,
        prompt: str | XComArg | None = ...,
        seed: int | str | XComArg | None = ...,
        mask_image: str | Path | ObjectStoragePath | XComArg | None = ...,
        extra: Mapping[str, Any] | str | XComArg | None = ...,
        **kwargs: Unpack[_Arguments],
    ) -> Any: ...

class LipsyncImageOperator(LipsyncOperator):
    """Make the person in an image speak an audio."""

    def __init__(
        self,
        *,
        task_id: str,
        image: str | Path | ObjectStoragePath | XComArg,
        audio: str | Path | ObjectStoragePath | XComArg,
        resolution: str | XComArg | None = ...,
        prompt: str | XComArg | None = ...,
        seed: int | str | XComArg | None = ...,
        mask_image: str | Path | ObjectStoragePath | XComArg | None = ...,
        extra: Mapping[str, Any] | str | XComArg | None = ...,
        **kwargs: Unpack[_Arguments],
    ) -> None: ...
    @classmethod
    def partial(  # type: ignore[override]
        cls,
        *,
        task_id: str,
        image: str | Path | ObjectStoragePath | XComArg = ...,
        audio: str | Path | ObjectStoragePath | XComArg = ...,
        resolution: str | XComArg | None = ...,
        prompt: str | XComArg | None = ...,
        seed: int | str | XComArg | None = ...,
        mask_image: str | Path | ObjectStoragePath | XComArg | None = ...,
        extra: Mapping[str, Any] | str | XComArg | None = ...,
        **kwargs: Unpack[_Arguments],
    ) -> Any: ...

class LipsyncImageMultiOperator(LipsyncOperator):
    """Make two people in an image speak one audio each."""

    def __init__(
        self,
        *,
        task_id: str,
        image: str | Path | ObjectStoragePath | XComArg,
        left_audio: str | Path | ObjectStoragePath | XComArg,
        right_audio: str | Path | ObjectStoragePath | XComArg,
        resolution: str | XComArg | None = ...,
        prompt: str | XComArg | None = ...,
        seed: int | str | XComArg | None = ...,
        order: str | XComArg | None = ...,
        mask_image: str | Path | ObjectStoragePath | XComArg | None = ...,
        extra: Mapping[str, Any] | str | XComArg | None = ...,
        **kwargs: Unpack[_Arguments],
    ) -> None: ...
    @classmethod
    def partial(  # type: ignore[override]
        cls,
        *,
        task_id: str,
        image: str | Path | ObjectStoragePath | XComArg = ...,
        left_audio: str | Path | ObjectStoragePath | XComArg = ...,
        right_audio: str | Path | ObjectStoragePath | XComArg = ...,
        resolution: str | XComArg | None = ...,
        prompt: str | XComArg | None = ...,
        seed: int | str | XComArg | None = ...,
        order: str | XComArg | None = ...,
        mask_image: str | Path | ObjectStoragePath | XComArg | None = ...,
        extra: Mapping[str, Any] | str | XComArg | None = ...,
        **kwargs: Unpack[_Arguments],
    ) -> Any: ...
