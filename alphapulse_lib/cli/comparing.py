"""Commands that hold runs against each other: again, apart, side by side."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Annotated, Any

import typer

import alphapulse_lib as ap
from alphapulse_lib.cli.options import Json
from alphapulse_lib.cli.say import NEEDS_A_LOOK, say, say_json, width
from alphapulse_lib.model.canonical import to_json

__all__ = ["check_lookahead", "compare", "convention_spread", "diff", "rerun"]

RunId = Annotated[str, typer.Argument(help="A run's id, or the beginning of one.")]


def rerun(
    run_id: RunId,
    strategy: Annotated[
        str | None, typer.Option(help="Run this one instead: SmaCross, module:Class or file.py:Class.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a recorded run again, and say whether it is identical; exit code 3 where it is not."""
    with contextlib.redirect_stdout(sys.stderr):  # what a strategy prints is no part of the result
        made = ap.rerun(run_id, strategy=strategy, progress=sys.stderr.isatty())
    if as_json:
        say_json({"run": made.run.id, "of": made.original.id} | _told(made.diff))
    else:
        say(made.text)
    raise typer.Exit(0 if made.identical else NEEDS_A_LOOK)


def diff(one: RunId, other: RunId, as_json: Json = False) -> None:
    """Where two runs differ first, and what follows of it; exit code 3 where anything does."""
    found = ap.diff(one, other)
    if as_json:
        say_json({"one": found.one.id, "other": found.other.id} | _told(found))
    else:
        say(found.text)
    raise typer.Exit(NEEDS_A_LOOK if found.all else 0)


def compare(
    run_ids: Annotated[list[str], typer.Argument(help="Two or more runs' ids, or the beginnings of them.")],
    as_json: Json = False,
) -> None:
    """Runs side by side: what their specs do not share is marked with a star."""
    found = ap.compare(run_ids)
    if not as_json:
        say(found.within(width() if sys.stdout.isatty() else None))
        return
    results = [json.loads(to_json(each.record)) for each in found.runs]
    say_json({"differing": found.differing, "runs": results})


def convention_spread(run_id: RunId, as_json: Json = False) -> None:
    """Run a run's spec under every fill convention: the range that this alone makes; exit code 3 where it is wide."""
    with contextlib.redirect_stdout(sys.stderr):  # what a strategy prints is no part of the result
        found = ap.convention_spread(run_id, progress=sys.stderr.isatty())
    if as_json:
        low, high = found.range
        told = {"of": found.run.id, "lowest": low, "highest": high, "wide": found.wide, "why_wide": found.why_wide}
        say_json(told | {"conventions": json.loads(found.frame.to_json(orient="records"))})
    else:
        say(found.text)
    raise typer.Exit(NEEDS_A_LOOK if found.wide else 0)


def check_lookahead(
    run_id: RunId,
    at: Annotated[int, typer.Option(help="After how many moments everything is replaced.", min=1)] = 9,
    as_json: Json = False,
) -> None:
    """Whether a recorded run decides anything by what it could not have known; exit code 3 where it does."""
    with contextlib.redirect_stdout(sys.stderr):  # what a strategy prints is no part of the result
        found = ap.check_lookahead(ap.run(run_id), at=at, progress=sys.stderr.isatty())
    if as_json:
        told = {"of": found.run.id, "passed": found.passed, "moments": len(found.moments)}
        leaks = json.loads(found.frame.to_json(orient="records", date_format="iso"))
        say_json(told | {"leaks": leaks, "unproven": found.unproven, "outside": found.outside})
    else:
        say(found.text)
    raise typer.Exit(0 if found.passed else NEEDS_A_LOOK)


def _told(found: Any) -> dict[str, Any]:
    return {"identical": found.identical, "differences": found.frame.to_dict("records")}
