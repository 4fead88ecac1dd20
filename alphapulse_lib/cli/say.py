"""What the command says, as text or as JSON, and how it ends."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from alphapulse_lib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COULD_NOT", "INTERRUPTED", "NEEDS_A_LOOK", "as_value", "pairs", "say", "say_json", "say_table"]

COULD_NOT, NEEDS_A_LOOK, INTERRUPTED = 1, 3, 130


def say(text: str, *, to_error: bool = False) -> None:
    """Write a line."""
    typer.echo(text, err=to_error)


def say_json(value: Any) -> None:
    """Write a value as JSON, its times in ISO 8601."""
    say(json.dumps(value, default=_plain, indent=1))


def say_table(frame: pd.DataFrame, as_json: bool) -> None:
    """Write a table."""
    if as_json:
        say(frame.to_json(orient="records", date_format="iso", date_unit="us", default_handler=str))
    elif frame.empty:
        say(f"Nothing. It would show {', '.join(map(str, frame.columns))}.")
    else:
        say(frame.to_string(index=False, max_rows=None if not sys.stdout.isatty() else 60))


def pairs(texts: list[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` arguments as a mapping.

    Raises
    ------
    InputError
        One of them has no ``=``.
    """
    found = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r} is not NAME=VALUE.")
        found[name.strip()] = value.strip()
    return found


def as_value(text: str) -> Any:
    """A parameter as JSON reads it (numbers, true, lists), else the text itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
