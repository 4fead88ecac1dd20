"""What a hub keeps, and where the settings in force put it."""

from __future__ import annotations

from pathlib import Path

from alphapulse_lib.settings import Settings
from hub.vault import VENDOR_KEYS

__all__ = ["KEYS", "SETTINGS", "places", "quoted", "settings_told"]

#: The hub's passwords, tokens and cookie secret: restored last, for without them no hub is whole.
KEYS = "keys.json"
#: The settings that were in force, as `.env` takes them; not vendors' keys, which a backup holds sealed or not at all.
SETTINGS = "settings.env"
#: Said by each installation for itself.
_ITS_OWN = ("home", "master_key_file", "personal_catalog", "api_url", "api_token", "firing", "port", "address")


def places(chosen: Settings) -> dict[str, Path]:
    """Each part of a backup by its name, and the file or folder of this machine that it is.

    `cache`, `logs` and `run` are not among them: they are of one machine and one start.
    """
    home = chosen.home_root
    found = {name: home / name for name in ("worker", "api", "hub", "dashboards", "users", "groups")}
    if isinstance(chosen.ledger_root, Path):
        found["ledger"] = chosen.ledger_root
    if isinstance(chosen.catalog_root, Path):
        found["catalog"] = chosen.catalog_root
    return found | {KEYS: home / KEYS}


def settings_told(chosen: Settings) -> str:
    """The settings that are not the default, a line each, as a `.env` file says them."""
    told = []
    for name, value in chosen.model_dump(mode="json").items():
        if (
            name in _ITS_OWN
            or f"ALPHAPULSE_{name.upper()}" in VENDOR_KEYS
            or value is None
            or value == type(chosen).model_fields[name].default
        ):
            continue
        told.append(f"ALPHAPULSE_{name.upper()}={quoted(str(value))}\n")
    return "".join(told)


def quoted(value: str) -> str:
    """A value as a `.env` file says it."""
    inner = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inner}'"
