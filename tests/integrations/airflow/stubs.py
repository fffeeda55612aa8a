"""Writes the types of the operators: `python -m tests.integrations.airflow.stubs`. mypy, pyright and editors read them.

The operators are made from the catalogue when they are imported, so no type checker can see their arguments.
"""

import inspect
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import get_args

from lipsync_nodes.host import CheckMode

STUB = Path(__file__).parents[3] / "adapters" / "lipsync_nodes_airflow" / "_operators.pyi"

HEAD = '''"""The types of the operators, made from the catalogue: `python -m tests.integrations.airflow.stubs`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict

from airflow.sdk import ObjectStoragePath, XComArg
from typing_extensions import Unpack

from lipsync_nodes_airflow.operators import LipsyncOperator

__all__ = {names}

class _Arguments(TypedDict, total=False):
    # of all tasks
    {task}
    # of all operators of ours
    {ours}
'''
OPERATOR = '''
class {name}(LipsyncOperator):
    """{help}."""

    def __init__(
        self,
        *,
        {fields},
        **kwargs: Unpack[_Arguments],
    ) -> None: ...
    @classmethod
    def partial(  # type: ignore[override]
        cls,
        *,
        {mapped},
        **kwargs: Unpack[_Arguments],
    ) -> Any: ...
'''
# The JSON types of fields. A template is a string.
TYPES = {"string": "str", "integer": "int | str", "object": "Mapping[str, Any] | str"}
# What a stub can name without importing more of Airflow.
NAMED = {"None", "Any", "Mapping", "Sequence", "bool", "datetime", "dict", "float", "int", "list", "str", "timedelta"}
CHECK = ", ".join(f'"{mode}"' for mode in get_args(CheckMode))
TIMES = {"timeout", "poll_interval"}


def stub():
    """Return the content of the stub."""
    from airflow.providers.common.compat.sdk import BaseOperator

    from lipsync_nodes.service import CATALOGUE
    from lipsync_nodes_airflow import operators

    made = {cls.spec: cls for cls in vars(operators).values() if hasattr(cls, "spec")}
    task = [f"{one.name}: {annotation(one)}" for one in arguments(BaseOperator) if one.name != "task_id"]
    ours = [f"{one.name}: {option(one)}" for one in arguments(operators.LipsyncOperator)]
    names = ", ".join(sorted(f'"{made[spec].__name__}"' for spec in CATALOGUE))
    head = HEAD.format(names=f"[{names}]", task="\n    ".join(task), ours="\n    ".join(ours))
    return head + "".join(operator(made[spec].__name__, spec) for spec in CATALOGUE)


def arguments(cls):
    parameters = inspect.signature(inspect.unwrap(cls.__init__)).parameters.values()
    return [one for one in parameters if one.kind is one.KEYWORD_ONLY]


def operator(name, spec):
    fields = [f"{one.name}: {field(one)}" + ("" if one.required else " | None = ...") for one in spec.fields]
    mapped = [one if one.endswith("...") else f"{one} = ..." for one in fields]
    lists = {"fields": ["task_id: str", *fields], "mapped": ["task_id: str", *mapped]}
    joined = {kind: ",\n        ".join(lines) for kind, lines in lists.items()}
    return OPERATOR.format(name=name, help=spec.help.rstrip("."), **joined)


def field(spec):
    return f"{TYPES[spec.type]}{' | Path | ObjectStoragePath' if spec.media else ''} | XComArg"


def option(argument):
    """Return the type of an option of ours. A template can also be the result of another task."""
    if argument.name in TIMES:
        return "float | timedelta | str | XComArg | None"
    if argument.name == "check":
        return f"Literal[{CHECK}] | None"
    text = annotation(argument)
    text = re.sub(r"\[str, (float|str)\]", "[str, Any] | str", text)
    return text if text == "bool" else f"XComArg | {text}"


def annotation(argument):
    """Return an annotation as the stub can write it: `Any` for the types of Airflow."""
    given = argument.annotation
    text = given if isinstance(given, str) else inspect.formatannotation(given)
    text = re.sub(r"\bdict\b(?!\[)", "dict[str, Any]", text.replace("datetime.", ""))
    return text if set(re.findall(r"\w+", text)) <= NAMED and text != "Any | None" else "Any"


if __name__ == "__main__":
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp()
    STUB.write_text(stub(), encoding="utf-8")
    subprocess.run([Path(sys.executable).with_name("ruff"), "format", "-q", STUB], check=True)
