"""The returns of many trials as one table, and what is refused of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.errors import InputError

__all__ = ["LARGEST", "as_numbers", "trial_returns"]

#: The squares of returns up to this one are numbers still.
LARGEST = 1e75


def trial_returns(returns: Any, least: int = 2) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The returns as numbers, and the trials' names.

    Parameters
    ----------
    returns : DataFrame or array of float, shape (T, N)
        One column a trial, one row a period.
    least : int
        How many trials it takes.

    Returns
    -------
    array of float, shape (T, N), and tuple of str
        An array's columns are called by their places, from 0.

    Raises
    ------
    InputError
        It is no table of numbers, has too few columns, or a column holds what is missing, infinite or beyond 1e75.

    Examples
    --------
    >>> trial_returns([[0.01, 0.0], [0.02, -0.01]])[1]
    ('0', '1')
    """
    values = as_numbers(returns, "returns are not numbers.", "Give a DataFrame or an array of simple returns.")
    if values.ndim != 2:
        raise InputError(f"returns have the shape {values.shape}, not (T, N).", "Give one column a trial.")
    if values.shape[1] < least:
        raise InputError(f"returns hold {values.shape[1]} trials, and it takes {least}.", "Give one column a trial.")
    called = getattr(returns, "column_names", getattr(returns, "columns", range(values.shape[1])))  # Arrow's first
    names = tuple(map(str, called))
    bad = np.flatnonzero(~(np.abs(values) <= LARGEST).all(axis=0))
    if len(bad):
        first = int(np.flatnonzero(~(np.abs(values[:, bad[0]]) <= LARGEST))[0])
        others = len(bad) - 1
        rest = f", and {others} more {'column does' if others == 1 else 'columns do'}" if others else ""
        raise InputError(
            f"returns of {names[bad[0]]!r} hold {values[first, bad[0]]} at row {first}{rest}.",
            "Every trial needs a return at every period: 0 where nothing was held.",
        )
    return values, names


def as_numbers(given: Any, refusal: str, hint: str) -> NDArray[np.float64]:
    """What was given as floats; what is masked, or missing in a nullable column, is nan.

    Raises
    ------
    InputError
        It holds what is no real number: what is to be said then.
    """
    try:
        if not np.iscomplexobj(given):
            if hasattr(given, "iloc"):  # pandas, whose NA is no float unless told
                return np.asarray(given.to_numpy(np.float64, na_value=np.nan))
            return np.asarray(np.ma.filled(np.ma.asarray(given).astype(np.float64), np.nan))
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(refusal, hint)
