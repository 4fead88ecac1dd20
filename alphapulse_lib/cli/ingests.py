"""What `alphapulse ingest` says of the hub's line of requests."""

from __future__ import annotations

from dataclasses import asdict

import alphapulse_lib as ap
from alphapulse_lib.cli.say import say, say_json, say_table

__all__ = ["cancel", "show"]


def show(as_json: bool) -> None:
    """The line, and what was asked last."""
    found = ap.ingests()
    if as_json:
        say_json([asdict(each) for each in found.values(50)])
    else:
        say_table(found.frame(), as_json)


def cancel(ingest_id: str, as_json: bool) -> None:
    """Take a request back."""
    done = ap.ingests()[ingest_id].cancel()
    if as_json:
        say_json(asdict(done.value))
    else:
        say(f"Request {done.id} is cancelled; others who asked for the same go on waiting for it.")
