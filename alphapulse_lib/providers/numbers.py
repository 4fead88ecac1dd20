"""Numbers as files write them, whole columns at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.providers.text import as_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["has_decimal_comma", "plain_numbers", "read_numbers", "read_ratios"]

_MISSING = ["", "nan", "null", "none", "n/a", "na", "-", "--", "."]
_ORNAMENT = r"^[$€£¥]|[_\s\u{a0}']"
#: 1,5 and 1,2345, but not 1,234; 1.234,5 and 1.234,567.
_COMMA = r"^-?\d+,\d{1,2}$|^-?\d+,\d{4,}$|^-?\d{1,3}(\.\d{3})+,\d+$"
#: 1.234 and 1.234.567,89
_POINTS_GROUP = r"^-?\d{1,3}(\.\d{3})+(,\d+)?$"


def has_decimal_comma(column: pa.ChunkedArray) -> bool:
    """Whether a column writes ``1,5`` or ``1.234,50``, and nothing that cannot be read so.

    Examples
    --------
    >>> has_decimal_comma(pa.chunked_array([["1.010", "1.009,50"]])), has_decimal_comma(pa.chunked_array([["1.5"]]))
    (True, False)
    """
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    if not pc.any(pc.match_substring(column, ",")).as_py():
        return False
    bare = _bare(pl.Series(values=pl.from_arrow(column)))
    return bool(bare.str.contains(_COMMA).any()) and not _has_decimal_point(bare)


def read_numbers(
    column: pa.ChunkedArray, name: str, *, comma: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """A column as floats, and why a value is none (``""`` where it is one).

    A thousands separator and a leading currency sign are understood; a decimal comma, and points between
    thousands, where the column has no decimal point.

    Parameters
    ----------
    comma : bool
        Other columns of the file have a decimal comma: ``1.010`` is a thousand and ten, if all of this column can be
        read so.

    Examples
    --------
    >>> read_numbers(pa.chunked_array([["1.5", "x"]]), "open")[1].tolist()
    ['', "open 'x' is not a number"]
    """
    values = None if comma and not _is_number(column.type) else plain_numbers(column)
    if values is not None:
        return values, _missing(np.isnan(values), name)
    return _leniently(pl.Series(values=pl.from_arrow(as_text(column)), name=name), name, comma=comma)


def plain_numbers(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """A column whose every value is a number as computers write it, as floats (NaN: missing); ``None``: it is not so.

    Examples
    --------
    >>> plain_numbers(pa.chunked_array([["1.5", "2e3"]])).tolist(), plain_numbers(pa.chunked_array([["1,5"]]))
    ([1.5, 2000.0], None)
    """
    if _is_number(column.type):
        return np.asarray(pc.fill_null(pc.cast(column, pa.float64(), safe=False), float("nan")), np.float64)
    try:
        return np.asarray(pc.cast(as_text(column), pa.float64()), np.float64)
    except pa.ArrowInvalid:
        return None


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def read_ratios(column: pa.ChunkedArray, name: str) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """A column of split ratios, new shares for old: ``2``, ``2:1``, ``3/2``, ``3-for-2``."""
    text = pl.Series(values=pl.from_arrow(as_text(column)), name=name).fill_null("").str.strip_chars()
    parts = text.str.extract_groups(r"^([\d.]+)\s*(?::|/|-?for-?|to)\s*([\d.]+)$").struct.unnest()
    divided = parts[parts.columns[0]].cast(pl.Float64, strict=False) / parts[parts.columns[1]].cast(
        pl.Float64, strict=False
    )
    plain, reason = read_numbers(text.to_arrow(), name)
    found = divided.is_not_null().to_numpy()
    values = np.where(found, divided.fill_null(0.0).to_numpy(), plain)
    reason[found] = ""
    return values, reason


def _bare(text: pl.Series) -> pl.Series:
    return text.fill_null("").str.strip_chars().str.replace_all(_ORNAMENT, "")


def _has_decimal_point(bare: pl.Series) -> bool:
    """Whether a number has a point that does not stand between thousands."""
    pointed = bare.str.contains(r"^-?[\d,]*\.[\d.,]*$")
    return bool((pointed & ~bare.str.contains(_POINTS_GROUP) & (bare != ".")).any())


def _leniently(text: pl.Series, name: str, *, comma: bool) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    bare = text.fill_null("").str.strip_chars()
    stripped = _bare(text)
    if (comma or bool(stripped.str.contains(_COMMA).any())) and not _has_decimal_point(stripped):
        ungrouped = stripped.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        stripped = pl.select(
            pl.when(stripped.str.contains(r"^-?[\d.,]+$")).then(ungrouped).otherwise(stripped)
        ).to_series()
    grouped = stripped.str.contains(r"^-?\d{1,3}(,\d{3})+(\.\d+)?$")
    stripped = pl.select(
        pl.when(grouped).then(stripped.str.replace_all(",", "", literal=True)).otherwise(stripped)
    ).to_series()
    values = stripped.cast(pl.Float64, strict=False).fill_null(float("nan"))
    made = values.to_numpy().copy()
    reason = np.full(len(made), "", object)
    empty = bare.str.to_lowercase().is_in(_MISSING).to_numpy()
    wrong = np.isnan(made) & ~empty
    reason[wrong] = np.array([f"{name} {each!r} is not a number" for each in bare.filter(wrong)], object)
    reason[empty] = f"{name} is missing"
    made[empty] = np.nan
    return made, reason


def _missing(where: NDArray[np.bool_], name: str) -> NDArray[np.object_]:
    reason = np.full(len(where), "", object)
    reason[where] = f"{name} is missing"
    return reason
