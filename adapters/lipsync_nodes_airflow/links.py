"""The links of a task in Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import BaseOperatorLink, Context, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

__all__ = ["LINKS", "LipsyncJobLink", "LipsyncVideoLink"]


class _Link(BaseOperatorLink):
    """A link that the task sets. Airflow 3 reads it from the XCom `xcom_key`, also while the task waits."""

    # An empty link is not shown.
    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  # Airflow's interface
        """Return the link that the task set last."""
        return XCom.get_value(ti_key=ti_key, key=self.xcom_key) or ""

    @classmethod
    def point_to(cls, url: str, context: Context | dict[str, Any]) -> None:
        """Set the link."""
        context["ti"].xcom_push(key=str(cls.xcom_key), value=url)


class LipsyncJobLink(_Link):
    """Links to the service's website, or to the job on a sandbox's page. It is set when the task starts."""

    name = "Job"
    xcom_key = "lipsync_link"


class LipsyncVideoLink(_Link):
    """Links to the video, when there is one."""

    name = "Video"
    xcom_key = "lipsync_video"


LINKS: Final = (LipsyncVideoLink(), LipsyncJobLink())
