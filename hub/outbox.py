"""What the hub has to tell the API: kept on disk until the API has taken it, in the order in which it happened."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
from pathlib import Path
from typing import Any

import httpx

from alphapulse_lib import clock

__all__ = ["Outbox"]

_log = logging.getLogger("alphapulse.hub")

_AGAIN = 2.0  # seconds until what the API did not take is sent again
_REFUSED = ".refused"  # the end of a file's name that the API will never take


class Outbox:
    """A folder of what is to be sent; what a killed hub left in it is sent by the next.

    Parameters
    ----------
    folder : Path
        Where it is kept, for its owner's eyes alone.
    url : str
        Where it is sent.
    token : str
        The hub's own, for the API.
    """

    def __init__(self, folder: Path, url: str, token: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._url = folder, url
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._http = httpx.Client(headers=headers, timeout=10, trust_env=False)
        self._waiting = threading.Event()
        self._said = ""
        threading.Thread(target=self._send_again_and_again, daemon=True, name="outbox").start()
        self._waiting.set()

    def put(self, told: dict[str, Any]) -> None:
        """Keep it, durably, and have it sent."""
        name = f"{clock.now_ns():020d}-{secrets.token_hex(8)}"
        beside = self._folder / f".{name}"
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump(told, file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._folder / f"{name}.json")
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        self._waiting.set()

    def _send_again_and_again(self) -> None:
        while True:
            self._waiting.wait()
            self._waiting.clear()
            while not self._send():
                self._waiting.wait(_AGAIN)
                self._waiting.clear()

    def _send(self) -> bool:
        """Send what is kept; false where some of it is to be sent again."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                answer = self._http.post(self._url, content=path.read_bytes())
            except (httpx.HTTPError, OSError) as away:
                return self._say(f"{type(away).__name__}: {away}")
            if answer.status_code == 422:  # it would be refused for ever, and keep all others back
                _log.error("The API takes no such entry, kept as %s: %s", path.with_suffix(_REFUSED), answer.text)
                path.replace(path.with_suffix(_REFUSED))
            elif answer.is_success:
                path.unlink()
            else:
                return self._say(f"status {answer.status_code}")
        self._said = ""
        return True

    def _say(self, wrong: str) -> bool:
        """Log it once for each thing that is the matter."""
        if wrong != self._said:
            self._said = wrong
            _log.warning("The API does not take the audit log's entries now, they are kept: %s", wrong)
        return False
