"""NautilusTrader's own files of instruments, written without it: its bare catalog knows what our bars are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.model.instrument import Instrument

__all__ = ["nautilus_file", "nautilus_files"]

_TEXT = pa.string()
_SMALL = pa.uint8()

_EQUITY = [
    *(("id", _TEXT), ("raw_symbol", _TEXT), ("currency", _TEXT), ("price_precision", _SMALL)),
    *(("price_increment", _TEXT), ("lot_size", None), ("isin", None), ("max_quantity", None), ("min_quantity", None)),
    *(("max_price", None), ("min_price", None)),
]
_CFD = [
    *(("id", _TEXT), ("raw_symbol", _TEXT), ("asset_class", _TEXT), ("base_currency", None), ("quote_currency", _TEXT)),
    *(("price_precision", _SMALL), ("size_precision", _SMALL), ("price_increment", _TEXT), ("size_increment", _TEXT)),
    *(("lot_size", None), ("max_quantity", None), ("min_quantity", None), ("max_notional", None)),
    *(("min_notional", None), ("max_price", None), ("min_price", None)),
]
_END = [("margin_init", _TEXT), ("margin_maint", _TEXT), ("tick_scheme", None), ("info", None)]


def nautilus_file(instrument: Instrument) -> tuple[str, pa.Table]:
    """The folder of an instrument's kind, and its one row."""
    (_, kind, table), *_ = nautilus_files([instrument])
    return kind, table


def nautilus_files(instruments: Iterable[Instrument]) -> Iterator[tuple[Instrument, str, pa.Table]]:
    """Each instrument with the folder of its kind, and its one row.

    What trades in whole shares is an ``Equity``. NautilusTrader has none that trades in parts: the rest is a ``Cfd``.
    """
    chosen = list(instruments)
    for kind, name, columns, whole in (("equity", "Equity", _EQUITY, True), ("cfd", "Cfd", _CFD, False)):
        alike = [each for each in chosen if (each.size_precision == 0) is whole]
        rows = pa.Table.from_pylist([_row(each) for each in alike], _schema(columns))  # a thousand as fast as ten
        for at, each in enumerate(alike):
            named = {"instrument_id": each.id, "type_name": name}
            yield each, kind, rows.slice(at, 1).replace_schema_metadata(named)


def _row(instrument: Instrument) -> dict[str, Any]:
    return {
        "id": instrument.id,
        "raw_symbol": instrument.symbol,
        "currency": instrument.currency,
        "quote_currency": instrument.currency,
        "asset_class": "EQUITY",
        "price_precision": instrument.price_precision,
        "size_precision": instrument.size_precision,
        "price_increment": _increment(instrument.price_precision),
        "size_increment": _increment(instrument.size_precision),
        "margin_init": "0",
        "margin_maint": "0",
        "ts_event": 0,
        "ts_init": 0,
    }


def _schema(columns: list[tuple[str, pa.DataType | None]]) -> pa.Schema:
    """Columns without a type are optional text, except ``info``."""
    fields = [
        pa.field(name, kind or (pa.json_(_TEXT) if name == "info" else _TEXT), nullable=kind is None)
        for name, kind in (*columns, *_END)
    ]
    times = [pa.field(name, TIME, nullable=False) for name in ("ts_event", "ts_init")]
    return pa.schema([*fields, *times])


def _increment(precision: int) -> str:
    return f"{10.0**-precision:.{precision}f}"
