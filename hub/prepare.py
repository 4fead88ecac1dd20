"""``python -m hub.prepare``: the home folder of each part of a hub whose parts are containers, before they start.

It is a container of its own that runs and ends (docker/compose.sh). Each home gets where the parts listen, the secrets
of that part and no other's, and what an ``.env`` on standard input says of it. Vendors' keys are sealed, for the worker
alone. Secrets that are there stay as they are. Nothing of it is in what ``docker inspect`` tells.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError

from alphapulse_lib.errors import AlphaPulseError, SettingsError
from alphapulse_lib.settings import Settings
from hub import access, network, origins, sample
from hub.backup.parts import quoted
from hub.keys import Keys, keys, write
from hub.vault import MASTER, SEALED, VENDOR_KEYS, VENDORS, Vault

__all__ = ["DATABASES", "TOKENS", "prepare"]

_HOMES = Path("/srv/homes")

#: Which of the hub's secrets each part is given.
TOKENS: dict[str, tuple[str, ...]] = {
    "hub": tuple(Keys.__dataclass_fields__),
    "proxy": ("proxy_token",),
    "api": ("api_token",),
    "worker": ("worker_token",),
    "dashboards": ("dashboards_token",),
    "guard": (),
}
#: Which databases each part may open; each is its owner's of the same name.
DATABASES: dict[str, tuple[str, ...]] = {"hub": ("hub",), "api": ("api",), "worker": ("api", "worker")}

#: What names a place of the machine, which no container sees, and what to do.
_ELSEWHERE = {
    "catalog": "Remove it from the file: they keep the catalog in a volume.",
    "datasets": "Remove it from the file: they keep the catalog in a volume.",
    "master_key_file": "Remove it from the file: a volume of its own holds that key.",
    "auth_client_secret_file": "Set ALPHAPULSE_AUTH_CLIENT_SECRET to what the file holds: the hub alone is given it.",
}


def prepare(homes: Path, told: dict[str, str | None], say: Callable[[str], None]) -> None:
    """Fill each part's home folder.

    Parameters
    ----------
    homes : Path
        The folder with a folder for each part, and one for the ``database``.
    told : dict of str to str
        Settings by their variables' names.
    say : callable
        Takes each line for who waits.

    Raises
    ------
    AlphaPulseError
        A setting, or a secret that is there, is not what it has to be.
    """
    chosen = _checked(told)
    held = asdict(keys(_folder(homes / "hub")))
    passwords = {name: _password(homes / "database" / "passwords" / name) for name in ("hub", "api", "worker")}
    for part, names in TOKENS.items():
        home = _folder(homes / part)
        for inner in ("run", "logs"):
            _folder(home / inner)
        network.apart(chosen.subdomain_host).write(home / "run" / "network.json")
        if part != "hub":
            write(home / "keys.json", json.dumps({name: held[name] for name in names}, indent=2) + "\n")
        write(home / ".env", "".join(f"{name}={quoted(value)}\n" for name, value in _of(part, told).items()))
        rights = [f"*:*:{name}:{name}:{passwords[name]}\n" for name in DATABASES.get(part, ())]
        write(home / "pgpass", "".join(rights))
    _folder(homes / "hub" / "hub").chmod(0o700)  # the hub made it, for everybody in its container to read
    _seal(homes, told)
    sample.fill(chosen.model_copy(update={"home": homes / "worker"}), say)


def _seal(homes: Path, told: dict[str, str | None]) -> None:
    """Vendors' keys, for the worker; those that nothing is said of stay as they are."""
    vault = Vault(homes / "worker" / SEALED, _folder(homes / "master") / MASTER)
    for vendor, names in VENDORS.items():
        values = tuple(told.get(name) or "" for name in names)
        if any(values) and values != tuple(vault.read().get(name) for name in names):
            vault.put(vendor, values)


def _checked(told: dict[str, str | None]) -> Settings:
    given = {name.removeprefix("ALPHAPULSE_").lower(): value for name, value in told.items() if value}
    for name, instead in _ELSEWHERE.items():
        if name in given:
            raise SettingsError(
                f"ALPHAPULSE_{name.upper()} is set, and the containers of docker/compose.yaml do not take it.", instead
            )
    values: dict[str, Any] = {name: value for name, value in given.items() if name in Settings.model_fields}
    try:
        chosen = Settings(_env_file=None, **values)
    except ValidationError as refused:
        first = refused.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"ALPHAPULSE_{name}: {first['msg'].lower()}", "See .env.example.") from None
    access.check(chosen)
    origins.check(chosen)
    network.fronts(chosen)
    return chosen


def _of(part: str, told: dict[str, str | None]) -> dict[str, str]:
    """The settings that a part is given: secrets the hub, the rest everybody; vendors' keys are sealed instead."""
    given = {}
    for name, value in told.items():
        field = Settings.model_fields.get(name.removeprefix("ALPHAPULSE_").lower())
        if field is None or not value or name in VENDOR_KEYS:
            continue
        if field.repr or part == "hub":
            given[name] = value
    return given


def _password(path: Path) -> str:
    if not path.exists():
        _folder(path.parent)
        write(path, secrets.token_hex(32))
    return path.read_text(encoding="utf-8").strip()


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def main() -> None:
    """Prepare, and say who may sign in; an error is one line on standard error."""

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")

    told = dotenv_values(stream=sys.stdin)
    try:
        prepare(_HOMES, told, say)
        chosen, held = _checked(told), keys(_HOMES / "hub")
    except AlphaPulseError as error:
        sys.exit(f"alphapulse: {error.message.rstrip('.')}. {error.hint}")
    if chosen.auth == "password":
        say(f"  user         {' or '.join(sorted(access.admins(chosen)))}\n  password     {held.admin_password}")
        if chosen.users:
            say(f"  user         {' or '.join(sorted(access.users(chosen))) or 'any other name'}")
            say(f"  password     {held.user_password}")


if __name__ == "__main__":
    main()
