"""`ap.publish`: a person's own series for the whole team."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from alphapulse_lib.errors import CatalogReadOnly, InputError
from alphapulse_lib.session.ingests import through_the_hub
from alphapulse_lib.session.symbols import resolved
from alphapulse_lib.session.user import user

if TYPE_CHECKING:
    from alphapulse_lib.ingestion.report import Report

__all__ = ["publish"]


def publish(symbols: str | Iterable[str], period: str = "1d") -> Report:
    """Move series of your own catalog into the team's, with the history of their corrections and their actions.

    The team's catalog learns them now; what was known when stays as it was, so ``as_of`` gives the same answers in
    both. Your own series stays; revert its import to see the team's instead. `ap.revert` takes a publication back.

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
        You may not write the team's catalog: in a hub's workspace nobody may, its worker alone does.

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
    named = [symbols] if isinstance(symbols, str) else list(symbols)
    if through_the_hub():
        raise CatalogReadOnly(
            "In a hub the team's catalog is written by its worker alone, which takes no publications yet.",
            f"Who runs the hub publishes it on the hub's machine: ALPHAPULSE_PERSONAL_CATALOG={roots.personal} "
            f"alphapulse publish {' '.join(map(str, named))} --period {period}",
        )
    chosen = resolved(Index(Roots(roots.personal)), named)
    return publication.publish(roots.personal, roots.team, chosen, Period.parse(period), user())
