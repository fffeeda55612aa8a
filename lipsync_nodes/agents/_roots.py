"""The media of a caller who is not trusted with the whole disk, such as an agent."""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Iterable, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.media import PreparedForm
from lipsync_nodes.service import Asset, NodeSpec

# Inline data is in the messages of a host, and often in the context of a model.
LARGEST_INLINE: Final = 2 << 20


class Roots:
    """The folders whose files a caller may name. A path that leads out of them is refused.

    Args:
        folders: the folders. Relative paths are below the first one that has the file.

    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(Path(os.path.realpath(folder)) for folder in folders)

    @property
    def first(self) -> Path:
        """The first folder; raises `InvalidRequest` if there is none."""
        if not self.folders:
            raise InvalidRequest(code="roots.none", remedy="give_root")
        return self.folders[0]

    def form(self, spec: NodeSpec, given: Mapping[str, Any], *, draft: bool = False) -> PreparedForm:
        """Build the form of an endpoint from a caller's values, with its media from these folders; see `media`.

        Args:
            spec: the endpoint.
            given: the values by field name. Other names are ignored.
            draft: allow missing required fields. The result cannot be submitted.

        Raises:
            InvalidRequest: names the invalid fields and what they accept.

        """
        inputs = {field.name: given[field.name] for field in spec.fields if given.get(field.name) is not None}
        media = {field.name: self.media(field.name, inputs[field.name]) for field in spec.media if field.name in inputs}
        return PreparedForm(spec.form_from(inputs | media, draft=draft))

    def media(self, field: str, given: str) -> str | Asset:
        """Return a URL unchanged, or the content of a base64 `data:` URL or of a local file, with its links followed.

        A path may also be a `file:` URL.

        Args:
            field: the name of the input, for errors.
            given: what the caller gave.

        Raises:
            InvalidRequest: the path leads out of the folders, or the data are not base64 or larger than 2 MiB.

        """
        scheme = given[:5].lower()
        if scheme == "data:":
            return _inline(field, given)
        if scheme == "file:":
            return self._file(field, url2pathname(urlsplit(given).path))
        return given if "://" in given else self._file(field, given)

    def _file(self, field: str, given: str) -> Asset:
        if (path := self._found(given)) is not None and any(path.is_relative_to(folder) for folder in self.folders):
            return Asset(path, within=self.folders)
        roots = [str(folder) for folder in self.folders]
        raise InvalidRequest(
            code="roots.outside", field=field, path=given[:200], roots=roots, remedy="give_path_in_root"
        )

    def _found(self, given: str) -> Path | None:
        """Return where a path leads to: from the first folder that has it, otherwise from the first folder."""
        parts = PureWindowsPath(given)  # divides a path at both kinds of slashes
        elsewhere = parts.drive.startswith("\\\\") or (parts.drive and os.name != "nt")  # another machine, or Windows
        if ".." in parts.parts or elsewhere or not _may_be_a_name(given) or not self.folders:
            return None
        paths = [folder / given for folder in self.folders]
        return Path(os.path.realpath(next(filter(os.path.lexists, paths), paths[0])))


def _may_be_a_name(given: str) -> bool:
    try:
        return b"\0" not in os.fsencode(given)
    except UnicodeEncodeError:  # half of a character
        return False


def _inline(field: str, given: str) -> Asset:
    head, _, data = given.partition(",")
    if len(data) > LARGEST_INLINE * 4 // 3 + 4:
        most = LARGEST_INLINE >> 20
        raise InvalidRequest(code="roots.inline_too_large", field=field, most=most, remedy="give_path_or_url")
    try:
        content = b64decode(data, validate=True) if head.lower().endswith(";base64") else b""
    except ValueError:
        content = b""
    if not content:
        raise InvalidRequest(code="roots.not_base64", field=field, remedy="give_path_or_url")
    return Asset(content, head[len("data:") :].split(";")[0] or None)
