"""Vendors' keys of the hub's vault, in this process's environment and nowhere else, where the vendors look for them."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from alphapulse_lib.errors import HubError
from hub.vault import VENDOR_KEYS, Vault

__all__ = ["Unsealing"]

_log = logging.getLogger("alphapulse.worker")


class Unsealing:
    """Takes the sealed keys, and takes them again whenever they have changed: no worker is started anew for a key.

    Parameters
    ----------
    vault : Vault
        What is sealed in it goes before what the worker was started with.

    Attributes
    ----------
    vault : Vault
        The same.
    """

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self._given = {name: os.environ.get(name, "") for name in VENDOR_KEYS}
        self._seen: tuple[object, ...] = ()

    def look(self) -> None:
        """Take what has changed since the last look. What cannot be opened is logged: all but vendors goes on."""
        seen = tuple(_state(file) for file in (self.vault.file, self.vault.master))
        if seen == self._seen:
            return
        self._seen = seen
        try:
            sealed = self.vault.read()
        except HubError as closed:
            _log.error("%s", closed)
            return
        for name in VENDOR_KEYS:
            if (value := sealed.get(name) or self._given[name]) != os.environ.get(name, ""):
                os.environ[name] = value
        if sealed:
            _log.info("Took the keys of vendors that are sealed in %s", self.vault.file)


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size, told.st_ino
