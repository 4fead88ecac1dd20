"""What was done to vendors' keys, for the audit log: kept beside them until a worker has written it there.

Whoever sets a key works at the machine, where nobody has signed in: what is known of them is their account.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alphapulse_lib import clock
from alphapulse_lib.errors import HubError
from hub.keys import write

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["noted", "tell"]

_log = logging.getLogger("alphapulse.worker")


@contextmanager
def noted(folder: Path, action: str, about: str) -> Iterator[None]:
    """Keep a note of what the block does, once it is done.

    Raises
    ------
    HubError
        No note can be written: nothing is done.
    """
    moment = clock.now()
    told = {
        "id": secrets.token_hex(16),
        "at": moment.isoformat(),
        "who": f"account {_account()}",
        "action": action,
        "about": about,
    }
    name = f"{moment:%Y%m%dT%H%M%S.%f}-{told['id']}.json"
    beside = folder / f".{name}"
    try:
        for each in (folder.parent, folder):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        write(beside, json.dumps(told))
    except OSError as refused:
        raise HubError(
            f"{folder} cannot be written: {refused.strerror}. Nothing was changed: the audit log could not tell of it.",
            "Look at its disk, and at who owns it.",
        ) from None
    try:
        yield
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    beside.replace(folder / name)


def tell(engine: Engine, folder: Path) -> None:
    """Write what is kept into the audit log, once however many workers do."""
    from hub.api.audit.schema import Deed  # who sets a key need not wait for it
    from hub.api.audit.store import AuditLog

    for path in sorted(folder.glob("*.json")):
        try:
            told = Deed.model_validate_json(path.read_bytes())
        except FileNotFoundError:  # another worker was quicker
            continue
        except ValueError as wrong:
            _log.error("%s is no note of a change of keys: it is kept as .refused. %s", path, wrong)
            path.replace(path.with_suffix(".refused"))
            continue
        AuditLog(engine).add(told)
        path.unlink(missing_ok=True)


def _account() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except OSError:  # it has no name
        return str(os.getuid())
