"""`ap.ingest` and `ap.revert`: data into the catalog, and out of it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.symbols import check_text
from alphapulse_lib.settings import PROJECT

if TYPE_CHECKING:
    import pyarrow as pa

    from alphapulse_lib.catalog.versions import Merge
    from alphapulse_lib.ingestion.report import Report, Reverted
    from alphapulse_lib.providers.contract import Kind, Request, Stamps

__all__ = ["ingest", "revert"]


def ingest(
    provider: str,
    target: str | Path | Sequence[str | Path] | None = None,
    *,
    kind: Kind = "bars",
    symbol: str | None = None,
    venue: str | Mapping[str, str] | None = None,
    name: str | Mapping[str, str] | None = None,
    period: str = "1d",
    timezone: str | None = None,
    stamps: Stamps | None = None,
    adjusted: bool = False,
    columns: Mapping[str, str] | None = None,
    day_first: bool | None = None,
    recover: bool = True,
    source: str = "",
) -> Report:
    """Bring data into the catalog. Bad rows are set aside with line and reason; the same rows again change nothing.

    Parameters
    ----------
    provider, target : str, path or list of paths
        ``"files"`` with a CSV (or .gz) or Parquet file, a folder or a pattern; or alone the name of a declared dataset.
    kind, period : str
        ``"bars"``, ``"actions"`` or ``"articles"``; of bars ``"1m"``, ``"15m"``, ``"1h"``, ``"1d"``, ``"1w"``.
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

    Raises
    ------
    IngestError, InputError
        Nothing can be read, or an argument cannot be used; nothing was written.

    Examples
    --------
    >>> ap.ingest("sample").written
    0
    """
    options = {name: value for name, value in locals().items() if name != "provider"}
    check_text(provider, "A provider or a dataset", "ap.ingest('files', 'prices.csv', ...) or ap.ingest('sample')")
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import declarations, importer
    from alphapulse_lib.providers import registry

    if target is None:
        return declarations.ingest_dataset(_declared(provider), Roots.of_settings(), _annotate)
    reader = registry.provider(provider)
    return importer.ingest(reader, [_request(options)], Roots.of_settings(), annotate=_annotate)


def revert(import_id: str) -> Reverted:
    """Take an import back: its bars, actions, articles, and the instruments that nothing else is left of.

    A row belongs to the import that brought it first: it goes with that one, even where a later import found it
    unchanged. Import the later file again to have it back.

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

    Examples
    --------
    >>> ap.revert(ap.ingest("sample").id).articles
    242
    """
    check_text(import_id, "An import's id", "report.id of what ap.ingest gave")
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import importer

    return importer.revert(Roots.of_settings(), import_id)


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
    for argument in ("venue", "name", "columns"):
        if not isinstance(options[argument], str | Mapping | None):
            raise InputError(f"{argument}={str(options[argument])[:60]!r} is neither text nor a mapping.")
    return Request(**{**options, "columns": options["columns"] or {}})


def _annotate(root: Path, import_id: str, merges: Sequence[Merge], again: bool) -> None:
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
    from alphapulse_lib.ingestion.declarations import names
    from alphapulse_lib.providers import registry

    folder = PROJECT / "catalog"
    path = folder / f"{name}.yaml"
    if path.is_file():
        return path
    known = names(folder)
    if name in registry.names():
        raise InputError(f"What is {name} to import?", f'Give a path: ap.ingest("{name}", "prices.csv", ...).')
    raise InputError(
        f"No dataset is declared as {name!r}.",
        did_you_mean(name, known) or f"Declared are {', '.join(known) or 'none'}.",
    )
