"""`ap.ingest` and `ap.revert`: data into the catalog, and out of it again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal, overload

from alphapulse_lib.errors import InputError, UnknownImport, did_you_mean
from alphapulse_lib.session import ingests, publications
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.symbols import check_text
from alphapulse_lib.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

    from alphapulse_lib.catalog.versions import Merge
    from alphapulse_lib.ingestion.fetch import Wanted
    from alphapulse_lib.ingestion.plan import Plan
    from alphapulse_lib.ingestion.preview import Preview
    from alphapulse_lib.ingestion.report import Report, Reverted
    from alphapulse_lib.model.window import Moment
    from alphapulse_lib.providers.contract import Kind, Request, Stamps

__all__ = ["ingest", "revert"]

#: Characters of the name of a file, as file systems take it.
_LONGEST_NAME = 256


@overload
def ingest(
    provider: str,
    target: str | Path | Sequence[str | Path] | None = ...,
    period: str = ...,
    start: Moment = ...,
    end: Moment = ...,
    *,
    dry_run: Literal[True],
    **options: Any,
) -> Plan | Preview: ...
@overload
def ingest(
    provider: str,
    target: str | Path | Sequence[str | Path] | None = ...,
    period: str = ...,
    start: Moment = ...,
    end: Moment = ...,
    *,
    dry_run: bool = ...,
    **options: Any,
) -> Report: ...
def ingest(  # type: ignore[misc]  # the overloads tell the result alone; what it takes is said here, once
    provider: str,
    target: str | Path | Sequence[str | Path] | None = None,
    period: str = "1d",
    start: Moment = None,
    end: Moment = None,
    *,
    dry_run: bool = False,
    feed: str | None = None,
    kind: Kind = "bars",
    symbol: str | None = None,
    venue: str | Mapping[str, str] | None = None,
    name: str | Mapping[str, str] | None = None,
    timezone: str | None = None,
    stamps: Stamps | None = None,
    adjusted: bool = False,
    columns: Mapping[str, str] | None = None,
    day_first: bool | None = None,
    recover: bool = True,
    source: str = "",
) -> Report | Plan | Preview:
    """Bring data into the catalog. Bad rows are set aside with line and reason; the same rows again change nothing.

    In a hub's workspace files go to the person's own catalog; a vendor is asked by the hub's worker, once for all who
    ask, and its data goes to the team's: this waits for it (see `ingests`).

    Parameters
    ----------
    provider, target : str, path or list of paths
        ``"files"`` with a CSV (or .gz) or Parquet file, a folder or a pattern; ``"nautilus"`` with the folder of a
        catalog of NautilusTrader 1.x; a vendor such as ``"alpaca"`` with its tickers; or alone the name of a declared
        dataset.
    period, kind : str
        Of bars ``"1m"``, ``"15m"``, ``"1h"``, ``"1d"``, ``"1w"``; ``"bars"``, ``"trades"`` or ``"quotes"``, and of
        files ``"actions"``, ``"articles"``, ``"instruments"`` or ``"universe"`` too.
    start, end : str, date or datetime
        Of a vendor: what is wanted; a bare date is that whole day at the exchange. Only what is missing there and final
        is asked for, splits and dividends with it; cut short, it goes on where it was when run again.
    dry_run : bool
        Only reckon: of a vendor calls, rows and bytes, asking nothing; of files rows and bytes, writing nothing.
    feed : str
        Of a vendor: its feed, such as ``"iex"`` or ``"sip"``.
    symbol, venue, name : str
        Whose rows they are where no column says so; ``venue`` (a MIC: ``"XNAS"``) and ``name`` also by symbol.
    timezone : str
        The zone of stamps that name none; unless told, the venue's.
    stamps : {"session", "open", "close"}
        What stamps mark: a session (default of daily bars: the bar closes with it), the bar's open, its close.
    adjusted, recover : bool
        Prices are not as traded (the series is marked); splits and dividends are recovered from adjusted closes.
    columns, day_first : mapping, bool
        The file's name of a column that is not guessed: ``{"close": "Last"}``; how ``03/04/2013`` is read.

    Returns
    -------
    Report
        ``written``, ``unchanged``, ``restated``, ``quarantined`` (a DataFrame), ``warnings``, and ``id`` for `revert`.
        With ``dry_run`` of a vendor a `Plan`: ``calls``, ``rows``, ``bytes``, and the same by instrument; of files a
        `Preview`: ``rows``, ``bytes``, and the same by file.

    Raises
    ------
    IngestError, InputError
        Nothing can be read, or an argument cannot be used; nothing was written.
    ProviderError
        A vendor did not give what was asked; what it gave before that is kept, and is not asked for again.
    StoppedWaiting
        In a hub's workspace: interrupted; the hub goes on fetching.

    Examples
    --------
    >>> ap.ingest("sample").written
    0
    """
    check_text(provider, "A provider or a dataset", "ap.ingest('files', 'prices.csv', ...) or ap.ingest('sample')")
    from alphapulse_lib.providers import registry

    _refuse_path(provider)
    own = {"symbol": symbol, "name": name, "timezone": timezone, "stamps": stamps, "adjusted": adjusted,
           "columns": columns, "day_first": day_first, "source": source}  # fmt: skip
    if target is None:
        return _dataset(provider, dry_run)
    if registry.is_vendor(provider):
        _refuse(provider, own | {"recover": None if recover else False})
        one_of("kind", kind, ("bars", "trades", "quotes"))
        wanted = replace(_wanted(provider, target, period, start, end, venue, feed), kind=kind)
        return _of_vendor(provider, wanted, dry_run)
    _refuse(provider, {"start": start, "end": end, "feed": feed})
    options = own | {"target": target, "kind": kind, "venue": venue, "period": period, "recover": recover}
    return _of_files(provider, _request(options), dry_run)


def _dataset(name: str, dry_run: bool) -> Report | Plan | Preview:
    """Bring in a declared dataset."""
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import declarations

    path, roots = _declared(name), Roots.of_settings()
    if ingests.through_the_hub() and declarations.is_of_vendor(path):
        roots = ingests.team()
        if not dry_run:
            return ingests.bring_up_to_date(name)
    return declarations.ingest_dataset(path, roots, _annotate, dry_run=dry_run)


def _of_vendor(name: str, wanted: Wanted, dry_run: bool) -> Report | Plan:
    """Bring in what is wanted of a vendor; in a hub's workspace the worker does."""
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import fetch
    from alphapulse_lib.providers import registry

    vendor, roots = registry.vendor(name), Roots.of_settings()
    if ingests.through_the_hub():
        return fetch.plan(vendor, wanted, ingests.team()) if dry_run else ingests.fetched(name, wanted)
    return fetch.plan(vendor, wanted, roots) if dry_run else fetch.run(vendor, wanted, roots)


def _of_files(name: str, request: Request, dry_run: bool) -> Report | Preview:
    """Bring in what a provider reads."""
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import importer
    from alphapulse_lib.ingestion.preview import preview
    from alphapulse_lib.providers import registry

    reader = registry.provider(name)
    if dry_run:
        return preview(reader, [request])
    return importer.ingest(reader, [request], Roots.of_settings(), annotate=_annotate)


def revert(import_id: str) -> Reverted:
    """Take an import or a publication back: its rows, and the instruments that nothing else is left of.

    A row belongs to the import that brought it first: it goes with that one, even where a later import found it
    unchanged. Import the later file again to have it back.

    In a hub's workspace the worker takes a publication back, for whoever may publish: see `publish`.

    Parameters
    ----------
    import_id : str
        ``report.id``, or a beginning of it that no other import shares.

    Returns
    -------
    Reverted
        How many rows went, and which instruments.

    Raises
    ------
    UnknownImport
        No such import was made.
    InputError
        It was taken back already.
    NotAllowed
        In a hub: it is a publication, and you may not publish.

    Examples
    --------
    >>> ap.revert(ap.ingest("sample").id).articles
    242
    """
    check_text(import_id, "An import's id", "report.id of what ap.ingest gave")
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import importer
    from alphapulse_lib.ingestion.records import find

    roots = Roots.of_settings()
    try:
        return importer.revert(roots, import_id)
    except UnknownImport:
        if roots.personal is None or not importer.knows(roots.team, import_id):
            raise
        record = find(roots.team, import_id)
        if record["kind"] == "publication" and ingests.through_the_hub():
            return publications.taken_back(roots.team, record["id"])
        return importer.revert(Roots(roots.team), import_id)


def _refuse_path(name: str) -> None:
    """Refuse a file, a folder or a pattern where the name of what reads it is to stand."""
    from alphapulse_lib.providers import registry

    if name in settings().declarations or name in (*registry.names(), *registry.vendors()):
        return
    if len(name) < _LONGEST_NAME and ("." in name or os.sep in name or Path(name).exists()):
        raise InputError(
            f"{name!r} is no provider and no dataset, but a path.",
            f"What reads files is called files: ap.ingest('files', {name!r}, ...), or in a terminal `alphapulse ingest "
            f"files {shlex.quote(name)}`; symbol, venue and period tell whose bars those are.",
        )


def _refuse(provider: str, given: Mapping[str, Any]) -> None:
    """Refuse arguments that this source of data has no use for, rather than leave them unheeded."""
    for argument, value in given.items():
        if (value is not None and value is not False and value != "") or (argument == "recover" and value is False):
            raise InputError(
                f"{argument}={str(value)[:60]!r} means nothing to {provider}.",
                "Files take symbol, name, timezone, stamps, adjusted, columns, day_first, recover and source; vendors "
                "take start, end and feed; both take period, venue and dry_run.",
            )


def _wanted(
    provider: str, target: Any, period: str, start: Moment, end: Moment, venue: Any, feed: str | None
) -> Wanted:
    """What the arguments of `ingest` want of a vendor."""
    from alphapulse_lib.ingestion.fetch import Wanted
    from alphapulse_lib.model.period import Period
    from alphapulse_lib.model.window import Window

    symbols = [target] if isinstance(target, str) else list(target) if isinstance(target, list | tuple | set) else []
    if not symbols:
        raise InputError(f"Which tickers of {provider}?", f'ap.ingest("{provider}", ["AAPL"], "1d", "2020-01-01").')
    for each in symbols:
        check_text(each, "A ticker", "'AAPL' or 'BTC/USD'")
    if start is None:
        raise InputError("From when on?", f'ap.ingest("{provider}", ["AAPL"], "1d", "2020-01-01").')
    if not isinstance(venue, str | None) or not isinstance(feed, str | None):
        raise InputError(f"venue={venue!r}, feed={feed!r}: each is text.", "Such as venue='XNAS', feed='iex'.")
    Window.of(start, end)
    tickers = tuple(each.strip().upper() for each in symbols)
    return Wanted(tickers, (str(Period.parse(period)),), start, end, feed, venue or "")


def _request(options: Mapping[str, Any]) -> Request:
    """The request that the arguments of `ingest` make."""
    from alphapulse_lib.providers.contract import KINDS, STAMPS, Request

    one_of("kind", options["kind"], KINDS)
    if options["stamps"] is not None:
        one_of("stamps", options["stamps"], STAMPS)
    for argument in ("symbol", "timezone", "source", "period"):
        if not isinstance(options[argument], str | None):
            raise InputError(f"{argument}={str(options[argument])[:60]!r} is not text.")
    for argument in ("adjusted", "recover"):
        if not isinstance(options[argument], bool):
            raise InputError(f"{argument}={str(options[argument])[:60]!r} is neither True nor False.")
    if not isinstance(options["day_first"], bool | None):
        raise InputError(f"day_first={str(options['day_first'])[:60]!r} is neither True, False nor None.")
    for argument in ("venue", "name"):
        if not isinstance(options[argument], str | Mapping | None):
            raise InputError(f"{argument}={str(options[argument])[:60]!r} is neither text nor a mapping.")
    columns = options["columns"]
    if not isinstance(columns, Mapping | None) or not all(
        isinstance(each, str) for pair in (columns or {}).items() for each in pair
    ):
        raise InputError(f"columns={str(columns)[:60]!r} is no mapping of text to text.", "Such as {'close': 'Last'}.")
    return Request(**{**options, "columns": options["columns"] or {}})


def _annotate(root: PurePath, import_id: str, merges: Sequence[Merge], again: bool) -> None:
    """Find what the articles of an import are about, and score them; again for all articles held where that is asked.

    That is where instruments are new, and where an import was cut short: all versions of each article are looked at, as
    they would have been had they only just come.
    """
    from alphapulse_lib.articles import mentions
    from alphapulse_lib.catalog import datasets
    from alphapulse_lib.catalog.index import Index
    from alphapulse_lib.catalog.roots import Roots

    roots = Roots.of_settings()
    index = Index(roots)
    for articles in datasets.every_version(roots, "articles") if again else [merge.added for merge in merges]:
        if articles.num_rows:
            found = mentions.find(articles, index.instruments(), index.listings())
            datasets.write(root, "mentions", found, import_id)
            datasets.write(root, "scores", _scored(articles), import_id)


def _scored(articles: pa.Table) -> pa.Table:
    """The scores that the default scorer gives to the headlines."""
    import pyarrow as pa

    from alphapulse_lib import scoring

    scorer = scoring.find()
    columns = {name: articles[name] for name in ("source", "published_at", "available_at")}
    scores = pa.array(scoring.score(articles["headline"], scorer))
    named = {
        name: pa.array([value] * len(scores)) for name, value in (("scorer", scorer.name), ("version", scorer.version))
    }
    return pa.table({**columns, "article_id": articles["id"], **named, "score": scores})


def _declared(name: str) -> Path:
    """The declaration of a dataset."""
    from alphapulse_lib.providers import registry

    known = settings().declarations
    if name in known:
        return known[name]
    if name in registry.names():
        raise InputError(f"What is {name} to import?", f'Give a path: ap.ingest("{name}", "prices.csv", ...).')
    if name in registry.vendors():
        raise InputError(f"Which tickers of {name}?", f'ap.ingest("{name}", ["AAPL"], "1d", "2020-01-01").')
    raise InputError(
        f"No dataset is declared as {name!r}.",
        did_you_mean(name, known) or f"Declared are {', '.join(known) or 'none'}.",
    )
