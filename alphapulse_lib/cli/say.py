"""What the command says, as text or as JSON, and how it ends."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from alphapulse_lib.errors import AlphaPulseError, InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COULD_NOT",
    "INTERRUPTED",
    "NEEDS_A_LOOK",
    "WRONG_CALL",
    "as_commands",
    "as_options",
    "as_value",
    "pairs",
    "say",
    "say_json",
    "say_records",
    "say_rows",
    "say_table",
    "say_warning",
    "width",
]

#: Rows that a terminal is shown of a long table.
_ROWS = 60

COULD_NOT, WRONG_CALL, NEEDS_A_LOOK, INTERRUPTED = 1, 2, 3, 130


def say(text: str, *, to_error: bool = False) -> None:
    """Write a line.

    Raises
    ------
    AlphaPulseError
        It cannot be written, as where a disk is full; whoever reads no further ends the command without a word.
    """
    try:
        typer.echo(text, err=to_error)
    except BrokenPipeError:
        raise
    except OSError as refused:
        raise AlphaPulseError(
            f"The answer cannot be written: {refused.strerror}.",
            "What was done is done; a run that was made is in `alphapulse runs`.",
        ) from None


def say_json(value: Any) -> None:
    """Write a value as JSON, its times in ISO 8601."""
    say(json.dumps(value, default=_plain, indent=1))


def say_table(frame: pd.DataFrame, as_json: bool, least: Sequence[str] = ()) -> None:
    """Write a table; where somebody looks, of a long one the two ends, and of a wide one not the least telling columns.

    Parameters
    ----------
    least : sequence of str
        Those columns, the least telling first.
    """
    if as_json:
        say_records(list(map(str, frame.columns)), frame.itertuples(index=False, name=None))
    elif frame.empty:
        say(f"Nothing. It would show {', '.join(map(str, frame.columns))}.")
    else:
        from alphapulse_lib.views import tables

        say(tables.frame(frame, _ROWS, least, width()) if sys.stdout.isatty() else tables.frame(frame))


def width() -> int:
    """Characters of a line: the terminal's, where somebody looks, but no more than most terminals show."""
    from alphapulse_lib.views import tables

    unknown = (tables.WIDTH, 24)
    return min(shutil.get_terminal_size(unknown).columns, tables.WIDTH) if sys.stdout.isatty() else tables.WIDTH


def say_rows(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
    """Write a table whose columns nobody knows beforehand; of a long one, where somebody looks, the two ends."""
    from alphapulse_lib.views import tables

    if columns and len(columns[0]):
        say(tables.answer(names, columns, _ROWS if sys.stdout.isatty() else None))
    else:
        say(f"Nothing. It would show {', '.join(names)}.")


def say_records(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as JSON without losing a digit."""
    from alphapulse_lib.views.records import records

    say(records(names, rows))


def say_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Write a warning as one line of standard error."""
    say(f"warning: {' '.join(str(message).split())}", to_error=True)


def pairs(texts: list[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` arguments as a mapping.

    Raises
    ------
    InputError
        One of them has no ``=``, or two are of one name.
    """
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise InputError(f"{text!r} is not NAME=VALUE.", "Such as fast=10.")
        if name in found:
            raise InputError(f"{name} is given twice: {found[name]} and {value}.", "Say it once.")
        found[name] = value
    return found


def as_value(text: str) -> Any:
    """A parameter as JSON reads it (numbers, true, lists), else the text itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


#: Of a call, which stays as it is, nothing is an option.
_ARGUMENT = re.compile(r"\bap\.[a-z_]+\([^()]*\)|\b([a-z_]+)=('[^']*'|\w+(?:\.\w+)*)")


def as_options(advice: str, options: Collection[str]) -> str:
    """Advice about arguments of ``ap.*`` in the words of a command that has such options.

    Examples
    --------
    >>> as_options("Say venue='XNAS', or columns={...}. Or gaps='allow', adjusted=False.", ["--venue", "--no-adjusted"])
    "Say --venue XNAS, or columns={...}. Or gaps='allow', --no-adjusted."
    >>> as_options("Say ap.rerun('1f', strategy=Mine), or strategy='a.py:Mine'.", ["--strategy"])
    "Say ap.rerun('1f', strategy=Mine), or --strategy a.py:Mine."
    """

    def option(found: re.Match[str]) -> str:
        if not found[1]:
            return found[0]
        name, value = found[1].replace("_", "-"), found[2]
        if value in ("True", "False"):
            written = f"--{'' if value == 'True' else 'no-'}{name}"
            return written if written in options else found[0]
        return f"--{name} {shlex.quote(value.strip("'"))}" if f"--{name}" in options else found[0]

    return _ARGUMENT.sub(option, advice)


_CALL = re.compile(r"\bap\.([a-z_]+)\(\)")


def as_commands(advice: str, commands: Collection[str]) -> str:
    """Advice to call a function of ``ap`` without arguments in the words of the command line, where it has that.

    Examples
    --------
    >>> as_commands("ap.instruments() lists them; ap.ingests() does not.", ["instruments"])
    '`alphapulse instruments` lists them; ap.ingests() does not.'
    >>> as_commands("`alphapulse runs`, or ap.runs(), lists them.", ["runs"])
    '`alphapulse runs`, or ap.runs(), lists them.'
    """

    def command(found: re.Match[str]) -> str:
        told = f"`alphapulse {found[1].replace('_', '-')}`"
        return told if found[1].replace("_", "-") in commands and told not in advice else found[0]

    return _CALL.sub(command, advice)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
