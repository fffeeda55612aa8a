"""Creates an event of an Airflow asset for a job that has ended, with Airflow's REST API. The event can start a DAG.

    lipsync-nodes webhook serve --on-job lipsync_nodes_airflow.asset_events:create_asset_event

It runs in the receiver, which may be on another host than Airflow, and does not import Airflow. It needs Airflow 3 or
later. The environment variables are:

    LIPSYNC_AIRFLOW_URL        the URL of Airflow's API server, `https://airflow.example`
    LIPSYNC_AIRFLOW_ASSET      the URI of the asset; `lipsync://studio/jobs` by default
    LIPSYNC_AIRFLOW_USER, LIPSYNC_AIRFLOW_PASSWORD    a user who may create asset events; or instead
    LIPSYNC_AIRFLOW_TOKEN      a token for Airflow's API. Without a user and a token, it sends no credentials
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
    """Create an event for a job that has ended, with a video or without.

    The extra of the event is `{job_id, status, output, error}`. If Airflow does not accept the event, this raises an
    error, and the receiver calls it again later. So an event may come twice, and the DAG must allow for that.

    Raises:
        ConfigurationError: LIPSYNC_AIRFLOW_URL is not set, or Airflow does not know the asset.
        OSError: Airflow cannot be reached, or refuses the request (`urllib.error.HTTPError`).

    """
    with NoFramesBelow():  # these frames have Airflow's token or password
        _create(job)


def _create(job: Job) -> None:
    url = os.environ.get("LIPSYNC_AIRFLOW_URL", "").rstrip("/")
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ConfigurationError(code="airflow.no_api_server")
    token = os.environ.get("LIPSYNC_AIRFLOW_TOKEN") or _token(url)
    extra = {"job_id": job.id, "status": job.status.value, "output": job.output, "error": job.error}
    _call(f"{url}/api/v2/assets/events", token, {"asset_id": _asset(url, token), "extra": extra})


def _asset(url: str, token: str) -> int:
    """Return the number of the asset, which differs between installations."""
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
    """Send a GET, or a POST with a JSON body, and return the decoded JSON."""
    request = Request(url, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310  # http or https, see above
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with _OPENER.open(request, timeout=SECONDS) as answer:
        return json.load(answer)


class _NoRedirect(HTTPRedirectHandler):
    """Treats a redirect as an error, so that the token and the password are sent nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Do not follow the redirect."""


_OPENER: Final = build_opener(_NoRedirect)
