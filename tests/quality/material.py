"""Gather pictures, films and sounds that nobody tuned the preview on.

    python -m tests.quality.material CLONES FOLDER

``material.tsv`` names them: example media of public repositories, and what is made of those. Their licences differ and
none of them is kept in the project. CLONES is a folder with a clone of each repository (``git clone --depth 1``, under
the repository's own name). Repositories that are missing are told and left out. FOLDER gets the files and the index.

The index is a table with tabs: file, traits, hidden, source, shows. A folder of your own needs ``index.tsv`` with the
same columns; `python -m tests.quality --material FOLDER` measures it. The traits say what is known of a file:

film, sound   what it is; otherwise it is a still
open          the mouth is open or shows teeth in the source
beard, small, glasses   there is a beard; the face is small (below 130 px); there are glasses
group         several people, of whom one speaks
art           drawn, carved or masked: to be moved well, or warned of, or refused
nobody        no human face: to be refused
unread        both detectors read an open mouth as closed there: whether it follows is judged by eye, and not counted
roll=90       the face is turned clockwise by so many degrees
hidden        is a column: the seconds of the source in which something is before the mouth (``2.9-5.6``)
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.quality import recipes

LIST = Path(__file__).with_name("material.tsv")


@dataclass(frozen=True, slots=True)
class Item:
    """One file of the material and what is known of it."""

    file: str
    traits: frozenset[str]
    hidden: tuple[float, float] | None
    source: str
    shows: str

    @property
    def roll(self) -> int:
        """Clockwise turn of the face, in degrees."""
        return next((int(trait[5:]) for trait in self.traits if trait.startswith("roll=")), 0)


def listed(index: Path) -> list[Item]:
    """Read an index."""
    with index.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row and row[0][0] != "#"]
    return [Item(file, frozenset(traits.split()), _range(hidden), source, shows)
            for file, traits, hidden, source, shows in rows]  # fmt: skip


def main() -> int:
    """Gather everything that can be had; say what cannot, and end with 1 then."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.material", description=__doc__)
    parser.add_argument("clones", type=Path, help="folder with the repositories")
    parser.add_argument("folder", type=Path, help="where the files go")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    items, missed = listed(LIST), 0
    for item in sorted(items, key=lambda item: item.source.startswith("made ")):
        try:
            _bring(item, options.clones, options.folder)
        except (OSError, subprocess.CalledProcessError, ImportError) as error:
            missed += 1
            print(f"{item.file}: {error}", file=sys.stderr)
    (options.folder / "index.tsv").write_text(LIST.read_text(encoding="utf-8"), encoding="utf-8")
    return 1 if missed else 0


def _bring(item: Item, clones: Path, folder: Path) -> None:
    """Copy a file from its repository, or make it."""
    target = folder / item.file
    if target.exists():
        return
    if item.source.startswith("made "):
        recipe, *given = item.source.split()[1:]
        getattr(recipes, recipe)(folder, target, *given)
        return
    repository, path = item.source.split(":", 1)
    clone = clones / repository.split("/")[1]
    shown = subprocess.run(["git", "-C", clone, "show", f"HEAD:{path}"], check=True, capture_output=True)
    target.write_bytes(shown.stdout)


def _range(text: str) -> tuple[float, float] | None:
    first, _, last = text.partition("-")
    return (float(first), float(last)) if text else None


if __name__ == "__main__":
    sys.exit(main())
