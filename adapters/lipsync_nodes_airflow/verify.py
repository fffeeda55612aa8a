"""The operator that verifies a video: whether the mouth moves with the sound."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator, Context

from lipsync_nodes import Ledger
from lipsync_nodes.host import Verification
from lipsync_nodes.host import verify as verify_file
from lipsync_nodes_airflow.arguments import ChecksPartial, check_choice
from lipsync_nodes_airflow.failures import no_retry_in_vain
from lipsync_nodes_airflow.hooks import LipsyncHook
from lipsync_nodes_airflow.storage import local_file

__all__ = ["LipsyncVerifyOperator"]

VERDICTS: Final = ("in_sync", "out_of_sync", "not_moving", "cannot_tell")
FILES: Final = ("audio", "right_audio", "source")


class LipsyncVerifyOperator(ChecksPartial, BaseOperator):
    """Compare the movement of the mouth in a video with the speech, and return the result. It is no score of quality.

    Args:
        video: the id of a job, or its video: a path of the worker, or the URL of an object. The XComs `job_id` and
            `output_path` of an operator are such values.
        audio: the speech, if it is not the sound track of the video; with two people, that of the left one.
        right_audio: the speech of the right one of two people.
        order: the order in which two people speak: "meanwhile", "left_right" or "right_left".
        source: the video that got the new speech, to see what was gained.
        fail_on: the verdicts that fail the task, of "out_of_sync", "not_moving", "cannot_tell" and "in_sync".
        lipsync_conn_id: the connection, which is used for a job id only.

    The result, and the XCom `verification`, which is set even if the task fails, is `{"verdict", "correlation",
    "offset_ms", "face_share", "message", …}`. It needs the extra `check` on the worker. Nothing is paid for.

    """

    template_fields: Sequence[str] = ("video", *FILES, "order", "lipsync_conn_id")
    ui_color = "#e8e4ff"

    def __init__(
        self,
        *,
        video: Any,
        audio: Any = None,
        right_audio: Any = None,
        order: str | None = None,
        source: Any = None,
        fail_on: Sequence[str] = ("out_of_sync", "not_moving"),
        lipsync_conn_id: str = LipsyncHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.check_arguments({"fail_on": fail_on})
        self.video = video
        self.audio = audio
        self.right_audio = right_audio
        self.order = order
        self.source = source
        self.fail_on = fail_on or ()
        self.lipsync_conn_id = lipsync_conn_id

    @classmethod
    def check_arguments(cls, given: Mapping[str, Any]) -> None:
        """Raise `InvalidRequest` for a verdict in `fail_on` that does not exist."""
        for verdict in given.get("fail_on") or ():
            check_choice("fail_on", verdict, VERDICTS)

    def execute(self, context: Context) -> dict[str, Any]:
        """Verify the video, and return the result as JSON types."""
        with no_retry_in_vain(), tempfile.TemporaryDirectory(prefix="lipsync-") as folder:
            found = self._verified(Path(folder))
        result = found.as_json()
        self.log.info("%s %s", found.message(), found.note())
        context["ti"].xcom_push(key="verification", value=result)
        if found.verdict in self.fail_on:
            raise AirflowFailException(found.message())
        return result

    def _verified(self, folder: Path) -> Verification:
        """Verify a file, or the video of a job. The ledger of this host keeps the result if it knows the job."""
        given = {name: getattr(self, name) for name in FILES if getattr(self, name)}
        options: dict[str, Any] = {name: local_file(value, folder / name) for name, value in given.items()}
        options |= {"order": self.order} if self.order else {}
        video = local_file(self.video or "", folder / "video")
        if Path(video).is_file() or "/" in str(video):  # a job id has no slash
            return verify_file(video, **options)
        with Ledger() as ledger, LipsyncHook(self.lipsync_conn_id).client(ledger=ledger) as client:
            return client.verify(str(video), **options)
