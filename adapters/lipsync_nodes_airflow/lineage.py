"""OpenLineage: the inputs of a video, and where it is. Used only if the provider of OpenLineage is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

__all__ = ["facets"]


def facets(video: str | None, media: Iterable[Any]) -> Any:
    """Return the lineage of a finished task: its media as inputs, its video as output.

    This must not read XComs. It runs in a fork of the task's process, which shares the task's connection to Airflow and
    would wait forever.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset  # noqa: PLC0415
    from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415  # it calls this

    def dataset(url: object) -> Any:
        namespace, name = _named(str(url))
        return Dataset(namespace=namespace, name=name)

    return OperatorLineage(
        inputs=[dataset(url) for url in media if url], outputs=[dataset(video)] if video is not None else []
    )


def _named(url: str) -> tuple[str, str]:
    """Return the OpenLineage name of a URL, without its query and user, which may contain a signature or a secret."""
    parts = urlsplit(url)
    if parts.scheme in {"", "file"}:
        return "file", parts.path
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.lstrip("/") or "/"
