"""Dates as people write them, whole columns at a time; whether the day comes first is told by the column as a whole."""

from __future__ import annotations

import calendar

import polars as pl

from alphapulse_lib.errors import IngestError

__all__ = ["read_days"]

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}


def read_days(day: pl.Series, what: str, day_first: bool | None) -> tuple[pl.Series, tuple[str, ...], bool | None]:
    """Days since 1970 of date parts, null where they are none; how their order was told, and which it is.

    Raises
    ------
    IngestError
        The order of day and month cannot be told from the column, or changes within it.

    Examples
    --------
    >>> read_days(pl.Series(["2 Jan 1970", "soon"]), "date", None)[0].to_list()
    [1, None]
    """
    frame = day.to_frame("day").with_columns(
        pl.col("day").str.extract_groups(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b").alias("ymd"),
        pl.col("day").str.extract_groups(r"^(\d{4})(\d{2})(\d{2})$").alias("compact"),
        pl.col("day").str.extract_groups(r"\b(\d{1,2})(?:st|nd|rd|th)?[\s-]*([A-Za-z]{3})[A-Za-z]*\.?[\s,-]+(\d{2,4})\b").alias("dmy"),
        pl.col("day").str.extract_groups(r"\b([A-Za-z]{3})[A-Za-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b").alias("mdy"),
        pl.col("day").str.extract_groups(r"^(\d{1,2})([/.-])(\d{1,2})[/.-](\d{4}|\d{2})$").alias("slashed"),
    )  # fmt: skip
    part = {name: frame[name].struct.unnest() for name in ("ymd", "compact", "dmy", "mdy", "slashed")}
    numeric = part["slashed"].select(pl.col("1").cast(pl.Int32), pl.col("3").cast(pl.Int32), pl.col("2"))
    swapped, notes = _order(numeric, day, what, day_first)
    first, second = ("1", "3") if swapped else ("3", "1")

    def month(series: pl.Series) -> pl.Series:
        return series.str.to_lowercase().replace_strict(_MONTHS, default=None, return_dtype=pl.Int32)

    choices = [
        (part["ymd"]["1"], part["ymd"]["2"], part["ymd"]["3"]),
        (part["compact"]["1"], part["compact"]["2"], part["compact"]["3"]),
        (part["dmy"]["3"], month(part["dmy"]["2"]), part["dmy"]["1"]),
        (part["mdy"]["3"], month(part["mdy"]["1"]), part["mdy"]["2"]),
        (part["slashed"]["4"], part["slashed"][second], part["slashed"][first]),
    ]
    year, month_, day_ = (
        pl.select(pl.coalesce([choice[at].cast(pl.Int32, strict=False) for choice in choices])).to_series()
        for at in range(3)
    )
    # A year of two digits is of this century or the last; one of four is what it says: 0013 is no 2013.
    short = pl.select(pl.coalesce([choice[0].str.len_chars() for choice in choices])).to_series() == 2
    century = pl.select(pl.when(short).then(pl.when(year < 70).then(year + 2000).otherwise(year + 1900))
                        .otherwise(year).cast(pl.String).str.zfill(4)).to_series()  # fmt: skip
    iso = pl.select(pl.concat_str([century, month_.cast(pl.String).str.zfill(2), day_.cast(pl.String).str.zfill(2)],
                                  separator="-")).to_series()  # fmt: skip
    return iso.str.to_date("%Y-%m-%d", strict=False).cast(pl.Int64), notes, swapped


def _order(
    numeric: pl.DataFrame, day: pl.Series, what: str, day_first: bool | None
) -> tuple[bool | None, tuple[str, ...]]:
    """Whether the day comes first in ``a/b/year``, told by the column as a whole; ``None``: it has no such date."""
    there = numeric["1"].is_not_null()
    if not there.any():
        return day_first, ()
    if day_first is not None:
        return day_first, ()
    leading, following = int(numeric["1"].max() or 0), int(numeric["3"].max() or 0)  # type: ignore[arg-type]
    if leading > 12 and following > 12:
        raise IngestError(
            f"Column {what!r} mixes day/month and month/day: {day.filter(numeric['1'] > 12)[0]!r} and "
            f"{day.filter(numeric['3'] > 12)[0]!r}.",
            "Write all dates one way, best as 2013-05-31, or say day_first=True or False.",
        )
    if leading > 12 or following > 12:
        proof = day.filter((numeric["1"] > 12) | (numeric["3"] > 12)).fill_null("")[0]
        order = "day/month/year" if leading > 12 else "month/day/year"
        return leading > 12, (f"{what}: dates read as {order}, since {proof} can be nothing else",)
    if (numeric["2"].drop_nulls() == ".").all():
        return True, (f"{what}: dates read as day.month.year",)
    raise IngestError(
        f"Column {what!r} cannot be read safely: {day.filter(there)[0]!r} may be day/month or month/day.",
        "Say which it is: day_first=True or day_first=False.",
    )
