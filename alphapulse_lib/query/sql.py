"""SQL over the catalog: DuckDB views that read its Parquet in place.

::

    bars_<period>   symbol, instrument_id, ts, open, high, low, close, volume, available_at, recorded_at, import_id
    articles        source, id, published_at, headline, body, url, symbols, available_at, ...: the newest revision
    news            symbol, instrument_id, available_at, headline, body, url, how, source, article_id, ...:
                    one row a revision and an instrument it is about, so that bars can be joined to what was out then
    mentions        source, article_id, instrument_id, published_at, how, available_at, ...
    scores          source, article_id, published_at, scorer, version, score, available_at, ...
    actions         instrument_id, kind, ex_date, ratio, amount, source, available_at, ...
    instruments     id, symbol, name, asset_class, currency, price_precision, size_precision

Prices are as traded, in doubles (a product of two 38-digit decimals overflows). Times are ``TIMESTAMPTZ`` to the
microsecond, shown in UTC (DuckDB's functions take no nanoseconds).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, datasets, layout, schemas
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.parquet import opened
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import QueryError
from alphapulse_lib.model.period import Period
from alphapulse_lib.query.bars import names

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["relation"]

_SERIES = r"([^/]+)-[0-9]+-[A-Z]+-LAST-EXTERNAL/[^/]+$"
_TRAIL = "available_at::TIMESTAMPTZ AS available_at, recorded_at::TIMESTAMPTZ AS recorded_at, import_id"


def relation(
    roots: Roots | Path, sql: str, as_of: int | None = None, recorded_as_of: int | None = None
) -> duckdb.DuckDBPyRelation:
    """What a query over the catalog answers, not yet computed.

    Parameters
    ----------
    sql : str
        One ``SELECT`` (or ``FROM``, ``WITH``, ``DESCRIBE``, ``EXPLAIN``) in DuckDB's SQL.
    as_of, recorded_as_of : int, optional
        Every view shows what was known, and what was recorded, by then: nanoseconds since 1970, UTC; now unless told.

    Returns
    -------
    duckdb.DuckDBPyRelation
        ``.df()``, ``.pl()``, ``.to_arrow_table()``, ``.fetchall()`` compute it.

    Raises
    ------
    CatalogEmpty
        Nothing was ever written to the catalog.
    CatalogDamaged
        A file of the catalog cannot be read.
    QueryError
        DuckDB refuses the query, in its own words; or it is not one reading statement.
    """
    import duckdb

    roots = Roots.of(roots)
    roots.require()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET python_enable_replacements = false")
    try:
        _make_views(connection, roots, as_of, recorded_as_of)
        statements = connection.extract_statements(sql)
        kinds = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
        if len(statements) != 1 or statements[0].type not in kinds:
            raise QueryError(
                "One reading statement is needed: the catalog is never written by SQL.", "Give one SELECT."
            )
        answer = connection.sql(sql)
        answer.columns  # noqa: B018 binds the query, so that what DuckDB refuses is refused here
    except (duckdb.IOException, duckdb.InvalidInputException) as refused:
        _require_sound(roots)
        raise QueryError(str(refused), _views_told(connection)) from None
    except duckdb.Error as refused:
        raise QueryError(str(refused), _views_told(connection)) from None
    return answer


def _require_sound(roots: Roots) -> None:
    """Refuse a catalog of which DuckDB cannot read a file, in words that say which and what to do."""
    for _, root in roots.all:
        for path in sorted(root.rglob("*.parquet")):
            opened(path)


def _make_views(
    connection: duckdb.DuckDBPyConnection, roots: Roots, as_of: int | None, recorded_as_of: int | None
) -> None:
    now = clock.now_ns()
    moments = (now if as_of is None else as_of, now if recorded_as_of is None else recorded_as_of)
    past = as_of is not None or recorded_as_of is not None
    index = Index(roots)
    connection.register("instruments", _instruments(index))
    connection.register("actions", _microseconds(actions.read(roots, None, as_of, recorded_as_of)))
    for period, paths in sorted(_bar_files(roots, past=past).items(), key=lambda each: each[0].nanoseconds):
        connection.execute(_bars_view(period, paths, index, moments, past=past))
    for dataset in schemas.DATASETS.values():
        if datasets.files(roots, dataset.name):
            connection.execute(_dataset_view(dataset, roots, moments))
        else:
            connection.register(dataset.name, _microseconds(dataset.schema.empty_table()))
    connection.execute(_news_view(roots, index, moments))


def _bar_files(roots: Roots, *, past: bool) -> dict[Period, list[Path]]:
    """The files of each period, from the root each series is read from; the superseded ones too for a past moment."""
    found: dict[Period, list[Path]] = {}
    for bar_type, _, root in roots.bar_types():
        published = layout.parquet_files(layout.bars_folder(root, bar_type))
        old = [layout.superseded(root, path) for path in published] if past else []
        found.setdefault(Period.of_bar_type(bar_type), []).extend([*published, *filter(Path.exists, old)])
    return found


def _bars_view(period: Period, paths: list[Path], index: Index, moments: tuple[int, int], *, past: bool) -> str:
    newest = """QUALIFY row_number() OVER (
                PARTITION BY instrument_id, ts_event ORDER BY available_at DESC, recorded_at DESC
            ) = 1"""
    figures = ", ".join(f"{name}::DOUBLE AS {name}" for name in schemas.FIGURES)
    return f"""
        CREATE VIEW bars_{period} AS
        SELECT {_symbol(index)} AS symbol, instrument_id, ts_event::TIMESTAMPTZ AS ts, {figures}, {_TRAIL}
        FROM (
            SELECT *, {_instrument_id(index)} AS instrument_id
            FROM read_parquet({_list(paths)}, filename = true)
            WHERE {_known(moments)}
            {newest if past else ""}
        )"""  # noqa: S608 every part is ours: file names and ids of the catalog, quoted


def _dataset_view(dataset: schemas.Dataset, roots: Roots, moments: tuple[int, int]) -> str:
    return f"CREATE VIEW {dataset.name} AS {_versions(dataset, dataset.key, roots, moments)}"


def _news_view(roots: Roots, index: Index, moments: tuple[int, int]) -> str:
    """Every revision beside every instrument it is about, from the moment that revision was out."""
    articles = schemas.ARTICLES
    held = datasets.files(roots, articles.name)
    revisions = _versions(articles, (*articles.key, "available_at"), roots, moments) if held else "FROM articles"
    return f"""
        CREATE VIEW news AS
        SELECT {_symbol(index)} AS symbol, instrument_id, m.available_at, a.headline, a.body, a.url, m.how, m.source,
            m.article_id, a.published_at, greatest(a.recorded_at, m.recorded_at) AS recorded_at, a.import_id
        FROM mentions m
        JOIN ({revisions}) a ON a.source = m.source AND a.id = m.article_id AND a.available_at = m.available_at
        """  # noqa: S608 every part is ours: file names, columns and ids of the catalog, quoted


def _versions(dataset: schemas.Dataset, key: tuple[str, ...], roots: Roots, moments: tuple[int, int]) -> str:
    """The newest version of what each key names; a person's own before the team's."""
    own = f"starts_with(filename, {_quoted(str(roots.personal) + '/')})" if roots.personal else "false"
    times = {"available_at", "recorded_at", "import_id"}
    columns = [
        f"{name}::TIMESTAMPTZ AS {name}" if name.endswith("_at") else name
        for name in dataset.schema.names
        if name not in times
    ]
    return f"""
        SELECT {", ".join(columns)}, {_TRAIL}
        FROM read_parquet({_list(datasets.files(roots, dataset.name))}, filename = true)
        WHERE {_known(moments)}
        QUALIFY row_number() OVER (
            PARTITION BY {", ".join(key)} ORDER BY {own} DESC, available_at DESC, recorded_at DESC
        ) = 1"""  # noqa: S608 every part is ours: file names and columns of the catalog, quoted


def _known(moments: tuple[int, int]) -> str:
    available, recorded = moments
    return f"available_at <= {_moment(available)} AND recorded_at <= {_moment(recorded)}"


def _moment(nanoseconds: int) -> str:
    return f"make_timestamp_ns({nanoseconds})::TIMESTAMPTZ_NS"


def _instrument_id(index: Index) -> str:
    """The id in a file's folder, where the slash of a currency pair is left out."""
    folder = f"regexp_extract(filename, {_quoted(_SERIES)}, 1)"
    slashed = {each.id.replace("/", ""): each.id for each in index.instruments() if "/" in each.id}
    if not slashed:
        return folder
    cases = " ".join(f"WHEN {_quoted(bare)} THEN {_quoted(whole)}" for bare, whole in slashed.items())
    return f"CASE {folder} {cases} ELSE {folder} END"


def _symbol(index: Index) -> str:
    """The short symbol where it is one instrument's alone, else the id."""
    shared = [
        each for each, name in zip(index.instruments(), names(index.instruments()), strict=True) if each.id == name
    ]
    short = r"regexp_replace(instrument_id, '\.[^.]*$', '')"
    if not shared:
        return short
    ids = ", ".join(_quoted(each.id) for each in shared)
    return f"CASE WHEN instrument_id IN ({ids}) THEN instrument_id ELSE {short} END"


def _instruments(index: Index) -> pa.Table:
    import pyarrow as pa

    known = index.instruments()
    columns = ("id", "symbol", "name", "asset_class", "currency", "price_precision", "size_precision")
    text = pa.string()
    kinds = [text, text, text, text, text, pa.int64(), pa.int64()]
    return pa.table(
        {
            name: pa.array([getattr(each, name) for each in known], kind)
            for name, kind in zip(columns, kinds, strict=True)
        }
    )


def _microseconds(table: pa.Table) -> pa.Table:
    """DuckDB's functions take times to the microsecond."""
    import pyarrow as pa

    times = [pa.timestamp("us", "UTC") if pa.types.is_timestamp(each.type) else each.type for each in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, times, strict=True))), safe=False)


def _views_told(connection: duckdb.DuckDBPyConnection) -> str:
    held = [
        name for (name,) in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    ]
    return f"The catalog's views: {', '.join(sorted(held))}."


def _list(paths: list[Path]) -> str:
    return f"[{', '.join(_quoted(str(path)) for path in paths)}]"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
