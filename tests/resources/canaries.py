"""Secrets of a hub that tests ran, searched for in all that it leaves: logs, notebooks, databases, runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

__all__ = ["found", "secrets"]

#: Where they are kept on purpose, for their owner alone to read.
_KEPT = ("keys.json", "settings.env")
#: Variables that hold a secret, by the end of their names; what is shorter could stand anywhere by chance.
_NAMED, _LEAST = ("_SECRET", "_KEY", "_PASSWORD", "_TOKEN"), 16


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
    return {name: value for name, value in kept.items() if len(value) >= _LEAST}


def found(home: Path, planted: Mapping[str, str]) -> list[str]:
    """Where any of them lies open: ``file: name of the secret``."""
    wanted = {name: value.encode() for name, value in planted.items()}
    seen = []
    for path in sorted(home.rglob("*")):
        if path.is_symlink() or not path.is_file() or str(path.relative_to(home)) in _KEPT:
            continue
        content = path.read_bytes()
        seen += [f"{path.relative_to(home)}: {name}" for name, value in wanted.items() if value in content]
    return seen
