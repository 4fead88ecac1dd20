"""Secrets of a hub that tests ran, searched for in all that it leaves: logs, notebooks, databases, runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from hub import family

__all__ = ["LEAST", "found", "of_servers", "secrets"]

#: Where they are kept on purpose, for their owner alone to read.
_KEPT = ("keys.json", "settings.env")
#: What Jupyter itself notes of a server that runs, in its owner's own folder.
_NOTED = "users/*/.local/share/jupyter/runtime/jpserver-*"
#: Variables that hold a secret, by the end of their names.
_NAMED = ("_SECRET", "_KEY", "_PASSWORD", "_TOKEN")
#: What is shorter could stand anywhere by chance.
LEAST = 16


def secrets(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The passwords and tokens of the home folder, and the keys that the hub was given in its environment."""
    kept: dict[str, str] = {}
    try:
        told = json.loads((home / "keys.json").read_text(encoding="utf-8"))
        kept = {name: value for name, value in told.items() if isinstance(value, str)}
    except (OSError, ValueError, AttributeError):
        pass  # it never came up, or a test damaged them
    given = {name: value for name, value in environment.items() if name.startswith("ALPHAPULSE_")}
    kept |= {name: value for name, value in given.items() if name.endswith(_NAMED)}
    return {name: value for name, value in kept.items() if len(value) >= LEAST}


def of_servers(home: Path) -> dict[str, str]:
    """The tokens of people's servers that are processes and run now."""
    held = {}
    for each in family.members(home):
        with suppress(psutil.Error):  # it has just ended
            variables = each.environ()
            if token := variables.get("JUPYTERHUB_API_TOKEN"):
                whose = f"{variables.get('JUPYTERHUB_USER')}/{variables.get('JUPYTERHUB_SERVER_NAME', '')}"
                held[f"the token of the server {whose}"] = token
    return held


def found(home: Path, planted: Mapping[str, str]) -> list[str]:
    """Where any of them lies open: ``file: name of the secret``."""
    wanted = {name: value.encode() for name, value in planted.items()}
    seen = []
    for path in sorted(home.rglob("*")):
        here = path.relative_to(home)
        if path.is_symlink() or not path.is_file() or str(here) in _KEPT or here.match(_NOTED):
            continue
        content = path.read_bytes()
        seen += [f"{here}: {name}" for name, value in wanted.items() if value in content]
    return seen
