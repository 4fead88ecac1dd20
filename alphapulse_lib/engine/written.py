"""What a strategy's source itself says of what was to come: tables, long texts and dates, and modules imported late.

A table that is written in a function is no global, so no walk over what the class captured finds it, and nothing
replaces it: it is named, as what was captured is. So is a module of the workspace that a function imports while it
runs, and that is not loaded where the question is asked.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from alphapulse_lib.engine.captured import LONG, MANY, is_data
from alphapulse_lib.engine.late import own_file
from alphapulse_lib.engine.source import ELSEWHERE

__all__ = ["written_data"]

type _Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DISPLAYS = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set", ast.Dict: "mapping"}
#: How a query begins, whose length tells nothing, and who is told what a person reads.
_QUERIES = ("select", "from", "with", "describe")
_SAYING = ("log.", "warnings.", "logging.")


def written_data(code: Mapping[str, str], since: int, whole: bool = False) -> list[str]:
    """What functions say in their own text, and import late, that may know what lies after a run's beginning.

    Parameters
    ----------
    code : mapping of str to str
        By its name, the source of each class, function and module, and what Python shows of each captured value.
    since : int
        When the run begins, nanoseconds since 1970, UTC.
    whole : bool
        Look at what lies outside of functions, and at captured values, too: of a class that is not loaded nothing else
        tells them.
    """
    found: dict[str, None] = {}
    for name, text in code.items():
        try:
            tree = ast.parse(textwrap.dedent(text))
        except (SyntaxError, ValueError, RecursionError):  # a value that Python shows otherwise than it is written
            if whole and (len(text) >= LONG or is_data(text, since)):
                found[name] = None
            continue
        if len(tree.body) == 1 and isinstance(shown := tree.body[0], ast.Expr):
            if whole and any(_data(shown.value, since)):
                found[name] = None
            continue
        found |= dict.fromkeys(f"{each} in {name}" for each in _of(tree, since, whole))
        found |= dict.fromkeys(
            f"the module {module}, which {name} imports while it runs," for module in _late(tree, whole)
        )
    return [*found]


def _of(node: ast.AST, since: int, inside: bool) -> Iterator[str]:
    """What is written below a node; outside of functions nothing unless told."""
    for each in ast.iter_child_nodes(node):
        within = inside or isinstance(each, _FUNCTIONS)
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
            continue  # a docstring
        if isinstance(each, ast.Raise | ast.Assert | ast.JoinedStr) or _is_said(each):
            continue  # what a person is told
        told = [*_data(each, since)] if inside and isinstance(each, ast.expr) else []
        yield from told or _of(each, since, within)


def _is_said(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    return called == "print" or any(called.startswith(each) or f".{each}" in called for each in _SAYING)


def _data(node: ast.expr, since: int) -> Iterator[str]:
    """What an expression is, where it is data."""
    line = f"line {node.lineno}"
    if kind := _DISPLAYS.get(type(node)):
        elements = len(getattr(node, "elts", getattr(node, "keys", ())))
        numbers = sum(isinstance(each, ast.Constant) and _is_number(each.value) for each in ast.walk(node))
        if max(elements, numbers) >= MANY:
            yield f"the {kind} of {max(elements, numbers)} values on {line}"
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if is_data(node.value, since) and not node.value.lstrip().lower().startswith(_QUERIES):
            yield f"the text {node.value[:20]!r}{' ...' if len(node.value) > 20 else ''} on {line}"
    elif isinstance(node, ast.Constant):
        if is_data(node.value, since):
            yield f"the value on {line}"
    elif isinstance(node, ast.Call) and (day := _day(node)) and is_data(day, since):
        yield f"the date {day} on {line}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex) and not isinstance(value, bool)


def _day(call: ast.Call) -> str:
    """The day that a call such as ``date(2012, 3, 4)`` makes; empty of any other."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name not in ("date", "datetime", "Timestamp") or len(call.args) < 3:
        return ""
    with suppress(ValueError):  # it is computed
        year, month, day, *_ = (ast.literal_eval(each) for each in call.args)
        return f"{year:04}-{month:02}-{day:02}"
    return ""


def _late(tree: ast.AST, whole: bool) -> Iterator[str]:
    """The workspace's modules that functions import, and that are not loaded here."""
    functions = [each for each in ast.walk(tree) if isinstance(each, _FUNCTIONS)]
    nodes = [each for function in functions for each in ast.walk(function)]
    names = [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    for name in dict.fromkeys(names):
        if (whole or name not in sys.modules) and own_file(name, ELSEWHERE):
            yield name
