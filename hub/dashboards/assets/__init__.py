"""Style and script of the pages, served as they are, at addresses that change when they do."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import alphapulse_lib.views

__all__ = ["files", "version"]

#: What tearsheets have too.
_SHARED = ("look.css", "chart.js")


@cache
def files() -> dict[str, Path]:
    """The files by name."""
    here = Path(__file__).parent
    shared = Path(alphapulse_lib.views.__file__).parent / "templates"
    own = {path.name: path for path in here.iterdir() if path.suffix in (".css", ".js", ".svg")}
    return own | {name: shared / name for name in _SHARED}


@cache
def version() -> str:
    """A digest of all of them, for their addresses."""
    found = hashlib.sha256()
    for _, path in sorted(files().items()):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]
