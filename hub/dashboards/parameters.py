"""A notebook's parameters as a person writes them: one ``name: value`` a line, in YAML.

YAML as its version 1.2 has it: ``ON`` and ``NO`` are tickers and not truths, ``09:30`` is a time and not a number of
seconds, a date is the text that it is written as.
"""

from __future__ import annotations

import ast
import re
from typing import Any

import yaml

from alphapulse_lib.settings import PROJECT
from hub.dashboards.remote import TroubleError

__all__ = ["NOTEBOOKS", "read", "shipped", "written"]

#: What every workspace gets a copy of.
NOTEBOOKS = PROJECT / "notebooks"

_NUMBER = r"[-+]?(?:0|[1-9][0-9]*)"
_SCALARS = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", rf"^{_NUMBER}$", "-+0123456789"),
    ("float", rf"^(?:{_NUMBER}(?:\.[0-9]*)?|[-+]?\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  filled below, as PyYAML wants it


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


for _kind in (_Loader, _Dumper):
    for _name, _pattern, _first in _SCALARS:
        _kind.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_pattern), list(_first))


def read(text: str) -> dict[str, Any]:
    r"""The parameters that a person wrote.

    Raises
    ------
    TroubleError
        They cannot be read.

    Examples
    --------
    >>> read("symbol: ON\nfast: 10\nstart: 2010-01-04")
    {'symbol': 'ON', 'fast': 10, 'start': '2010-01-04'}
    """
    try:
        found = yaml.load(text, _Loader)  # noqa: S506  a safe loader
    except yaml.YAMLError as wrong:
        place = getattr(wrong, "problem_mark", None)
        where = f" in line {place.line + 1}" if place is not None else ""
        raise TroubleError(f"The parameters cannot be read{where}.", "Write one a line, such as fast: 10") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise TroubleError("The parameters have no names.", "Write one a line, such as fast: 10")
    return {str(name): value for name, value in found.items()}


def written(parameters: dict[str, Any]) -> str:
    """The same as text; `read` gives them back."""
    return "\n".join(f"{_line(name)}: {_line(value)}" for name, value in parameters.items())


def shipped(notebook: str) -> str:
    """The parameters of a notebook that every workspace has a copy of, as they came; empty for any other."""
    from papermill import inspect_notebook

    known = {str(each.relative_to(NOTEBOOKS)) for each in NOTEBOOKS.glob("*/*.ipynb")}
    if notebook not in known:
        return ""
    found = inspect_notebook(str(NOTEBOOKS / notebook))
    return "\n".join(f"{name}: {_default(each['default'])}" for name, each in found.items())


def _default(python: str) -> str:
    """A default, which papermill gives as it stands in the cell."""
    try:
        return _line(ast.literal_eval(python))
    except (ValueError, SyntaxError):
        return python


def _line(value: Any) -> str:
    dumped: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=10_000, allow_unicode=True)
    return dumped.removesuffix("\n").removesuffix("\n...")
