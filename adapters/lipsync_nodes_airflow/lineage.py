"""OpenLineage: what a video was made of, and where it is. Only where its provider is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

__all__ = ["facets"]


def facets(ti: Any, media: Iterable[Any]) -> Any:
    """Return the lineage of a finished task: its media in, its video out."""
    from airflow.providers.common.compat.openlineage.facet import Dataset  # noqa: PLC0415
    from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415  # it is who asks

    def dataset(url: object) -> Any:
        namespace, name = _named(str(url))
        return Dataset(namespace=namespace, name=name)

    where = ti.xcom_pull(task_ids=ti.task_id, key="output_path", map_indexes=ti.map_index)
    output = where or ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index)
    return OperatorLineage(inputs=[dataset(url) for url in media if url], outputs=[dataset(output)] if output else [])


def _named(url: str) -> tuple[str, str]:
    """Name a URL as OpenLineage names things, without its query and user: they may hold a signature or a secret."""
    parts = urlsplit(url)
    if parts.scheme in {"", "file"}:
        return "file", parts.path
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.lstrip("/") or "/"
