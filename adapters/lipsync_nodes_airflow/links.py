"""The button of a task in Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import BaseOperatorLink, Context, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

__all__ = ["LipsyncJobLink"]

LINK: Final = "lipsync_link"


class LipsyncJobLink(BaseOperatorLink):
    """To the video once it is there, and until then to the service's site."""

    name = "lipsync.studio"
    # Airflow 3 looks for the link in the XCom of this name, from the moment that the task defers.
    xcom_key = LINK

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  # Airflow's interface
        """Return what the task last said."""
        return XCom.get_value(ti_key=ti_key, key=LINK) or ""

    @staticmethod
    def point_to(url: str, context: Context | dict[str, Any]) -> None:
        """Say where the link leads from now on."""
        context["ti"].xcom_push(key=LINK, value=url)
