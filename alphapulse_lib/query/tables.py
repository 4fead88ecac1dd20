"""The views that SQL sees: made of the catalog's files, none of which is opened before a query needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from alphapulse_lib import clock
from alphapulse_lib.catalog import datasets, floats, layout, schemas, ticks
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.parquet import shown
from alphapulse_lib.catalog.roots import Roots, format_of
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.period import Period
from alphapulse_lib.query import flaws, identity
from alphapulse_lib.query.bars import names
from alphapulse_lib.query.flaws import quoted as _quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["make"]

_TRAIL = "available_at::TIMESTAMPTZ AS available_at, recorded_at::TIMESTAMPTZ AS recorded_at, import_id"
#: An article's own moment before all else of it.
_WHEN = "published_at AS ts, *"
#: Column of a file -> what the view calls it, and its type.
type _Columns = dict[str, tuple[str, str]]
type _Scans = list[tuple[list[PurePath], _Columns]]
type _Flaws = Mapping[PurePath, CatalogDamaged]

_TS = ("ts", "TIMESTAMPTZ")
_MOMENTS = {"ts_event": _TS, "ts_init": ("ts_ns", "TIMESTAMPTZ_NS")}
_TICKS = {
    "trades": _MOMENTS
    | {name: (name, "DOUBLE") for name in ("price", "size")}
    | {name: (name, "VARCHAR") for name in ("aggressor_side", "trade_id", "conditions", "exchange")},
    "quotes": _MOMENTS
    | {f"{name}_price": (name, "DOUBLE") for name in ("bid", "ask")}
    | {name: (name, "DOUBLE") for name in ("bid_size", "ask_size")}
    | {"sequence": ("sequence", "INTEGER")},
}
#: Of bars in floats: by the format of the catalog that a file lies in.
_FLOATS: dict[int, _Columns] = {
    1: {"ts_event": _TS} | {name: (name, "DOUBLE") for name in schemas.FIGURES},
    floats.FORMAT: {"ts_event": _TS} | {column: (name, "DOUBLE") for column, name in floats.COLUMNS.items()},
}
_EXACT: _Columns = {"ts_event": _TS} | {name: (name, "DECIMAL(38, 16)") for name in schemas.FIGURES}
_TRAIL_COLUMNS = {
    # To the nanosecond, so that a bound is kept to the nanosecond; shown to the microsecond.
    "available_at": ("available_at", "TIMESTAMPTZ_NS"),
    "recorded_at": ("recorded_at", "TIMESTAMPTZ_NS"),
    "import_id": ("import_id", "VARCHAR"),
}
_TRAIL_SHOWN = {name: (name, kind.removesuffix("_NS")) for name, (_, kind) in _TRAIL_COLUMNS.items()}


def make(
    connection: duckdb.DuckDBPyConnection, roots: Roots, as_of: int | None, recorded_as_of: int | None, asked: str
) -> tuple[list[PurePath], list[CatalogDamaged]]:
    """Make every view: the files that they read, and what is wrong with files of the views that a query names."""
    now = clock.now_ns()
    moments = (now if as_of is None else as_of, now if recorded_as_of is None else recorded_as_of)
    past = as_of is not None or recorded_as_of is not None
    index = Index(roots, as_of, recorded_as_of)
    for name, table in identity.tables(roots, index, as_of, recorded_as_of).items():
        connection.register(name, _microseconds(table))
    read, damaged, asked = list[PurePath](), list[CatalogDamaged](), asked.lower()

    def make_series(view: str, scans: _Scans, ids: _Names) -> None:
        wrong = _flaws(scans) if all(part in asked for part in view.removeprefix("main.").split(".")) else {}
        damaged.extend(wrong.values())
        connection.execute(f"CREATE VIEW {view} AS {_series(scans, ids, moments, wrong, past=past)}")

    bars = _Names.of(index, "-[0-9]+-[A-Z]+-LAST-EXTERNAL")
    connection.execute("CREATE SCHEMA exact")
    for period, formats in sorted(_bar_files(roots, past=past).items(), key=lambda each: each[0].nanoseconds):
        for schema, columns in (("main", _FLOATS), ("exact", dict.fromkeys(_FLOATS, _EXACT))):
            scans = [(each, columns[version]) for version, each in formats.items()]
            make_series(f"{schema}.bars_{period}", scans, bars)
        read += [path for each in formats.values() for path in each]
    for kind in ticks.KINDS:
        paths = _tick_files(roots, kind, past=past)
        ids = _Names.of(index, "", ("ts", "ts_ns", ticks.KEYS[kind]))
        if paths:
            make_series(kind, [(paths, _TICKS[kind])], ids)
        else:
            connection.execute(f"CREATE VIEW {kind} AS {_no_series(_TICKS[kind])}")
        read += paths
    for dataset in schemas.DATASETS.values():
        held = datasets.files(roots, dataset.name)
        rows = _versions(dataset, dataset.key, roots, moments) if held else _no_rows(connection, dataset)
        symbol = f"{_symbol(index)} AS symbol, " if "instrument_id" in dataset.schema.names else ""
        connection.execute(f"CREATE VIEW {dataset.name} AS SELECT {symbol}{_WHEN} FROM ({rows})")  # noqa: S608 ours
        read += held
    connection.execute(_news_view(roots, index, moments))
    return read, damaged


def _flaws(scans: _Scans) -> _Flaws:
    return {
        path: flaw for paths, columns in scans for path, flaw in flaws.found(paths, (*columns, *_TRAIL_COLUMNS)).items()
    }


def _bar_files(roots: Roots, *, past: bool) -> dict[Period, dict[int, list[PurePath]]]:
    """The files of each period, from the root each series is read from, by that root's format.

    The superseded ones too for a past moment.
    """
    found: dict[Period, dict[int, list[PurePath]]] = {}
    formats = {root: min(format_of(root), floats.FORMAT) for _, root in roots.all}
    for bar_type, _, root, published in roots.all_series():
        files = found.setdefault(Period.of_bar_type(bar_type), {}).setdefault(formats[root], [])
        files += [path for path, _ in layout.bounded(published)]
        if past:
            files += _superseded(root, "bars", published)
    return found


def _tick_files(roots: Roots, kind: ticks.Tick, *, past: bool) -> list[PurePath]:
    found = list(ticks.files(roots, kind))
    published = [path for _, path in found]
    old = [
        each
        for _, root in roots.all
        if past
        for each in _superseded(root, kind, [path for place, path in found if place == root])
    ]
    return [*published, *old]


def _superseded(root: PurePath, kind: str, published: list[PurePath]) -> list[PurePath]:
    """Of these published files the superseded rows, where there are any."""
    held = set(layout.superseded_files(root, kind))
    return [each for path in published if (each := layout.superseded(root, path)) in held]


def _series(scans: _Scans, names: _Names, moments: tuple[int, int], wrong: _Flaws, *, past: bool) -> str:
    """What a view of many instruments' files selects; files that differ in their columns are scanned apart.

    The columns are declared, so that DuckDB opens no file to learn them, and converts as it reads: a filter on ``ts``
    skips row groups by their statistics. Symbol and id are functions of the file's name alone, which DuckDB evaluates
    before it opens one: a filter on them leaves all other files shut. Both would be lost if they were written as a
    subquery with a filter of its own, or as casts around the columns. A file with a flaw is an error in whatever answer
    it would be part of.
    """
    trail = "available_at, recorded_at, import_id" if past else _TRAIL
    known = _known(moments) if past else _current(moments)
    named = f"SELECT {names.symbol} AS symbol, {names.instrument_id} AS instrument_id"
    sound = [([each for each in paths if each not in wrong], columns) for paths, columns in scans]
    rows = " UNION ALL ".join(
        [
            f"{named}, {_shown(columns)}, {trail} FROM {_scan(paths, columns)} WHERE {known}"
            for paths, columns in sound
            if paths
        ]
        + [f"{named}, {_refused(path, flaw, scans[0][1])}" for path, flaw in wrong.items()]
    )
    if not past:
        return rows
    # Partitioned by all that a query filters by, so that DuckDB moves its filters below the choice of a version.
    key = ", ".join(("symbol", "instrument_id", *names.key))
    shown = ", ".join(name for name, _ in scans[0][1].values())
    return f"""
        SELECT symbol, instrument_id, {shown}, {_TRAIL}
        FROM ({rows}) AS versions
        QUALIFY row_number() OVER (
            PARTITION BY {key} ORDER BY versions.available_at DESC, versions.recorded_at DESC
        ) = 1"""  # noqa: S608 as above


def _scan(paths: list[PurePath], columns: _Columns) -> str:
    declared = ", ".join(
        f"{_quoted(name)}: {{name: {_quoted(shown)}, type: {_quoted(kind)}, default_value: NULL}}"
        for name, (shown, kind) in (columns | _TRAIL_COLUMNS).items()
    )
    return f"read_parquet({_list(paths)}, filename = true, schema = MAP {{{declared}}})"


def _refused(path: PurePath, flaw: CatalogDamaged, columns: _Columns) -> str:
    """In place of a file's rows: DuckDB comes to it when a query asks for any of them, and only then."""
    told = f"error({_quoted(flaws.text(flaw))})"
    shown = ", ".join(f"{told}::{kind} AS {name}" for name, kind in (columns | _TRAIL_SHOWN).values())
    return f"{shown} FROM (SELECT {_quoted(str(path))} AS filename) WHERE {told}::BOOLEAN"


def _shown(columns: _Columns) -> str:
    """The columns as a view gives them. DuckDB takes one that a file does not have for empty: floats never are."""
    told = "error('A file of bars lacks its floats. `alphapulse check --repair` finds and mends it.')"
    return ", ".join(
        f"coalesce({shown}, {told}) AS {shown}" if name in floats.COLUMNS else shown
        for name, (shown, _) in columns.items()
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """Symbol and id as DuckDB works them out of a file's folder, and what else names a row."""

    symbol: str
    instrument_id: str
    key: tuple[str, ...] = ("ts",)

    @classmethod
    def of(cls, index: Index, pattern: str, key: tuple[str, ...] = ("ts",)) -> _Names:
        """By a pattern of the folder after its id. The folder leaves the slash of a currency pair out."""
        folder = f"regexp_extract(filename, {_quoted(f'([^/]+){pattern}/[^/]+$')}, 1)"
        short = f"regexp_extract(filename, {_quoted(f'([^/]+)[.][^/.]+{pattern}/[^/]+$')}, 1)"
        known = index.instruments()
        told = {each.id: name for each, name in zip(known, names(known), strict=True)}
        slashed = {each: each for each in told if "/" in each}
        odd = {each: name for each, name in told.items() if "/" in each or name != each.rpartition(".")[0]}
        return cls(_cases(folder, short, odd), _cases(folder, folder, slashed), key)


def _cases(folder: str, usual: str, odd: dict[str, str]) -> str:
    """The usual expression, but for the few ids that it does not fit."""
    if not odd:
        return usual
    cases = " ".join(f"WHEN {_quoted(each.replace('/', ''))} THEN {_quoted(name)}" for each, name in odd.items())
    return f"CASE {folder} {cases} ELSE {usual} END"


def _no_series(columns: dict[str, tuple[str, str]]) -> str:
    """What the view selects where no file of it is held: its columns, so that a query for them finds nothing."""
    kinds = dict.fromkeys(("symbol", "instrument_id"), "VARCHAR") | dict((columns | _TRAIL_SHOWN).values())
    return _nothing(kinds)


def _no_rows(connection: duckdb.DuckDBPyConnection, dataset: schemas.Dataset) -> str:
    empty = connection.from_arrow(_microseconds(dataset.schema.empty_table()))
    return _nothing(dict(zip(empty.columns, map(str, empty.types), strict=True)))


def _nothing(kinds: dict[str, str]) -> str:
    return f"SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in kinds.items())} WHERE false"


def _news_view(roots: Roots, index: Index, moments: tuple[int, int]) -> str:
    """Every revision beside every instrument it is about, from the moment that revision was out."""
    articles = schemas.ARTICLES
    held = datasets.files(roots, articles.name)
    versions = _versions(articles, (*articles.key, "available_at"), roots, moments) if held else ""
    revisions = f"SELECT {_WHEN} FROM ({versions})" if held else "FROM articles"  # noqa: S608 ours
    return f"""
        CREATE VIEW news AS
        SELECT {_symbol(index)} AS symbol, instrument_id, a.ts, m.available_at, a.headline, a.body, a.url, m.how,
            m.source, m.article_id, a.published_at, greatest(a.recorded_at, m.recorded_at) AS recorded_at, a.import_id
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


def _current(moments: tuple[int, int]) -> str:
    """Known by now, or by its own recording: a writer may put a file in place after the question was asked."""
    return f"available_at <= greatest({_moment(moments[0])}, recorded_at)"


def _moment(nanoseconds: int) -> str:
    return f"make_timestamp_ns({nanoseconds})::TIMESTAMPTZ_NS"


def _symbol(index: Index) -> str:
    """What each instrument is called (`bars.names`), by its id."""
    known = index.instruments()
    told = zip(known, names(known), strict=True)
    odd = [f"WHEN {_quoted(each.id)} THEN {_quoted(name)}" for each, name in told if name != each.symbol]
    short = r"regexp_replace(instrument_id, '\.[^.]*$', '')"
    return f"CASE instrument_id {' '.join(odd)} ELSE {short} END" if odd else short


def _microseconds(table: pa.Table) -> pa.Table:
    """DuckDB's functions take times to the microsecond."""
    import pyarrow as pa

    times = [pa.timestamp("us", "UTC") if pa.types.is_timestamp(each.type) else each.type for each in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, times, strict=True))), safe=False)


def _list(paths: list[PurePath]) -> str:
    return f"[{', '.join(_quoted(str(shown(path))) for path in paths)}]"
