"""`ap.publish`: a person's own series for the whole team."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from alphapulse_lib.errors import InputError
from alphapulse_lib.session import hub
from alphapulse_lib.session.ingests import asking, through_the_hub, waited, waited_for
from alphapulse_lib.session.symbols import resolved
from alphapulse_lib.session.user import user

if TYPE_CHECKING:
    from alphapulse_lib.ingestion.report import Report, Reverted
    from alphapulse_lib.model.instrument import Instrument
    from alphapulse_lib.model.period import Period

__all__ = ["publish", "taken_back"]


def publish(symbols: str | Iterable[str], period: str = "1d") -> Report:
    """Move series of your own catalog into the team's, with the history of their corrections and their actions.

    The team's catalog learns them now; what was known when stays as it was, so ``as_of`` gives the same answers in
    both. Your own series stays; revert its import to see the team's instead. `ap.revert` takes a publication back.

    In a hub's workspace the files of the series are sent to the hub, whose worker publishes them in its turn.

    Parameters
    ----------
    symbols : str or iterable of str
        Symbols or ids of your own catalog.
    period : str
        Of the bars.

    Returns
    -------
    Report
        ``written``, ``unchanged``, ``restated``, ``quarantined`` (bars that ingestion would set aside), ``id``. The
        team's catalog keeps who published, when, and out of which imports.

    Raises
    ------
    InputError
        There is no catalog of your own, it does not hold the series, or adjusted prices would be mixed with prices as
        traded.
    CatalogDamaged
        `ap.check` finds a fault in what is to be published.
    CatalogReadOnly
        Outside of a hub: you may not write the team's catalog.
    NotAllowed
        In a hub: you may not publish; the message names who can let you.
    StoppedWaiting
        In a hub: interrupted; it goes on, and `ap.ingests` shows how far it is.

    Examples
    --------
    >>> ap.publish("ACME")  # doctest: +SKIP
    Import 20261126T120000-5f3a1c of 1d bars of ACME.XNAS (publication): 3 written, 0 set aside.
    """
    from alphapulse_lib.catalog.index import Index
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import publication
    from alphapulse_lib.model.period import Period

    roots = Roots.of_settings()
    if roots.personal is None:
        raise InputError(
            f"There is one catalog here, {roots.team}, and what you import is in it already.",
            "ap.publish is for a workspace, which has a catalog of its own (ALPHAPULSE_PERSONAL_CATALOG).",
        )
    chosen, wanted = resolved(Index(Roots(roots.personal)), symbols), Period.parse(period)
    if through_the_hub():
        return _through_the_hub(roots.personal, chosen, wanted)
    return publication.publish(roots.personal, roots.team, chosen, wanted, user())


def taken_back(team: PurePath, import_id: str) -> Reverted:
    """Have the hub's worker take a publication back, and wait for that."""
    from alphapulse_lib.ingestion import importer
    from alphapulse_lib.ingestion.records import find

    with asking(f"taking {import_id} back"):
        asked = hub.client().publications.revert(import_id)
    waited_for(asked)
    return importer.taken_back(find(team, import_id))


def _through_the_hub(own: PurePath, instruments: Sequence[Instrument], period: Period) -> Report:
    """Send the files of the series, and wait until the worker has published them."""
    from alphapulse_lib.catalog import storage
    from alphapulse_lib.ingestion import excerpt

    publications, upload = hub.client().publications, uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as folder:
        for name, file in excerpt.files(own, Path(folder), instruments, period):
            publications.upload(upload, name, storage.read(file))
    adjusted = excerpt.adjusted(own, instruments, period)
    with asking("a publication"):
        asked = publications.ask(upload, [each.id for each in instruments], str(period), adjusted=adjusted)
    return waited(asked)
