"""`ap.quarantine`, `ap.release` and `ap.flags`: rows set aside, written after all; and what is odd about kept ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import InputError
from alphapulse_lib.session.symbols import check_text, resolved
from alphapulse_lib.session.user import user

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.ingestion.quarantine import Released
    from alphapulse_lib.model.window import Moment

__all__ = ["flags", "quarantine", "release"]

_COLUMNS = ["import_id", "number", "file", "line", "symbol", "period", "reason", "row", "held_back",
            "released_at", "released_by"]  # fmt: skip


def quarantine(import_id: str | None = None) -> pd.DataFrame:
    """The rows that imports set aside, with the reason, the line and the row as it arrived.

    Parameters
    ----------
    import_id : str, optional
        ``report.id``, or a beginning of it that no other import shares; all that were not taken back unless told.

    Returns
    -------
    pandas.DataFrame
        ``import_id``, ``number`` (what `release` takes), ``file``, ``line``, ``symbol``, ``period`` (of bars),
        ``reason``, ``row``, ``held_back`` (why it cannot be released; empty where it can), ``released_at`` and
        ``released_by`` (empty where it was not).

    Raises
    ------
    UnknownImport
        No such import was made.

    Examples
    --------
    >>> ap.quarantine(ap.ingest("sample").id)["reason"].iloc[0]
    'open 47.77 lies outside low 47.7935 and high 48.65'
    """
    if import_id is not None:
        check_text(import_id, "An import's id", "report.id of what ap.ingest gave")
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion.quarantine import listed

    frame: pd.DataFrame = listed(Roots.of_settings(), import_id).select(_COLUMNS).to_pandas()
    text = ["symbol", "period", "row", "released_at", "released_by"]
    return frame.assign(**{name: frame[name].fillna("") for name in text})


def release(import_id: str, rows: int | Iterable[int] | pd.DataFrame | None = None) -> Released:
    r"""Write rows that an import set aside after all; who did, and when, stays in the import's record.

    A row outside the calendar, a second bar for a moment (which then corrects the first, from now on), a price of
    zero or less, and a bar that has closed since can be released. What no catalog can hold cannot: a figure that is
    no number or too large, a high below the low, a negative volume, a bar that is still to close.

    Parameters
    ----------
    import_id : str
        ``report.id``, or a beginning of it.
    rows : int, iterable of int, or pandas.DataFrame, optional
        ``number`` in `quarantine`'s frame, or rows of that frame; every one that can be held unless told.

    Returns
    -------
    Released
        ``rows``, ``written``, ``unchanged``, ``restated``, ``by`` and ``at``.

    Raises
    ------
    UnknownImport
        No such import was made.
    InputError
        A row cannot be held, or was released already; nothing was written.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("oil.csv").write_text("Date,Open,High,Low,Close,Volume\n2020-04-20,18,18,-40,-37.63,1\n"
    ...     "2020-04-21,-14,14,-16,10,1\n2020-04-22,11,16,7,14,1\n")
    >>> report = ap.ingest("files", "oil.csv", symbol="CL", venue="XCME")
    >>> report.quarantined.reason.tolist()
    ['low -40 is not above 0', 'open -14 is not above 0']
    >>> ap.release(report.id, rows=1).written
    1
    """
    check_text(import_id, "An import's id", "report.id of what ap.ingest gave")
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import quarantine as aside

    return aside.release(Roots.of_settings(), import_id, _numbers(rows), user())


def flags(
    symbols: str | Iterable[str] | None = None,
    period: str | None = None,
    start: Moment = None,
    end: Moment = None,
) -> pd.DataFrame:
    """What is odd about bars that were kept as they came, bar by bar.

    Parameters
    ----------
    symbols : str or iterable of str, optional
        Symbols or ids; all unless told.
    period : str, optional
        Such as ``"1d"``; every one unless told.
    start, end : str, date or datetime, optional
        First and last moment of ``ts``; a bare date is that whole day, UTC.

    Returns
    -------
    pandas.DataFrame
        ``instrument_id``, ``period``, ``ts`` (UTC), ``flag`` (``"off tick"``: a price of more decimals than the
        instrument has; ``"extreme range"``: a high or low more than 25 % beyond open and close), ``import_id``.

    Raises
    ------
    UnknownSymbol, AmbiguousSymbol
        See `ap.bars`.

    Examples
    --------
    >>> ap.flags("PG", "1d", "2010-05-06", "2010-05-06")["flag"].tolist()
    ['extreme range']
    """
    from alphapulse_lib.catalog.index import Index
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import flags as kept
    from alphapulse_lib.model.period import Period
    from alphapulse_lib.model.window import Window

    roots = Roots.of_settings()
    ids = None if symbols is None else [each.id for each in resolved(Index(roots), symbols)]
    asked = None if period is None else str(Period.parse(period))
    frame: pd.DataFrame = kept.read(roots, ids, asked, Window.of(start, end)).to_pandas()
    return frame


def _numbers(rows: Any) -> list[int] | None:
    """The numbers that a person gives for rows."""
    if rows is None:
        return None
    if hasattr(rows, "columns") and "number" not in rows.columns:
        raise InputError("These rows have no column number.", "Give rows of what ap.quarantine(import_id) returns.")
    given = rows["number"].tolist() if hasattr(rows, "columns") else [rows] if isinstance(rows, int) else rows
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"rows={str(rows)[:60]!r} are no numbers of rows.", "ap.quarantine(import_id) numbers them.")
    numbers = list(given)
    for each in numbers:
        if isinstance(each, bool) or not hasattr(each, "__index__"):
            raise InputError(f"{str(each)[:60]!r} is no number of a row.", "ap.quarantine(import_id) numbers them.")
    return [int(each) for each in numbers]
