"""The columns of every file. Times are ``timestamp[ns, UTC]``; every dataset carries the three times of a fact.

``ts`` (``ts_event``, ``ex_date``, ``published_at``)
    when it happened or was final;
``available_at``
    when somebody in the market could first have known it;
``recorded_at``
    when this catalog learned it, stamped by the writer.

``import_id`` names the import that brought a row, so that it can be taken back.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

__all__ = [
    "ACTIONS",
    "ARTICLES",
    "BAR_INPUT",
    "DATASETS",
    "MENTIONS",
    "PRICES",
    "SCORES",
    "TIME",
    "UNIVERSE",
    "Dataset",
]

TIME = pa.timestamp("ns", tz="UTC")
#: NautilusTrader's prices and quantities.
DECIMAL = pa.decimal128(38, 16)
_IMPORT = pa.dictionary(pa.int32(), pa.string())
_TRAIL = [("available_at", TIME), ("recorded_at", TIME), ("import_id", _IMPORT)]

PRICES = ("open", "high", "low", "close")
FIGURES = (*PRICES, "volume")

#: What `writer.write_bars` takes.
BAR_INPUT = pa.schema([("ts", TIME), *((name, pa.float64()) for name in FIGURES), ("available_at", TIME)])

#: NautilusTrader's columns of a bar, in its order.
NAUTILUS_BARS = [
    *(pa.field(name, DECIMAL, nullable=False) for name in FIGURES),
    pa.field("ts_event", TIME, nullable=False),
    pa.field("ts_init", TIME, nullable=False),
]


def bars(
    bar_type: str, instrument_id: str, price_precision: int, size_precision: int, *, ours: bool = True
) -> pa.Schema:
    """NautilusTrader's schema of a series, with our three columns at its end."""
    metadata = {
        "bar_type": bar_type,
        "instrument_id": instrument_id,
        "price_precision": str(price_precision),
        "size_precision": str(size_precision),
        "type_name": "Bar",
    }
    return pa.schema([*NAUTILUS_BARS, *(trail() if ours else [])], metadata=metadata)


def trail() -> list[pa.Field]:
    """Our three columns at the end of NautilusTrader's."""
    return [pa.field(name, kind, nullable=False) for name, kind in _TRAIL]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of our own: its columns, what names a fact in it, and the time it is filed under.

    Where ``available_at`` is part of ``key``, rows of one key differ in what we recorded, not in what was known.
    Files that were written before one of the columns of text in ``later`` came to be are read as if it were empty.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    filed_by: str
    later: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are neither key nor time nor origin."""
        aside = {*self.key, *(name for name, _ in _TRAIL)}
        return tuple(name for name in self.schema.names if name not in aside)


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([*columns, *_TRAIL])


#: One row a revision of an article. ``symbols`` are instrument ids that its source names.
ARTICLES = Dataset(
    "articles",
    _schema(
        ("source", pa.string()),
        ("id", pa.string()),
        ("published_at", TIME),
        ("headline", pa.string()),
        ("body", pa.string()),
        ("url", pa.string()),
        ("symbols", pa.list_(pa.string())),
    ),
    ("source", "id"),
    "published_at",
)

#: One row an instrument that a revision of an article is about; ``available_at`` is that revision's.
MENTIONS = Dataset(
    "mentions",
    _schema(
        ("source", pa.string()),
        ("article_id", pa.string()),
        ("instrument_id", pa.string()),
        ("published_at", TIME),
        ("how", pa.string()),
    ),
    ("source", "article_id", "available_at", "instrument_id"),
    "published_at",
)

#: One row a score that one version of a scorer gave a revision of an article; ``available_at`` is that revision's.
SCORES = Dataset(
    "scores",
    _schema(
        ("source", pa.string()),
        ("article_id", pa.string()),
        ("published_at", TIME),
        ("scorer", pa.string()),
        ("version", pa.string()),
        ("score", pa.float64()),
    ),
    ("source", "article_id", "available_at", "scorer", "version"),
    "published_at",
)

#: What befell an instrument on its ``ex_date``, by ``kind``; amounts in its currency, a share:
#:
#: - ``split``: ``ratio`` new shares for one old;
#: - ``dividend``: ``amount`` of cash;
#: - ``spin_off``: ``ratio`` shares of ``new_symbol`` for one, worth ``amount`` where that is told;
#: - ``rename``: listed under ``new_symbol`` from that day on;
#: - ``delisting``: no longer listed from that day on; holders got ``amount`` of cash and ``ratio`` shares of
#:   ``new_symbol``, where that is told.
#:
#: ``part`` tells several of one kind and day apart: the symbol that was spun off, ``special`` of a dividend.
ACTIONS = Dataset(
    "actions",
    _schema(
        ("instrument_id", pa.string()),
        ("kind", pa.string()),
        ("ex_date", pa.date32()),
        ("ratio", pa.float64()),
        ("amount", pa.float64()),
        ("new_symbol", pa.string()),
        ("part", pa.string()),
        ("source", pa.string()),
    ),
    ("instrument_id", "kind", "ex_date", "part"),
    "ex_date",
    ("new_symbol", "part"),
)

#: Members of universes: ``start`` is the first day as a member, ``end`` the first day no longer one (null: still).
UNIVERSE = Dataset(
    "universe",
    _schema(("universe", pa.string()), ("ticker", pa.string()), ("start", pa.date32()), ("end", pa.date32())),
    ("universe", "ticker", "start"),
    "start",
)

DATASETS = {each.name: each for each in (ARTICLES, MENTIONS, SCORES)}
