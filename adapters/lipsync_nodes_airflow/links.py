"""The link of a task in Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import BaseOperatorLink, Context, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

__all__ = ["LipsyncJobLink"]

LINK: Final = "lipsync_link"


class LipsyncJobLink(BaseOperatorLink):
    """Links to the video, or to the service's website until the video is ready."""

    name = "lipsync.studio"
    # Airflow 3 reads the link from the XCom with this name, as soon as the task defers.
    xcom_key = LINK

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  # Airflow's interface
        """Return the link that the task set last."""
        return XCom.get_value(ti_key=ti_key, key=LINK) or ""

    @staticmethod
    def point_to(url: str, context: Context | dict[str, Any]) -> None:
        """Set the link."""
        context["ti"].xcom_push(key=LINK, value=url)
