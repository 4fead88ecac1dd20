"""Tables as JSON, of which no digit is lost: one object a row."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

__all__ = ["records"]


def records(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as a JSON list of objects.

    Parameters
    ----------
    names : sequence of str
        The columns'. One that occurs again gets a number: ``a``, ``a_1``.
    rows : iterable of sequence
        Python's, NumPy's and pandas' values. Numbers keep all digits of a double, whole ones all they have; what is
        missing or not finite is ``null``; times are ISO 8601 to the microsecond, in UTC where they name a zone; bytes
        are hexadecimal; anything else is its text.

    Examples
    --------
    >>> records(["a", "b"], [(1e-12, b"AlphaPulse")])
    '[{"a":1e-12,"b":"416c70686150756c7365"}]'
    """
    keys: list[str] = []
    for name in names:
        again = sum(each == name for each in names[: len(keys)])
        keys.append(f"{name}_{again}" if again else str(name))
    plain = [dict(zip(keys, map(_plain, row), strict=True)) for row in rows]
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """The value in what JSON can hold."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Decimal):
        whole = value.is_finite() and value.as_tuple().exponent == 0
        return int(value) if whole else _plain(float(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, date | time):
        return _moment(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if hasattr(value, "tolist"):  # NumPy's
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if str(value) == "<NA>" else str(value)


def _moment(value: date | time) -> str | None:
    if value != value:  # pandas' NaT is a datetime, and no moment
        return None
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is None:
        return f"{value:%Y-%m-%dT%H:%M:%S.%f}"
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
