"""Measure this package beside its peers: `python -m tests.bench [NAME …]`.

Prints a table for each measure and writes it to RESULTS.md beside this file; the tables of other measures stay there.
The first run makes an environment with the peers. It exits with 1 if a target is missed.
"""

import argparse
import datetime as dt
import os
import platform
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from tests.bench.frame import PEERS, peers

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
NAMES = sorted(path.stem for path in HERE.glob("*.py") if not re.match("_|test_|frame", path.stem))
HEAD = ("measure", "ours", "peer", "theirs", "ratio", "target", "")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(NAMES)}. Default: all")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no measure {', '.join(sorted(unknown))}")
    missed = False
    for name in options.names or NAMES:
        module = import_module(f"tests.bench.{name}")
        rows = list(module.rows())
        missed |= any(row.missed for row in rows)
        section = "\n\n".join((f"## {name}", module.__doc__.strip(), conditions(), table(rows)))
        print(section + "\n", flush=True)
        write(options.results, name, section)
    return 1 if missed else 0


def table(rows):
    """Return a Markdown table, its columns aligned."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
             for line in cells]  # fmt: skip
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def conditions():
    """Return when and on what a measure was made."""
    at = dt.datetime.now(dt.UTC)
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{at:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {processor()}, Python {platform.python_version()}{busy}."


def processor():
    file = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", file.read_text()) if file.is_file() else None
    return found[1] if found else platform.processor() or platform.machine()


def versions():
    """Return the versions in the peers' environment."""
    wanted = ["lipsync-nodes", "httpx", "httpcore", "anyio", "pydantic", "click", "rich", *PEERS]
    code = "import sys; from importlib.metadata import version\nfor name in sys.argv[1:]: print(name, version(name))"
    return subprocess.run([peers(), "-c", code, *wanted], capture_output=True, text=True, check=True).stdout.split("\n")


def write(file, name, section):
    """Replace one section of the results, and the versions above all."""
    old = file.read_text(encoding="utf-8") if file.is_file() else ""
    sections = {part.split("\n", 1)[0]: f"## {part.strip()}" for part in re.split(r"(?m)^## ", old)[1:]}
    sections[name] = section
    kept = [sections[name] for name in NAMES if name in sections]
    head = (
        "# Results of `python -m tests.bench`\n\nIn the same environment: " + ", ".join(filter(None, versions())) + "."
    )
    file.write_text("\n\n".join([head, *kept]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
