"""NautilusTrader's 16-byte decimals, to and from floating-point numbers, without a Python object a value.

A price of precision 4 is a count of ten-thousandths. Both ways pass through that whole number, so a price that was
written as 100.1 is read as the very same 100.1.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.catalog.schemas import DECIMAL
from alphapulse_lib.errors import InputError

__all__ = ["SCALE", "largest", "to_decimals", "to_floats"]

#: Decimals that NautilusTrader's 128-bit values have.
SCALE = 16
#: The largest price, the smaller of the two largest values, that NautilusTrader can hold in them.
MOST = 17_014_118_346_046.0

_HALF = 2.0**64
#: Rows worked on at a time, so that they stay in the processor's cache.
_BLOCK = 8192


def largest(precision: int) -> float:
    """The bound that values of so many decimals stay below to be held exactly, as a price or a volume.

    Examples
    --------
    >>> largest(9)
    9223372036.854776
    """
    return min(MOST, 2.0**63 / 10.0**precision)


def to_decimals(values: NDArray[np.float64], precision: int, name: str = "a column") -> pa.Array:
    """Round to ``precision`` decimals and write as ``decimal128(38, 16)``.

    Raises
    ------
    InputError
        A value is not a number, or too large to be held exactly.
    """
    rows, made = len(values), np.empty((len(values), 2), np.int64)
    for start in range(0, rows, _BLOCK):
        steps = np.rint(values[start : start + _BLOCK] * 10.0**precision)
        most = np.abs(steps).max()
        if not most < 2.0**63:  # which a value that is not a number is not either
            bad = np.flatnonzero(~(np.abs(steps) < 2.0**63))[0] + start
            raise InputError(f"{name}: {values[bad]} (row {bad}) cannot be kept with {precision} decimals.")
        _scale(steps.astype(np.int64), SCALE - precision, most, made[start : start + _BLOCK])
    return pa.Array.from_buffers(DECIMAL, rows, [None, pa.py_buffer(made)])


def _scale(steps: NDArray[np.int64], digits: int, most: float, into: NDArray[np.int64]) -> None:
    """Each count times ten to the power of ``digits``, as 128 bits: the low half, then the high one."""
    if most * 5.0**digits < 2.0**62 and digits:
        # Times five in 64 bits, times two by shifting: several times as fast as multiplying in 128.
        fives = steps * 5**digits
        np.left_shift(fives, digits, out=into[:, 0])
        np.right_shift(fives, 64 - digits, out=into[:, 1])
        return
    # The same sixteen bytes mean `steps` units at scale 16 - digits, and the price at scale 16.
    scaled = pa.array(steps).cast(pa.decimal128(38, digits))
    into[:] = np.frombuffer(scaled.buffers()[1], np.int64, 2 * len(steps), 16 * scaled.offset).reshape(-1, 2)


def to_floats(column: pa.ChunkedArray | pa.Array, precision: int) -> NDArray[np.float64]:
    """Read ``decimal128(38, 16)`` values of ``precision`` decimals as the nearest doubles.

    Exact for whole counts below 2**50, so for prices below 10**11 at four decimals; beyond that to one part in 10**15.
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    result = np.empty(len(column))
    start = 0
    for chunk in chunks:
        _decode(chunk, precision, result[start : start + len(chunk)])
        start += len(chunk)
    return result


def _decode(chunk: pa.Array, precision: int, into: NDArray[np.float64]) -> None:
    if not len(chunk):
        return
    halves = np.frombuffer(chunk.buffers()[1], dtype="<i8").reshape(-1, 2)[chunk.offset : chunk.offset + len(chunk)]
    for start in range(0, len(chunk), _BLOCK):
        low, high = halves[start : start + _BLOCK, 0], halves[start : start + _BLOCK, 1]
        block = into[start : start + _BLOCK]
        np.copyto(block, low)
        # `low` was read with a sign of its own: where it looks negative, 2**64 is missing.
        carry = high - (low >> 63)
        if carry.any():
            block += carry * _HALF
        block /= 10.0 ** (SCALE - precision)
        np.rint(block, out=block)
        block /= 10.0**precision
