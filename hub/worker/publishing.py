"""A person's own series into the team's catalog: their files were sent to the hub, and are removed at the end."""

from __future__ import annotations

from typing import Any

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.unfinished import ended
from alphapulse_lib.errors import InputError
from alphapulse_lib.ingestion import importer, publication
from alphapulse_lib.ingestion.records import DECLARED, find, new_id, save
from alphapulse_lib.model.period import Period
from alphapulse_lib.settings import Settings
from hub.api.publications.uploads import Uploads
from hub.worker.fetches import Fetches
from hub.worker.patience import patiently

__all__ = ["Publishing", "is_publication"]


def is_publication(asked: dict[str, Any]) -> bool:
    """Whether a request is to publish what was sent, or to take that back, rather than to ask a vendor."""
    return bool(asked.get("upload") or asked.get("revert"))


class Publishing:
    """Carries publications out.

    Parameters
    ----------
    fetches : Fetches
        Where requests are recorded.
    chosen : Settings
        Names the team's catalog and the home folder, in which the uploads are.
    """

    def __init__(self, fetches: Fetches, chosen: Settings) -> None:
        self._fetches, self._team = fetches, Roots(chosen.catalog_root).team
        self._uploads = Uploads(chosen.home_root)

    def carry_out(self, fetch_id: str, asked: dict[str, Any]) -> None:
        """Do it, however far it came before: what is there already is found unchanged."""
        if asked.get("revert"):
            self._revert(fetch_id, asked)
        else:
            self._publish(fetch_id, asked)

    def _publish(self, fetch_id: str, asked: dict[str, Any]) -> None:
        owner, period = asked["owner"], Period.parse(asked["period"])
        own = self._uploads.place(owner, asked["upload"])
        if not own.is_dir():
            raise InputError("The files that were sent are gone.", "Publish it again.")
        known = Index(own)
        chosen = [each for name in asked["symbols"] if (each := known.get(name))]
        if lacking := sorted({*asked["symbols"]} - {each.id for each in chosen}):
            raise InputError(f"The files that were sent know no {lacking[0]}.", "Send its instrument, too.")
        marks = [{"bar_type": period.bar_type(each), "adjusted": DECLARED} for each in asked["adjusted"]]
        save(own, {"id": new_id(), "series": marks})
        before = patiently(lambda: self._fetches.get(fetch_id)).imports or []

        def begun(import_id: str) -> None:
            patiently(lambda: self._fetches.plan(fetch_id, import_id, parts=1))

        report = publication.publish(own, self._team, chosen, period, owner, begun)
        ended(self._team, before)
        # Of one that died half-way the rows count: it is one publication to who asked for it.
        earlier = publication.written_by(self._team, before)
        patiently(lambda: self._fetches.progress(fetch_id, rows=report.written + earlier, parts_done=1))

    def _revert(self, fetch_id: str, asked: dict[str, Any]) -> None:
        record = find(self._team, asked["revert"])
        if record["kind"] != "publication":
            raise InputError(
                f"Import {record['id']} is no publication.",
                "Others are taken back on the hub's machine: alphapulse revert.",
            )
        patiently(lambda: self._fetches.plan(fetch_id, record["id"], parts=1))
        if record.get("reverted_for") != fetch_id:  # else a worker died between doing it and saying so
            told = {"reverted_by": asked["owner"], "reverted_for": fetch_id}
            importer.revert(Roots(self._team), record["id"], told)
        patiently(lambda: self._fetches.progress(fetch_id, parts_done=1))

    def remove(self, asked: dict[str, Any]) -> None:
        """Remove what was sent for a request that is over; nothing happens for one of a vendor."""
        if asked.get("upload"):
            self._uploads.remove(asked["owner"], asked["upload"])
