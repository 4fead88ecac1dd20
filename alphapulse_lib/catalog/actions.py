"""What befell instruments: splits, dividends, spin-offs, renames, delistings. One file a root, every version kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import datasets, layout, storage
from alphapulse_lib.catalog.kept import Kept
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import ACTIONS
from alphapulse_lib.catalog.versions import Merge, together
from alphapulse_lib.errors import InputError

__all__ = ["KINDS", "announced", "instruments", "known", "read", "remove", "write"]

type Moments = NDArray[np.int64]

#: The kinds of actions.
KINDS = ("split", "dividend", "spin_off", "rename", "delisting")
#: What each kind must tell besides its day.
_NEEDED = {"split": ("ratio",), "dividend": ("amount",), "spin_off": ("new_symbol",), "rename": ("new_symbol",)}


class _Held(NamedTuple):
    """Every version of a root's actions; when they became available, and when they were recorded, each in order."""

    table: pa.Table
    available: Moments
    recorded: Moments


_NONE = ACTIONS.schema.empty_table()
_KEPT = Kept[_Held](most=2)


def write(root: PurePath, table: pa.Table, import_id: str, *, recorded_at: int | None = None) -> Merge:
    """Merge corporate actions into a root.

    Parameters
    ----------
    table : pa.Table
        Columns ``instrument_id``, ``kind`` (one of `KINDS`), ``ex_date``, ``ratio``, ``amount``, ``new_symbol``,
        ``part`` (see `schemas.ACTIONS`), ``available_at``, ``source``; what a kind has no use for may be left out.
        A column ``assumed`` says of which rows nobody said when they were announced; of none without it.

    Raises
    ------
    InputError
        Another kind; a split without a ratio above zero; a dividend without an amount; a spin-off that tells neither
        or no symbol; a rename without the new symbol.
    """
    arriving = datasets.conformed(_filled(table), ACTIONS, import_id)
    _check(arriving)
    assumed = table["assumed"] if "assumed" in table.column_names else pa.array([False] * table.num_rows, pa.bool_())
    with locked(root):
        now = clock.now_ns() if recorded_at is None else recorded_at
        merges = [
            datasets.write_file(root, root / layout.ACTIONS, ACTIONS, rows, now, assumed=guessed)
            for guessed in (False, True)
            if (rows := arriving.filter(pc.equal(assumed, guessed))).num_rows
        ]
    return together(merges, ACTIONS.schema)


def read(
    roots: Roots | PurePath,
    instrument_id: str | None = None,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
    kinds: Sequence[str] = KINDS,
) -> pa.Table:
    """The corporate actions seen at a moment, sorted by instrument and ex-date.

    Parameters
    ----------
    instrument_id : str, optional
        One instrument; all unless told. An instrument's actions come from a person's own root where that holds any.
    as_of, recorded_as_of : int, optional
        Nanoseconds since 1970, UTC; now unless told.
    kinds : sequence of str
        Some of `KINDS`; all unless told.

    Returns
    -------
    pa.Table
        ``schemas.ACTIONS``; no rows where none is held.
    """
    parts: list[pa.Table] = []
    owned: list[str] = []
    for _, root in Roots.of(roots).all:
        table = _held(root).table
        if not table.num_rows:
            continue
        chosen = pc.invert(pc.is_in(table["instrument_id"], pa.array(owned, pa.string())))
        if instrument_id is not None:
            chosen = pc.and_(chosen, pc.equal(table["instrument_id"], instrument_id))
        table = table.filter(chosen)
        owned += pc.unique(table["instrument_id"]).to_pylist()
        table = table.filter(pc.is_in(table["kind"], pa.array(kinds)))
        if table.num_rows:
            parts.append(datasets.seen(table, ACTIONS, as_of, recorded_as_of))
    if not parts:
        return _NONE
    order = [("instrument_id", "ascending"), ("ex_date", "ascending"), ("kind", "ascending")]
    return pa.concat_tables(parts).sort_by(order)


def announced(
    roots: Roots, instrument_id: str, as_of: int | None = None, recorded_as_of: int | None = None
) -> dict[tuple[str, date, str], int]:
    """When each of an instrument's actions could first be known, in whatever version: a correction is no later news.

    Returns
    -------
    dict
        ``kind``, ``ex_date`` and ``part`` to nanoseconds since 1970, UTC; of the versions that are seen at the moments.
    """
    now = clock.now_ns()
    for _, root in roots.all:
        table = _held(root).table
        table = table.filter(pc.equal(table["instrument_id"], instrument_id))
        if not table.num_rows:
            continue
        for name, until in (("available_at", as_of), ("recorded_at", recorded_as_of)):
            table = table.filter(pc.less_equal(table[name].cast(pa.int64()), now if until is None else until))
        first = table.group_by(["kind", "ex_date", "part"]).aggregate([("available_at", "min")])
        moments = first["available_at_min"].cast(pa.int64()).to_pylist()
        names = zip(*(first[name].to_pylist() for name in ("kind", "ex_date", "part")), strict=True)
        return dict(zip(names, moments, strict=True))
    return {}


def known(roots: Roots, as_of: int | None = None, recorded_as_of: int | None = None) -> tuple[tuple[int, int], ...]:
    """Of each root's versions of actions, how many were available and how many recorded by a moment.

    While the files stay, what `read` gives of two moments is the same where this is: also of now, which goes on.
    """
    now = clock.now_ns()
    bounds = (now if as_of is None else as_of, now if recorded_as_of is None else recorded_as_of)
    return tuple(
        (
            int(np.searchsorted(available, bounds[0], side="right")),
            int(np.searchsorted(recorded, bounds[1], side="right")),
        )
        for _, available, recorded in (_held(root) for _, root in roots.all)
    )


def remove(root: PurePath, import_id: str) -> int:
    """Take an import's actions back; how many they were."""
    path = root / layout.ACTIONS
    with locked(root):
        return datasets.remove_from_file(root, path, ACTIONS, import_id) if storage.exists(path) else 0


def instruments(root: PurePath) -> list[str]:
    """The instruments that a root holds actions of."""
    path = root / layout.ACTIONS
    return pc.unique(whole(path, ["instrument_id"])["instrument_id"]).to_pylist() if storage.exists(path) else []


def _held(root: PurePath) -> _Held:
    path = root / layout.ACTIONS
    return _KEPT.of(path, [path], partial(_read, path))


def _read(path: PurePath) -> _Held:
    table = datasets.stored(path, ACTIONS) if storage.exists(path) else _NONE
    return _Held(table, *(np.sort(table[name].cast(pa.int64()).to_numpy()) for name in ("available_at", "recorded_at")))


def _filled(table: pa.Table) -> pa.Table:
    """The rows with every symbol and part: empty where there is none, and a spin-off's part is its symbol."""
    text = {name: table[name] if name in table.column_names else pa.nulls(table.num_rows) for name in ACTIONS.later}
    symbol, part = (pc.fill_null(text[name].cast(pa.string()), "") for name in ACTIONS.later)
    part = pc.if_else(pc.equal(table["kind"], "spin_off"), symbol, part)
    kept = table.drop_columns([name for name in ACTIONS.later if name in table.column_names])
    return kept.append_column("new_symbol", symbol).append_column("part", part)


def _check(table: pa.Table) -> None:
    """Refuse the first row that does not tell what its kind needs."""
    known = pc.is_in(table["kind"], pa.array(KINDS))
    if strange := table.filter(pc.invert(known)).slice(0, 1).to_pylist():
        raise InputError(
            f"{_told(strange[0])}: unknown kind of action {strange[0]['kind']!r}.",
            f"A corporate action is one of {', '.join(map(repr, KINDS))}.",
        )
    for kind, needed in _NEEDED.items():
        chosen = table.filter(pc.equal(table["kind"], kind))
        for name in needed:
            told = pc.not_equal(chosen[name], "") if name == "new_symbol" else _above_zero(chosen[name])
            if lacking := chosen.filter(pc.invert(told)).slice(0, 1).to_pylist():
                what = {"ratio": "a ratio above zero", "amount": "an amount above zero", "new_symbol": "a new symbol"}
                raise InputError(f"{_told(lacking[0])}: a {kind} needs {what[name]}.")
    spun = table.filter(pc.equal(table["kind"], "spin_off"))
    worthless = pc.invert(pc.or_(_above_zero(spun["ratio"]), _above_zero(spun["amount"])))
    if lacking := spun.filter(worthless).slice(0, 1).to_pylist():
        raise InputError(f"{_told(lacking[0])}: a spin_off needs a ratio or an amount above zero.")


def _above_zero(figures: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.and_(pc.greater(figures, 0.0), pc.is_finite(figures)), False)


def _told(row: dict[str, Any]) -> str:
    return f"{row['instrument_id']} {row['ex_date']}"
