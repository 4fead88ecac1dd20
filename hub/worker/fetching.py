"""One fetch of a vendor's data into the team's catalog, in steps that DBOS remembers and that can each be done again.

The catalog itself keeps what was asked and answered: taken up again after a death, a fetch asks for the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfiguredInstance

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import AlphaPulseError, InputError
from alphapulse_lib.ingestion import fetch
from alphapulse_lib.ingestion.declarations import vendor_dataset
from alphapulse_lib.ingestion.fetch import Wanted
from alphapulse_lib.providers import registry
from alphapulse_lib.providers.contract import Estimate
from alphapulse_lib.settings import Settings
from hub.logs import about
from hub.worker.fetches import Fetches
from hub.worker.listing import Listed
from hub.worker.patience import patiently
from hub.worker.publishing import Publishing, is_publication

__all__ = ["FetchRunner"]

_log = logging.getLogger("alphapulse.worker")

_TURN = 60.0  # seconds of a fetch after which it lets others of its vendor go first, between two parts
_TRIES = 3  # workers that may die of a part before its fetch is given up


@DBOS.dbos_class()
class FetchRunner(DBOSConfiguredInstance):
    """Carries fetches out, with the keys that this process alone holds.

    Parameters
    ----------
    fetches : Fetches
        Where they are recorded.
    chosen : Settings
        Names the team's catalog, the declarations and the worker's folder.
    turn : float
        Seconds after which a fetch lets others go first that wait for the same vendor.
    """

    def __init__(self, fetches: Fetches, chosen: Settings, turn: float = _TURN) -> None:
        super().__init__("fetcher")
        self._fetches, self._turn = fetches, turn
        self._roots, self._chosen = Roots(chosen.catalog_root), chosen
        self._publishing = Publishing(fetches, chosen)
        self._listings = chosen.home_root / "worker" / "listings"

    def vendor_of(self, fetch_id: str, provider: str, dataset: str) -> str:
        """Whose line it waits in; empty where that cannot be told, and the fetch has failed of it."""
        if provider:
            return provider
        try:
            found = vendor_dataset(self._declaration(dataset)).provider
        except AlphaPulseError as refused:
            self._fetches.end(fetch_id, "failed", _told(refused))
            return ""
        self._fetches.is_of(fetch_id, found)
        return found

    @DBOS.workflow()
    def fetch(self, fetch_id: str) -> None:
        """Bring into the team's catalog what is asked for and missing there; record how that ended."""
        if self.begin(fetch_id):
            self.record(fetch_id, self.carry_out(fetch_id))

    @DBOS.step()
    def begin(self, fetch_id: str) -> bool:
        """Mark it as begun, unless it was cancelled while it waited."""
        begun = patiently(lambda: self._fetches.begin(fetch_id))
        if not begun:
            self._clear(fetch_id)
        return begun

    @DBOS.step()
    def carry_out(self, fetch_id: str) -> dict[str, Any]:
        """Fetch it, however far it came before."""
        with about(patiently(lambda: self._fetches.requests(fetch_id))):
            _log.info("Fetch %s begins", fetch_id)
            ended = self._carry_out(fetch_id)
            _log.info("Fetch %s: %s", fetch_id, ended["state"])
            return ended

    def _carry_out(self, fetch_id: str) -> dict[str, Any]:
        try:
            if patiently(lambda: self._fetches.tried(fetch_id)) > _TRIES:
                why = f"The worker died {_TRIES} times over one part of it."
                return _failed("IngestError", why, "Ask for less at once; why is in the worker's log.")
            asked = patiently(lambda: self._fetches.get(fetch_id)).asked
            state = self._publish(fetch_id, asked) if is_publication(asked) else self._fetch(fetch_id, asked)
            return {"state": state, "error": None}
        except AlphaPulseError as refused:
            return {"state": "failed", "error": _told(refused)}
        except Exception:  # noqa: BLE001  a fetch must end: what we did not foresee is its end, and in our log
            _log.exception("Fetch %s met a fault of ours", fetch_id)
            return _failed("IngestError", "The worker met a fault of its own; it is in the worker's log.")

    @DBOS.step()
    def record(self, fetch_id: str, ended: dict[str, Any]) -> None:
        """Write down how it ended, and tell those who asked; or that it stands in the line once more."""
        if ended["state"] == "waiting":
            if patiently(lambda: self._fetches.give_way(fetch_id)):
                return
            ended = {"state": "cancelled", "error": None}  # since it was asked last whether it is wanted
        patiently(lambda: self._fetches.end(fetch_id, ended["state"], ended["error"]))
        self._clear(fetch_id)

    def give_up(self, fetch_id: str) -> None:
        """End it as lost: what carried it out ended before it did."""
        why = _failed("IngestError", "The worker lost it.", "Ask again: what was fetched before is kept.")
        self._fetches.end(fetch_id, "failed", why["error"])
        self._clear(fetch_id)

    def _fetch(self, fetch_id: str, asked: dict[str, Any]) -> str:
        """Fetch it; ``"waiting"`` where it gave way before its end, ``"cancelled"`` where nobody wants it any more."""
        provider, wanted = self._wanted(asked)
        vendor = Listed(registry.vendor(provider), self._listings)
        patiently(lambda: self._fetches.note(fetch_id, provider))  # before: it may be ended in the middle
        watch = _Watch(self._fetches, fetch_id, vendor, self._turn)
        fetch.run(vendor, wanted, self._roots, watch)
        return watch.state

    def _publish(self, fetch_id: str, asked: dict[str, Any]) -> str:
        """Publish what was sent, or take that back. Once begun it comes to its end: half a series helps nobody."""
        self._publishing.carry_out(fetch_id, asked)
        return "finished"

    def _clear(self, fetch_id: str) -> None:
        """Remove what was sent for a request that is over."""
        self._publishing.remove(patiently(lambda: self._fetches.get(fetch_id)).asked)

    def _wanted(self, asked: dict[str, Any]) -> tuple[str, Wanted]:
        if asked.get("dataset"):
            declared = vendor_dataset(self._declaration(asked["dataset"]))
            return declared.provider, declared.wanted
        more = {name: asked[name] for name in ("start", "end", "feed", "venue", "kind")}
        return asked["provider"], Wanted(tuple(asked["symbols"]), (asked["period"],), **more)

    def _declaration(self, dataset: str) -> Path:
        path = self._chosen.declarations.get(dataset)
        if path is None:
            raise InputError(f"No dataset is declared as {dataset!r} any more.", "See catalog/README.md.")
        return path


class _Watch:
    """Writes down how far a fetch is, and ends its turn where others wait, or itself where nobody wants it any more."""

    def __init__(self, fetches: Fetches, fetch_id: str, vendor: Listed, turn: float) -> None:
        self._fetches, self._id, self._vendor, self._turn = fetches, fetch_id, vendor, turn
        self._calls = self._calls_done = self._parts = self._parts_done = self._first = self._rows = 0
        self._began, self.state = time.monotonic(), "finished"

    def begin(self, import_id: str, vendor: str, parts: Sequence[Estimate]) -> None:  # noqa: ARG002
        # What earlier turns, or a worker that died, have done counts.
        before = patiently(lambda: self._fetches.get(self._id))
        self._rows, self._calls_done, self._parts_done = before.rows, before.calls_done, before.parts_done
        self._calls, self._parts = self._calls_done + sum(each.calls for each in parts), self._parts_done + len(parts)
        self._began, self._first = time.monotonic(), self._parts_done
        told = {"calls": self._calls, "parts": self._parts, "seconds_left": self._seconds_left()}
        patiently(lambda: self._fetches.plan(self._id, import_id, **told))

    def part(self, done: Estimate, rows: int) -> bool:
        self._calls_done, self._parts_done = self._calls_done + done.calls, self._parts_done + 1
        told: dict[str, float] = {
            "calls_done": self._calls_done,
            "parts_done": self._parts_done,
            "rows": self._rows + rows,
        }
        told["seconds_left"] = self._seconds_left()
        if not patiently(lambda: self._fetches.progress(self._id, **told)):
            self.state = "cancelled"
        elif self._parts_done < self._parts and time.monotonic() - self._began >= self._turn:
            self.state = "waiting" if patiently(lambda: self._fetches.others_wait(self._id)) else "finished"
        return self.state == "finished"

    def end(self) -> None:
        """Its end is recorded by who began it."""

    def _seconds_left(self) -> float:
        """By the budget of calls, and by the pace of this turn."""
        by_budget = self._vendor.seconds_for(self._calls - self._calls_done)
        done = self._parts_done - self._first
        pace = (time.monotonic() - self._began) / done if done else 0.0
        return max(by_budget, pace * (self._parts - self._parts_done))


def _told(refused: AlphaPulseError) -> dict[str, str]:
    return {"kind": type(refused).__name__, "message": refused.message, "hint": refused.hint}


def _failed(kind: str, message: str, hint: str = "") -> dict[str, Any]:
    return {"state": "failed", "error": {"kind": kind, "message": message, "hint": hint}}
