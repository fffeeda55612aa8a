"""`lipsync-nodes comfyui install` installs the pack in a ComfyUI; `comfyui check` checks the installation."""

from __future__ import annotations

from pathlib import Path

import click

from lipsync_nodes.cli.added import Group
from lipsync_nodes.cli.findings import report
from lipsync_nodes.cli.speak import in_words, say, show

from .folder import PACK, Comfy, installed_pack, place_media, place_pack

__all__ = ["comfyui"]

folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")


@click.group(cls=Group)
def comfyui() -> None:
    """Install the nodes into a ComfyUI, and check the installation."""


@comfyui.command()
@folder
@click.option("--copy", is_flag=True, help="Copy the pack instead of linking it. Run this again after an upgrade.")
@json_option
def install(folder: Path, copy: bool, as_json: bool) -> None:
    """Link the pack into the ComfyUI in DIR, and copy the media of the example workflows into its input folder."""
    with in_words(as_json=as_json):
        comfy, pack = Comfy.at(folder), installed_pack()
        how = place_pack(comfy, pack, copy=copy)
        media = place_media(comfy, pack)
    if as_json:
        show({"pack": str(comfy.custom_nodes / PACK), "source": str(pack), "how": how, "media": media}, as_json=True)
        return
    say(f"{how}: {comfy.custom_nodes / PACK} → {pack}")
    for name, done in media.items():
        say(f"{done}: {comfy.input / name}")
    if (comfy.custom_nodes / PACK).is_symlink():
        say("It is a link: an upgrade of lipsync-nodes is one of the pack, too.")
    else:
        say("It is a copy: run this again after an upgrade of lipsync-nodes.")
    say(f"What is missing, if anything: lipsync-nodes comfyui check '{folder}'")
    say("Start ComfyUI again, open the template lipsync_preview_then_pay and press Run. It needs no API key.")


@comfyui.command()
@folder
@click.option(
    "--python", type=click.Path(path_type=Path), help="The Python that runs ComfyUI, if the wrong one is found."
)
@click.option("--profile", help="The profile that the nodes use. Default: LIPSYNC_PROFILE.")
@click.option("--service", is_flag=True, help="Also check that the service accepts the API key; costs nothing.")
@json_option
def check(folder: Path, python: Path | None, profile: str | None, service: bool, as_json: bool) -> None:
    """Check whether the ComfyUI in DIR can run the nodes, and say what to do. The exit code is 2 if it cannot."""
    from .checks import findings  # noqa: PLC0415  # slow, and `--help` does not need it

    with in_words(as_json=as_json):
        comfy, pack = Comfy.at(folder), installed_pack()
        report(findings(comfy, pack, python or comfy.python, profile or "", ask=service), as_json=as_json)
