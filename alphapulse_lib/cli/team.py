"""Commands about what a team shares through its hub: comments, schedules, notifications."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import alphapulse_lib as ap
from alphapulse_lib.cli.options import Json, Params
from alphapulse_lib.cli.say import as_value, pairs, say, say_json, say_table
from alphapulse_lib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.model.comment import Comment
    from alphapulse_lib.session.schedules import SessionSchedule

__all__ = ["comments", "notifications", "schedule", "share", "shares"]

schedule = typer.Typer(
    no_args_is_help=True, help="Notebooks that run at set times, signed in or not.", rich_markup_mode=None
)

Id = Annotated[str, typer.Argument(help="A schedule's id, or the beginning of one.")]


def comments(
    target: Annotated[str, typer.Argument(help="run:ID, notebook:PATH, instrument:SYMBOL or article:ID.")],
    write: Annotated[str | None, typer.Option(help="Write this comment, in Markdown.")] = None,
    reply: Annotated[str | None, typer.Option(metavar="ID", help="The comment that it answers.")] = None,
    edit: Annotated[str | None, typer.Option(metavar="ID", help="The comment of yours that --write replaces.")] = None,
    delete: Annotated[str | None, typer.Option(metavar="ID", help="Take this comment of yours out of sight.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """Read the comments on something, write one, or change or delete one of your own."""
    named = {"--reply": reply, "--edit": edit, "--delete": delete}
    asked = [name for name, value in named.items() if value is not None]
    if len(asked) > 1:
        raise InputError(f"{' and '.join(asked)} do different things.", "Give one of them.")
    if asked in (["--reply"], ["--edit"]) and write is None:
        raise InputError(f"{asked[0]} {named[asked[0]]} says nothing.", "Give the words, too: --write TEXT.")
    if delete is not None and write is not None:
        raise InputError(
            "--delete takes no words.", "Leave --write away, or replace the words: --edit ID --write TEXT."
        )
    about = ap.comments(target)
    if delete is not None:
        found = [about.delete(delete)]
    elif edit is not None and write is not None:
        found = [about.edit(edit, write)]
    else:
        found = [about.write(write, parent=reply)] if write is not None else about.newest(limit)
    if as_json:
        say_json(asdict(found[0]) if asked or write is not None else [asdict(each) for each in found])
        return
    for each in found:
        say(_told(each))
    if not found:
        say(f"Nobody has said anything about {about.target} yet.")


def notifications(
    unread: Annotated[bool, typer.Option("--unread", help="Only those that were not marked as read.")] = False,
    read: Annotated[bool, typer.Option("--read", help="Mark all as read after they are listed.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """What you were told: mentions, answers, scheduled notebooks that finished or failed."""
    told = ap.notifications(unread=unread)
    found = list(told.newest(limit))
    if as_json:
        say_json([asdict(each) for each in found])
    else:
        for each in found:
            say(f"{each.id}  {each.created_at:%Y-%m-%d %H:%M} UTC  {each.text}{'' if each.read_at else ' (new)'}")
        if not found:
            say("Nothing new." if unread else "Nothing. It tells of mentions, answers and scheduled notebooks.")
    if read:
        told.read()


def share(
    what: Annotated[
        str, typer.Argument(help="run:ID, or the beginning of the id; notebook:PATH; dashboard:ID,ID of runs.")
    ],
    whom: Annotated[str, typer.Argument(help="A person's name, a group as @desk, or '*': everybody who signed in.")],
    code: Annotated[bool, typer.Option(help="Whether a notebook's page has its code.")] = True,
    as_json: Json = False,
) -> None:
    """Let somebody see a run of your own, a notebook with its outputs as they are now, or runs side by side."""
    made = ap.share(what, whom, code=code)
    if as_json:
        say_json(asdict(made))
    else:
        say(f"The {made.kind} {made.subject} is shared with {made.whom}.")
        say(f"To take it back: alphapulse shares --take-back {made.id}")


def shares(
    take_back: Annotated[str | None, typer.Option(metavar="ID", help="End this share of yours.")] = None,
    as_json: Json = False,
) -> None:
    """What you share, and what is shared with you; or take a share back."""
    if take_back is None:
        _say_frame(ap.shares().frame(), "shares", as_json)
        return
    ap.shares().take_back(take_back)
    if as_json:
        say_json({"id": take_back, "taken_back": True})
    else:
        say(f"Share {take_back} is taken back.")


@schedule.command("list")
def list_schedules(
    owner: Annotated[str | None, typer.Option(help="Only this person's.")] = None, as_json: Json = False
) -> None:
    """One's own schedules and one's team's, the newest first."""
    _say_frame(ap.schedules(owner).frame(), "schedules", as_json)


@schedule.command()
def add(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="[NOTEBOOK] CRON",
            help="A notebook's path in the workspace, such as backtests/sma.ipynb, unless --dataset is given; then "
            "minute hour day month weekday, as in '0 7 * * 1-5'.",
        ),
    ],
    dataset: Annotated[
        str, typer.Option(help="In place of a notebook: a vendor's dataset declared in catalog/*.yaml.")
    ] = "",
    timezone: Annotated[str, typer.Option(help="Whose clock cron reads.")] = "UTC",
    param: Params = None,
    catch_up: Annotated[
        Literal["latest", "all", "none"],
        typer.Option(help="Which missed slots are made up for."),
    ] = "latest",
    overlap: Annotated[
        Literal["skip", "queue"], typer.Option(help="What becomes of a slot while the last firing still runs.")
    ] = "skip",
    timeout: Annotated[int, typer.Option(help="Seconds after which a notebook that still runs is ended.")] = 3600,
    output: Annotated[str | None, typer.Option(help="Where executed notebooks go in the workspace.")] = None,
    as_json: Json = False,
) -> None:
    """Schedule a notebook of one's own workspace, or the update of a dataset."""
    if len(what) != (1 if dataset else 2):
        raise InputError(
            f"{len(what)} arguments arrived: {' '.join(what)}.",
            "A notebook and a cron between quotes, or --dataset and a cron alone: "
            "alphapulse schedule add --dataset us-daily '30 18 * * 1-5'.",
        )
    made = ap.schedule(
        "" if dataset else what[0],
        what[-1],
        dataset=dataset,
        timezone=timezone,
        parameters={name: as_value(text) for name, text in pairs(param).items()},
        catch_up=catch_up,
        overlap=overlap,
        timeout=timeout,
        output=output,
    )
    _show(made, as_json)


@schedule.command()
def change(
    schedule_id: Id,
    notebook: Annotated[str | None, typer.Option(help="Another notebook of the workspace.")] = None,
    cron: Annotated[str | None, typer.Option(help="Minute hour day month weekday.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Whose clock cron reads.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="NAME=VALUE, several times; they replace all that it had."),
    ] = None,
    catch_up: Annotated[
        Literal["latest", "all", "none"] | None, typer.Option(help="Which missed slots are made up for.")
    ] = None,
    overlap: Annotated[
        Literal["skip", "queue"] | None, typer.Option(help="What becomes of a slot while the last firing still runs.")
    ] = None,
    timeout: Annotated[int | None, typer.Option(help="Seconds after which a notebook is ended.")] = None,
    output: Annotated[str | None, typer.Option(help="Where executed notebooks go in the workspace.")] = None,
    as_json: Json = False,
) -> None:
    """Change what is named of a schedule."""
    changes: dict[str, object] = {
        "notebook": notebook,
        "cron": cron,
        "timezone": timezone,
        "parameters": None if param is None else {name: as_value(text) for name, text in pairs(param).items()},
        "catch_up": catch_up,
        "overlap": overlap,
        "timeout": timeout,
        "output": output,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        raise InputError("Nothing was named that should change.", "Such as --cron '0 8 * * 1-5'.")
    _show(ap.schedules()[schedule_id].change(**given), as_json)


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
        becomes = f"its notebook will be {firing.output}" if firing.output else f"it asks for {firing.dataset}"
        say(f"Firing {firing.id} is {firing.state}; {becomes}.")


@schedule.command()
def cancel(
    schedule_id: Id,
    firing_id: Annotated[str, typer.Argument(help="A firing's id, or the beginning of one.")],
    as_json: Json = False,
) -> None:
    """End a firing: at once while it waits, within seconds while it runs."""
    firing = ap.schedules()[schedule_id].cancel(firing_id)
    if as_json:
        say_json(asdict(firing))
    else:
        say(f"Firing {firing.id} is {firing.state if firing.ended_at else 'being ended'}.")


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


def _say_frame(frame: pd.DataFrame, which: Literal["shares", "schedules"], as_json: bool) -> None:
    """Write a table the way its kind is told."""
    if as_json or frame.empty:
        say_table(frame, as_json)
        return
    from alphapulse_lib.views import tables

    say(getattr(tables, which)(frame))
