"""Commands about what a team shares through its hub: comments and schedules."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import alphapulse_lib as ap
from alphapulse_lib.cli.options import Json, Params
from alphapulse_lib.cli.say import as_value, pairs, say, say_json, say_table
from alphapulse_lib.errors import InputError

if TYPE_CHECKING:
    from alphapulse_lib.model.comment import Comment
    from alphapulse_lib.session.schedules import SessionSchedule

__all__ = ["comments", "schedule"]

schedule = typer.Typer(
    no_args_is_help=True, help="Notebooks that run at set times, signed in or not.", rich_markup_mode=None
)

Id = Annotated[str, typer.Argument(help="A schedule's id, or the beginning of one.")]


def comments(
    target: Annotated[str, typer.Argument(help="run:ID, notebook:PATH, instrument:SYMBOL or article:ID.")],
    write: Annotated[str | None, typer.Option(help="Write this comment, in Markdown.")] = None,
    reply: Annotated[str | None, typer.Option(help="The id of the comment that it answers.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """Read the comments on something, or write one."""
    if reply is not None and write is None:
        raise InputError(f"--reply {reply} answers nothing.", "Give the words, too: --write TEXT.")
    about = ap.comments(target)
    found = [about.write(write, parent=reply)] if write is not None else about.newest(limit)
    if as_json:
        say_json(asdict(found[0]) if write is not None else [asdict(each) for each in found])
        return
    for each in found:
        say(_told(each))
    if not found:
        say(f"Nobody has said anything about {about.target} yet.")


@schedule.command("list")
def list_schedules(
    owner: Annotated[str | None, typer.Option(help="Only this person's.")] = None, as_json: Json = False
) -> None:
    """The team's schedules, the newest first."""
    say_table(ap.schedules(owner).frame(), as_json)


@schedule.command()
def add(
    notebook: Annotated[str, typer.Argument(help="Its path in the workspace, such as backtests/sma.ipynb.")],
    cron: Annotated[str, typer.Argument(help="Minute hour day month weekday, as in '0 7 * * 1-5'.")],
    timezone: Annotated[str, typer.Option(help="Whose clock cron reads.")] = "UTC",
    param: Params = None,
    catch_up: Annotated[
        Literal["skip", "last", "all"],
        typer.Option(help="Which missed slots are made up for."),
    ] = "last",
    overlap: Annotated[
        Literal["skip", "queue"], typer.Option(help="What becomes of a slot while the last firing still runs.")
    ] = "skip",
    timeout: Annotated[int, typer.Option(help="Seconds after which a notebook that still runs is ended.")] = 3600,
    output: Annotated[str | None, typer.Option(help="Where executed notebooks go in the workspace.")] = None,
    as_json: Json = False,
) -> None:
    """Schedule a notebook of one's own workspace."""
    made = ap.schedule(
        notebook,
        cron,
        timezone=timezone,
        parameters={name: as_value(text) for name, text in pairs(param).items()},
        catch_up=catch_up,
        overlap=overlap,
        timeout=timeout,
        output=output,
    )
    _show(made, as_json)


@schedule.command()
def show(schedule_id: Id, as_json: Json = False) -> None:
    """One schedule: when it fires next, how it went last."""
    _show(ap.schedules()[schedule_id], as_json)


@schedule.command()
def pause(schedule_id: Id, as_json: Json = False) -> None:
    """Let no slot fire until it is resumed."""
    _show(ap.schedules()[schedule_id].pause(), as_json)


@schedule.command()
def resume(schedule_id: Id, as_json: Json = False) -> None:
    """Fire again from now on."""
    _show(ap.schedules()[schedule_id].resume(), as_json)


@schedule.command()
def fire(schedule_id: Id, as_json: Json = False) -> None:
    """Fire now, beside the timetable."""
    firing = ap.schedules()[schedule_id].fire()
    if as_json:
        say_json(asdict(firing))
    else:
        say(f"Firing {firing.id} is {firing.state}; its notebook will be {firing.output}.")


@schedule.command()
def delete(schedule_id: Id, as_json: Json = False) -> None:
    """Take a schedule away; its firings stay readable."""
    found = ap.schedules()[schedule_id]
    found.delete()
    if as_json:
        say_json({"id": found.id, "deleted": True})
    else:
        say(f"Schedule {found.id} is gone.")


@schedule.command()
def firings(
    schedule_id: Id,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """Each time that a schedule fired or should have."""
    say_table(ap.schedules()[schedule_id].firings(limit), as_json)


def _told(each: Comment) -> str:
    answer = f" to {each.parent}" if each.parent else ""
    words = "(deleted)" if each.deleted else each.body
    head = f"{each.id}  {each.author}{answer}, {each.created_at:%Y-%m-%d %H:%M} UTC"
    return "\n".join([head, *(f"  {line}" for line in words.splitlines())])


def _show(found: SessionSchedule, as_json: bool) -> None:
    if as_json:
        say_json(asdict(found.value))
    else:
        say(str(found))
