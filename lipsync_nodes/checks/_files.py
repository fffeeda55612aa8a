"""What the files of a form are: their format, whether they are whole, and how their pictures are stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, Final

from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._whole import is_cut
from lipsync_nodes.errors import ConfigurationError, InvalidRequest, LipsyncError
from lipsync_nodes.media import PreparedForm, Probe, opened

if TYPE_CHECKING:
    from lipsync_nodes.checks._check import Check

EXTRA: Final = "lipsync-nodes[check]"
# What the service names for each kind of media.
_DOCUMENTED: Final = {
    "image": ("PNG, JPG", {".png", ".jpg"}),
    "mask": ("PNG, JPG", {".png", ".jpg"}),
    "audio": ("MP3, WAV", {".mp3", ".wav"}),
    "video": ("MP4, MOV", {".mp4"}),
}
# No limit is documented. An upload of more takes minutes, and the service has to fetch it again.
LARGE: Final = 200 << 20
# How much the aspect ratio of a mask may differ from that of its picture: sizes are rounded.
SAME_SHAPE: Final = 0.02


def readable(form: PreparedForm, check: Check) -> dict[str, Probe]:
    """Return the probes of the files that a submission would accept, and add the errors of the others."""
    found, unread = {}, []
    for name in form.assets:
        try:
            found[name] = form.probe(name, allow_long=True)
        except ConfigurationError:
            unread.append(name)
        except InvalidRequest as error:
            check.fail(error, of_error(error, name))
    if unread:
        check.add([not_looked(unread)])
    return found


def of_error(error: LipsyncError, name: str) -> Finding:
    """Return an error about a field as a finding, which names the field itself."""
    facts = {fact: value for fact, value in error.facts.items() if fact != "place"}
    return Finding(error.code, "error", "fact", name, error.remedy, facts)


def not_looked(fields: list[str]) -> Finding:
    """Return the finding that the extra for these fields is not installed."""
    return Finding(
        code="check.not_looked",
        severity="info",
        basis="fact",
        field=fields[0] if len(fields) == 1 else None,
        remedy=("install_extra",),
        facts={"fields": fields, "package": EXTRA},
    )


def findings(form: PreparedForm, found: Mapping[str, Probe]) -> Iterator[Finding]:
    """Yield what is odd about files that can be read."""
    kinds = {field.name: field.media for field in form.spec.media}
    for name, probe in found.items():
        yield from (one.at(name) for one in _of_file(form, name, probe, str(kinds[name])))
    yield from _of_masks(form, found)


def _of_file(form: PreparedForm, name: str, probe: Probe, kind: str) -> Iterator[Finding]:
    known, endings = _DOCUMENTED[kind]
    if probe.suffix not in endings:
        yield Finding(
            code="file.undocumented_format",
            severity="info",
            basis="documented",
            facts={"format": probe.suffix.removeprefix(".").upper(), "known": known},
        )
    if content_type := getattr(form.assets[name], "content_type", ""):
        yield from _stated(content_type, probe)
    if probe.rotation:
        yield Finding(code="file.rotated", severity="info", basis="fact", facts={"degrees": abs(probe.rotation)})
    if probe.variable_rate:
        yield Finding(code="file.variable_rate", severity="info", basis="fact")
    with opened(form.assets[name]) as file:
        yield from _of_content(file, probe)


def _stated(content_type: str, probe: Probe) -> Iterator[Finding]:
    """Compare the type that a server states with the content. The name of a subtype has many spellings."""
    kind = content_type.partition("/")[0]
    if kind == "application":
        return
    if {kind, probe.kind} not in ({probe.kind}, {"audio", "video"}):
        yield Finding(
            code="url.content_type",
            severity="warning",
            basis="likely",
            remedy=("state_content_type",),
            facts={"stated": content_type, "found": probe.media_type},
        )


def _of_masks(form: PreparedForm, found: Mapping[str, Probe]) -> Iterator[Finding]:
    """Compare a mask with the picture that it belongs to."""
    sizes = {field.media: _upright(found[field.name]) for field in form.spec.media if field.name in found}
    picture = sizes.get("image") or sizes.get("video")
    for field in form.spec.media:
        mask = sizes.get("mask") if field.media == "mask" and field.name in found else None
        if not mask or not picture or mask == picture:
            continue
        ratio = (mask[0] / mask[1]) / (picture[0] / picture[1])
        if abs(ratio - 1) > SAME_SHAPE:
            yield Finding(
                code="mask.other_shape",
                severity="warning",
                basis="likely",
                field=field.name,
                remedy=("mask_of_same_size",),
                facts={"mask": _text(mask), "picture": _text(picture)},
            )
        else:
            yield Finding(
                code="mask.other_size",
                severity="info",
                basis="likely",
                field=field.name,
                facts={"mask": _text(mask), "picture": _text(picture)},
            )


def _upright(probe: Probe) -> tuple[int, int] | None:
    turned = probe.rotation % 180 == 90  # noqa: PLR2004  # a quarter turn
    return probe.size[::-1] if probe.size and turned else probe.size


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"  # noqa: RUF001


def _of_content(file: BinaryIO, probe: Probe) -> Iterator[Finding]:
    size = file.seek(0, 2)
    if size > LARGE:
        yield Finding(code="file.large", severity="info", basis="likely", facts={"size": size >> 20})
    if is_cut(file, probe.media_type):
        yield Finding(code="file.cut_short", severity="warning", basis="fact", remedy=("give_whole_file",))
