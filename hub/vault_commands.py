"""``alphapulse keys``: what is sealed, put in, taken out, sealed anew. No key is ever shown."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

from dotenv import dotenv_values, unset_key

from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import Settings
from hub.backup.parts import SETTINGS
from hub.vault import VENDOR_KEYS, VENDORS, Vault, clear

__all__ = ["do", "in_clear"]

type Say = Callable[[str], None]


def do(chosen: Settings, verb: str, vendor: str, say: Say) -> None:
    """Do what the verb says: ``list``, ``set``, ``remove``, ``seal`` or ``rotate``.

    Raises
    ------
    AlphaPulseError
        There is no such vendor, a key is none, or the master key is not there.
    """
    vault = Vault.of(chosen)
    if verb == "list":
        _list(vault, chosen, say)
    elif verb == "set":
        vault.put(vendor, tuple(_asked(name) for name in VENDORS.get(vendor, ())))
        say(f"{vendor}'s keys are sealed in {vault.file}. {_keep(vault)} The worker takes them within seconds.")
    elif verb == "remove":
        gone = vault.take_out(vendor)
        say(f"{vendor}'s keys are gone." if gone else f"No keys of {vendor} were sealed.")
    elif verb == "seal":
        _seal(vault, chosen, say)
    else:
        vault.rotate()
        say(f"Sealed with a new master key. {_keep(vault)} The former ones follow it there, for older backups.")


def in_clear(chosen: Settings) -> dict[Path, list[str]]:
    """The files in which vendors' keys lie in clear, and the names of those."""
    found = {}
    for file in (Path(".env").absolute(), chosen.home_root / SETTINGS):
        if file.is_file() and os.access(file, os.R_OK):
            told = dotenv_values(file)
            if names := [name for name in VENDOR_KEYS if told.get(name)]:
                found[file] = names
    return found


def _list(vault: Vault, chosen: Settings, say: Say) -> None:
    held, lying = vault.read(), in_clear(chosen)
    for vendor, names in VENDORS.items():
        state = "sealed" if all(name in held for name in names) else "not set"
        if state == "not set" and any(name in clear(chosen) for name in names):
            state = "set in clear"
        say(f"{vendor:<12} {state}")
    if held:
        say(f"They are in {vault.file}. {_keep(vault)}")
    for file, clear_names in lying.items():
        say(f"In clear in {file}: {', '.join(clear_names)}. `alphapulse keys seal` takes them out of there.")


def _seal(vault: Vault, chosen: Settings, say: Say) -> None:
    """Seal what lies in clear, and take it out of the files: not before it is sealed."""
    lying = in_clear(chosen)
    told = clear(chosen)
    for file in lying:
        told = {name: value for name, value in dotenv_values(file).items() if value} | told
    whole = {vendor: names for vendor, names in VENDORS.items() if all(told.get(name) for name in names)}
    if not whole:
        half = [name for name in VENDOR_KEYS if told.get(name)]
        raise HubError(
            f"Only {half[0]} is there: nothing was sealed." if half else "No vendor's keys lie in clear here.",
            "Give both: alphapulse keys set alpaca",
        )
    for vendor, names in whole.items():
        values = tuple(str(told[name]) for name in names)
        vault.put(vendor, values)
        if [vault.read()[name] for name in names] != list(values):
            raise HubError(f"{vault.file} does not give back what was sealed.", "Nothing was taken out of any file.")
        say(f"{vendor}'s keys are sealed in {vault.file}. {_keep(vault)}")
    for file, found in lying.items():
        for name in found:
            unset_key(file, name)
        say(f"{', '.join(found)} taken out of {file}.")
    for name in VENDOR_KEYS:
        if os.environ.get(name):
            say(f"{name} is in the environment of this command, too: take it out of where that is set.")


def _asked(name: str) -> str:
    """A key: typed unseen, or one line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ").strip()
    return sys.stdin.readline().strip()


def _keep(vault: Vault) -> str:
    return f"The master key is in {vault.master}, which no backup holds: keep a copy elsewhere."
