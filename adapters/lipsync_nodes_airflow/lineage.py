"""OpenLineage: what a video was made of, and where it is. Only where its provider is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

__all__ = ["facets"]


def facets(video: str | None, media: Iterable[Any]) -> Any:
    """Return the lineage of a finished task: its media in, its video out.

    It asks nobody, XCom least of all: it runs in a fork of the task's process, which shares the task's connection to
    Airflow and would wait on it in vain.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset  # noqa: PLC0415
    from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415  # it is who asks

    def dataset(url: object) -> Any:
        namespace, name = _named(str(url))
        return Dataset(namespace=namespace, name=name)

    return OperatorLineage(
        inputs=[dataset(url) for url in media if url], outputs=[dataset(video)] if video is not None else []
    )


def _named(url: str) -> tuple[str, str]:
    """Name a URL as OpenLineage names things, without its query and user: they may hold a signature or a secret."""
    parts = urlsplit(url)
    if parts.scheme in {"", "file"}:
        return "file", parts.path
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.lstrip("/") or "/"
