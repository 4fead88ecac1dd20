"""The `alphapulse` command: what `ap.*` does, from a terminal. Every answer is also had as ``--json``.

Exit codes: 0 done; 1 could not be done (a refusal, a run that failed, a run, symbol or import that is
not held); 2 the call itself is wrong; 3 done, but something needs a look (rows set aside by an import,
problems found by a check, a rerun that is not identical, a wide convention spread); 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from alphapulse_lib.cli import backtests, comparing, data, hub, market, sweeps, team
from alphapulse_lib.cli.say import COULD_NOT, INTERRUPTED, WRONG_CALL, as_commands, as_options, say, say_warning
from alphapulse_lib.errors import (
    AlphaPulseError,
    InputError,
    QueryError,
    RunInterrupted,
    StoppedWaiting,
    UnknownImport,
    UnknownRun,
    UnknownSymbol,
)

__all__ = ["app", "run"]


class _Commands(TyperGroup):
    """All commands; what is wrong with an argument is told without the name of what found it."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except typer.BadParameter as wrong:
            wrong.message = _in_our_words(wrong)
            raise


def _in_our_words(wrong: typer.BadParameter) -> str:
    """What is wrong with an argument, with the value that arrived, which Typer's own message leaves out."""
    message = wrong.message.removeprefix("Value error, ")
    found: Any = wrong.__cause__
    if not message.startswith("Input should ") or not hasattr(found, "errors"):
        return message
    given = repr(found.errors()[0]["input"])[:60]
    return f"{given}{message.removeprefix('Input').partition(', unable to ')[0]}."


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=__doc__,
    rich_markup_mode=None,
)

#: Every command, in the order in which the help lists them.
_COMMANDS = (
    *(hub.up, hub.down, hub.reset, hub.backup, hub.restore, hub.status, hub.doctor, hub.token),
    *(data.ingest, data.revert, data.publish, data.quarantine, data.release, data.flags),
    *(data.instruments, data.universe, data.coverage, data.check),
    *(market.bars, market.prices, market.trades, market.quotes, data.news, data.sentiment, data.sql),
    *(backtests.backtest, sweeps.sweep, sweeps.walk_forward, backtests.runs, backtests.run),
    backtests.tearsheet,
    *(comparing.rerun, comparing.diff, comparing.compare, comparing.check_lookahead, comparing.convention_spread),
    *(team.comments, team.notifications, team.share, team.shares),
)
for _command in _COMMANDS:
    app.command()(_command)
app.add_typer(hub.keys, name="keys")
app.add_typer(team.schedule, name="schedule")


def run() -> None:
    """Run the command; an error is one message on standard error and an honest exit code, a warning is one line."""
    warnings.showwarning = say_warning
    # As of `python -m`, a module beside which the command is typed is found; last, so that it hides no installed one.
    with suppress(OSError):  # the folder was removed
        sys.path += [each for each in [str(Path.cwd())] if each not in sys.path]
    try:
        _whole()()
    except AlphaPulseError as error:
        told = f"{type(error).__name__}: {error}"
        advice = as_commands(as_options(error.hint, _options()), _commands())
        say(f"{told.removesuffix(error.hint)}{advice}", to_error=True)
        sys.exit(_exit_code(error))
    except SystemExit as ended:  # Typer turns an interrupt into this, without a word
        if ended.code == INTERRUPTED:
            say("Interrupted.", to_error=True)
        raise
    except KeyboardInterrupt:
        say("Interrupted.", to_error=True)
        sys.exit(INTERRUPTED)


def _exit_code(error: AlphaPulseError) -> int:
    """What a script is told: whether another call would help, or another state of catalog, ledger or machine."""
    if isinstance(error, RunInterrupted | StoppedWaiting):
        return INTERRUPTED
    if isinstance(error, UnknownImport | UnknownRun | UnknownSymbol | QueryError):
        return COULD_NOT
    return WRONG_CALL if isinstance(error, InputError) else COULD_NOT


@cache
def _whole() -> Any:
    """All of it, made once: that takes a tenth of a second, and advice is about it, too."""
    return typer.main.get_command(app)


def _commands() -> set[str]:
    return set(_whole().commands)


def _options() -> set[str]:
    """The options of the command that was typed."""
    found = _whole()
    for word in sys.argv[1:]:
        if word not in getattr(found, "commands", {}):
            break
        found = found.commands[word]
    return {each for option in found.params for each in (*option.opts, *option.secondary_opts)}
