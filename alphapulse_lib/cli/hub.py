"""Commands about the hub itself: started, stopped, looked after, signed in to."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from alphapulse_lib.cli.options import Json
from alphapulse_lib.cli.say import COULD_NOT, say, say_json
from alphapulse_lib.settings import settings

__all__ = ["backup", "doctor", "down", "keys", "reset", "restore", "status", "token", "up"]

keys = typer.Typer(
    no_args_is_help=True, help="Vendors' keys, sealed for the hub's worker alone.", rich_markup_mode=None
)

type Vendor = Annotated[str, typer.Argument(help="Whose keys: alpaca.")]


def up() -> None:
    """Start the hub; Ctrl-C stops it."""
    _hub("up")


def down() -> None:
    """Stop the hub."""
    _hub("down")


def reset() -> None:
    """Remove everything the hub and the catalog keep, after asking."""
    _hub("reset")


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist. It holds passwords and tokens.")],
) -> None:
    """Write all that the hub keeps into one file, also while it is up."""
    _hub("backup", str(file))


def restore(
    file: Annotated[Path, typer.Argument(help="What `alphapulse backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Move aside what is there already.")] = False,
) -> None:
    """Put a backup into an empty ALPHAPULSE_HOME, wholly or not at all."""
    _hub("restore", str(file), *(["--replace"] if replace else []))


def status(as_json: Json = False) -> None:
    """Whether the hub's parts are up: exit code 0 when all are, 1 otherwise."""
    chosen = settings()
    if chosen.api_url and not (chosen.home_root / "run" / "network.json").exists():
        _status_from_afar(as_json)
    _hub("status", *(["--json"] if as_json else []))


def doctor(as_json: Json = False) -> None:
    """Check the installation, and say what mends it: exit code 0 when nothing is wrong, 1 otherwise."""
    _hub("doctor", *(["--json"] if as_json else []))


@keys.command(name="list")
def keys_list() -> None:
    """Which vendors' keys are sealed, and whether any lie in clear; none is shown."""
    _hub("keys", "list")


@keys.command(name="set")
def keys_set(vendor: Vendor) -> None:
    """Seal a vendor's keys: typed unseen, or a line of standard input each."""
    _hub("keys", "set", vendor)


@keys.command(name="remove")
def keys_remove(vendor: Vendor) -> None:
    """Forget a vendor's sealed keys."""
    _hub("keys", "remove", vendor)


@keys.command(name="seal")
def keys_seal() -> None:
    """Seal the keys that lie in clear, in .env or in a restored settings.env, and take them out of there."""
    _hub("keys", "seal")


@keys.command(name="rotate")
def keys_rotate() -> None:
    """Seal all with a new master key; the former ones stay listed behind it, for older backups."""
    _hub("keys", "rotate")


def token(
    user: Annotated[str, typer.Option(help="Whose. Default: the owner of this workspace.")] = "",
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is good for.")] = 30,
    note: Annotated[str, typer.Option(help="What it is for, as the hub's token page lists it.")] = "alphapulse token",
    as_json: Json = False,
) -> None:
    """Make a token for the REST API, for scripts outside of a workspace. It alone goes to standard output.

    The hub wants the person's password for it: typed, or one line of standard input.
    """
    from alphapulse_lib.session import tokens

    made = tokens.make(user, days, note, _password)
    if as_json:
        say_json(asdict(made))
        return
    say(f"# Good until {made.expires_at:%Y-%m-%d %H:%M} UTC. Keep it secret, and set, where it is used:", to_error=True)
    say(f"#   ALPHAPULSE_API_URL={made.url}\n#   ALPHAPULSE_API_TOKEN=", to_error=True)
    say(made.token)


def _password(name: str) -> str:
    """The person's password: typed unseen, or one line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt(f"Password of {name}", hide_input=True, err=True))


def _hub(*words: str) -> None:
    # The hub takes this process's place: the library never imports it, and Ctrl-C reaches it alone.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "hub", *words])


def _status_from_afar(as_json: bool) -> None:
    """Of a hub on another machine only the API can be asked."""
    from alphapulse_lib.errors import HubError
    from alphapulse_lib.session import hub

    try:
        health, why = hub.health(), ""
    except HubError as away:
        health, why = None, str(away)
    if as_json:
        parts = [{"name": "api", "up": health is not None, "detail": why}]
        say_json({"url": settings().api_url, "up": health is not None, "parts": parts})
    else:
        say(f"api         {'up' if health else 'DOWN'}      {settings().api_url}{f'  {why}' if why else ''}")
    raise typer.Exit(0 if health else COULD_NOT)
