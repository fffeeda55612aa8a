"""The measures of the house, as numbers: `python -m tests.house`. It exits with 1 if one is above its ceiling."""

import ast
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "lipsync_nodes"
ADAPTERS = ["lipsync_nodes_comfyui", "lipsync_nodes_airflow", "lipsync_nodes_pluggy", "lipsync_nodes_mcp"]
PACKAGES = ["lipsync_nodes", *ADAPTERS]
# What adapters, the command line and examples may import of ours, besides themselves. The sandbox is a program.
FACES = {"lipsync_nodes", "lipsync_nodes.host", "lipsync_nodes.sandbox", "lipsync_nodes.cli"}
BESIDE = ("cli", "sandbox", "pytest_plugin", "perception", "checks", "agents")  # programs, and what an extra brings
WEBHOOKS = (
    "webhooks/*.py",
    "ledger/_webhook*.py",
    "ledger/_tokens.py",
    "cli/webhook.py",
)


def lines(files):
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def circle():
    """Return the modules of one import circle; imports that only a type checker follows do not count."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def floors():
    """Return the floors, the lowest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (one for one in settings["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    return contract["layers"][::-1]


def rooms():
    """Return the lines of each room, `host`, `errors` and the like included."""
    single = {file.stem: lines([file]) for file in CORE.glob("*.py")}
    packages = [file.parent for file in CORE.glob("*/__init__.py")]
    folders = {folder.name: lines(folder.rglob("*.py")) for folder in packages}
    return dict(sorted((single | folders).items()))


def imports_beyond():
    """Return what hosts, the command line and examples import of the core, past its faces."""
    found = []
    for folder in (ROOT / "adapters", CORE / "cli", ROOT / "examples"):
        for file in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                module = getattr(node, "module", None) or ""
                ours = isinstance(node, ast.ImportFrom) and module.split(".")[0] == "lipsync_nodes"
                if ours and module not in FACES and not module.startswith("lipsync_nodes.cli."):
                    found.append(f"{file.relative_to(ROOT)}: {module}")
    return found


def measures():
    """Return each measure: its name, the number, the target, the ceiling until that is reached, and what is beyond."""
    core = sum(count for room, count in rooms().items() if room not in BESIDE)
    webhooks = lines(file for pattern in WEBHOOKS for file in CORE.glob(pattern))
    prefect = lines((ROOT / "examples/prefect").glob("*.py"))
    mcp = lines((ROOT / "adapters/lipsync_nodes_mcp").rglob("*.py"))
    beyond, cycle = imports_beyond(), circle()
    yield "modules in an import circle", len(cycle), 0, 0, " → ".join(cycle)
    yield "floors", len(floors()), 10, 10, ""
    yield "imports past the two faces", len(beyond), 0, 0, "; ".join(beyond)
    yield "lines of the core without its programs and extras", core, 5_200, 14_400, ""
    yield "lines of webhooks", webhooks, 550, 710, ""
    yield "lines of a fourth host (examples/prefect)", prefect, 80, 80, ""
    yield "lines of the MCP server", mcp, 250, 250, ""


def main():
    """Print the floors, the lines of each room and the measures."""
    for number, floor in enumerate(floors(), 1):
        print(f"floor {number:2}  {floor}")
    print()
    for room, count in rooms().items():
        print(f"{count:6,}  {room}")
    print()
    kept = True
    for name, number, target, ceiling, beyond in measures():
        kept &= number <= ceiling
        verdict = "ok" if number <= target else "above the target" if number <= ceiling else "ABOVE THE CEILING"
        print(f"{name}: {number:,}, target {target:,}: {verdict} {beyond}".rstrip())
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
