"""A job that has ended → an event of an Airflow asset, by Airflow's REST API: a DAG is scheduled by it.

    lipsync-nodes webhook serve --on-job lipsync_nodes_airflow.asset_events:create_asset_event

It runs beside the receiver, which may be far from Airflow, and imports nothing of it. Airflow 3 and later. From the
environment:

    LIPSYNC_AIRFLOW_URL        where Airflow's api-server is, `https://airflow.example`
    LIPSYNC_AIRFLOW_ASSET      the asset's URI; `lipsync://studio/jobs` if it is not given
    LIPSYNC_AIRFLOW_USER, LIPSYNC_AIRFLOW_PASSWORD    who may create asset events; or instead
    LIPSYNC_AIRFLOW_TOKEN      a token for Airflow's API; without any of these it asks as nobody, which suits a laptop
"""

from __future__ import annotations

import json
import os
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from lipsync_nodes import ConfigurationError, Job
from lipsync_nodes.host import NoFramesBelow

__all__ = ["create_asset_event"]

ASSET: Final = "lipsync://studio/jobs"
SECONDS: Final = 30.0


def create_asset_event(job: Job) -> None:
    """Tell Airflow of a job that has ended, well or not; the event's extra is `{job_id, status, output, error}`.

    It raises where Airflow did not take the event, and the receiver calls it again later. So an event may come twice:
    what it schedules should do no harm the second time.

    Raises:
        ConfigurationError: the environment does not say where Airflow is, or Airflow knows no such asset.
        OSError: Airflow cannot be reached, or it refuses (`urllib.error.HTTPError`).

    """
    with NoFramesBelow():  # they show Airflow's token or password
        _create(job)


def _create(job: Job) -> None:
    url = os.environ.get("LIPSYNC_AIRFLOW_URL", "").rstrip("/")
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ConfigurationError(code="airflow.no_api_server")
    token = os.environ.get("LIPSYNC_AIRFLOW_TOKEN") or _token(url)
    extra = {"job_id": job.id, "status": job.status.value, "output": job.output, "error": job.error}
    _call(f"{url}/api/v2/assets/events", token, {"asset_id": _asset(url, token), "extra": extra})


def _asset(url: str, token: str) -> int:
    """Return the asset's number, which is another one in each installation."""
    uri = os.environ.get("LIPSYNC_AIRFLOW_ASSET") or ASSET
    found = _call(f"{url}/api/v2/assets?{urlencode({'uri_pattern': uri, 'limit': 100})}", token)["assets"]
    for asset in found:
        if asset["uri"] == uri:
            return int(asset["id"])
    raise ConfigurationError(code="airflow.no_such_asset", asset=uri, remedy="is_asset_scheduled")


def _token(url: str) -> str:
    user = os.environ.get("LIPSYNC_AIRFLOW_USER")
    who = {"username": user, "password": os.environ.get("LIPSYNC_AIRFLOW_PASSWORD", "")} if user else None
    return str(_call(f"{url}/auth/token", None, who)["access_token"])


def _call(url: str, token: str | None, body: dict[str, Any] | None = None) -> Any:
    """GET, or POST a body; speak JSON."""
    request = Request(url, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310  # http or https, see above
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with _OPENER.open(request, timeout=SECONDS) as answer:
        return json.load(answer)


class _NoRedirect(HTTPRedirectHandler):
    """Takes a redirect for the refusal that it is here: neither a token nor a password goes anywhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Give no other request."""


_OPENER: Final = build_opener(_NoRedirect)
