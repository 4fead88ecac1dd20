"""The bundled sample, imported into a catalog that holds nothing, once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from alphapulse_lib.catalog.roots import format_of
from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import PROJECT, Settings

__all__ = ["fill"]

_NEEDS_A_LOOK = 3  # the command's exit code for an import that set rows aside


def fill(chosen: Settings, say: Callable[[str], None]) -> bool:
    """Import the sample when the team's catalog was never written to, or when an earlier attempt was cut short.

    Parameters
    ----------
    chosen : Settings
        Where the catalog is.
    say : callable
        Takes a line for the person who waits.

    Returns
    -------
    bool
        Whether anything was imported.

    Raises
    ------
    HubError
        The import failed; its last words are in the message.
    """
    unfinished = chosen.home_root / "run" / "sample-unfinished"
    if format_of(chosen.catalog_root) and not unfinished.exists():
        return False
    say("Filling the catalog with the bundled sample (once).")
    unfinished.touch()
    command = [str(Path(sys.executable).with_name("alphapulse")), "ingest", "sample"]
    apart = {name: value for name, value in os.environ.items() if name != "ALPHAPULSE_PERSONAL_CATALOG"}
    # The settings in force are handed on as they are: the command may read another folder's .env.
    places = {"ALPHAPULSE_HOME": str(chosen.home_root), "ALPHAPULSE_CATALOG": str(chosen.catalog_root)}
    done = subprocess.run(command, env=apart | places, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, _NEEDS_A_LOOK):
        log = chosen.home_root / "logs" / "sample.log"
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        words = " ".join(done.stderr.strip().splitlines()[-2:]) or f"it ended with {done.returncode}"
        raise HubError(f"The bundled sample could not be imported: {words}", f"All of it is in {log}")
    unfinished.unlink()
    return True
