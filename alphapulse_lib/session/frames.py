"""The kinds of table that the library's functions give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.session.choices import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from alphapulse_lib.model.window import Window
    from alphapulse_lib.query.reading import Order, Reading

__all__ = ["Frame", "Stream", "answered", "check_frame", "check_timezone", "framed", "zoned"]

type Frame = Literal["pandas", "polars", "arrow"]
#: A whole table, or ``"batches"``: a `pyarrow.RecordBatchReader`, whose memory does not grow with history.
type Stream = Frame | Literal["batches"]

#: Of so many rows threads cost more than they save.
_FEW = 2**16
_FRAMES = ("pandas", "polars", "arrow")


def check_frame(frame: str, *, stream: bool = False) -> None:
    """Refuse a kind of table that is not known.

    Raises
    ------
    InputError
        It is none of them.
    """
    one_of("frame", frame, (*_FRAMES, "batches") if stream else _FRAMES)


def check_timezone(timezone: Any) -> None:
    """Refuse what is no zone of IANA's.

    Raises
    ------
    InputError
        The nearest names are suggested.
    """
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise InputError(
            f"timezone={repr(timezone)[:60]} is not known.",
            (isinstance(timezone, str) and did_you_mean(timezone, available_timezones()))
            or "Give its name, such as 'UTC' or 'America/New_York'.",
        ) from None


def framed(table: pa.Table, frame: Frame) -> Any:
    """An Arrow table as the kind asked for."""
    if frame == "pandas":
        return table.to_pandas(use_threads=table.num_rows > _FEW)
    if frame == "polars":
        return _polars(table)
    return table


def answered(reading: Reading, window: Window, frame: Stream, timezone: str, order: Order = "time") -> Any:
    """All rows of a window as the kind asked for, in an order, their ``ts`` told in a zone."""
    from alphapulse_lib.query.reading import batches, whole

    if frame != "batches":
        return framed(zoned(whole(reading, window, order, coded=frame == "polars"), timezone), frame)
    stream = batches(reading, window, order)
    return stream.cast(_zoned_schema(stream.schema, timezone))


def zoned(table: pa.Table, timezone: str) -> pa.Table:
    """The same moments, told in a zone."""
    schema = _zoned_schema(table.schema, timezone)
    if schema == table.schema:
        return table
    at = schema.get_field_index("ts")
    return table.set_column(at, schema.field(at), table["ts"].cast(schema.field(at).type))


def _polars(table: pa.Table) -> Any:
    """As a polars frame; symbols that are no text yet (`merging`) become it, which Polars does fastest itself."""
    import polars
    import pyarrow as pa

    from alphapulse_lib.query.merging import runs

    at = table.schema.get_field_index("symbol")
    if at < 0 or pa.types.is_string(table.schema.field(at).type):
        return polars.from_arrow(table)
    frame, coded = polars.DataFrame(polars.from_arrow(table.drop_columns(["symbol"]))), table["symbol"]
    if pa.types.is_run_end_encoded(coded.type):
        symbols = polars.Series(polars.from_arrow(_repeated([*runs(coded)])))
        frame = frame.rechunk()  # once here, instead of in whatever is asked of it next
    else:
        whole = coded.combine_chunks()
        names, numbers = (polars.Series(polars.from_arrow(part)) for part in (whole.dictionary, whole.indices))
        symbols = names.gather(numbers)
    return frame.insert_column(at, symbols.alias("symbol"))


def _repeated(runs: Sequence[tuple[str, int]]) -> pa.Array:
    """Each name so many times, as Arrow's views of text: sixteen bytes, which numpy repeats as they are."""
    import numpy as np
    import pyarrow as pa

    once = pa.array([name for name, _ in runs], pa.string_view())
    _, views, *texts = once.buffers()
    every = np.repeat(np.frombuffer(views, "V16"), [rows for _, rows in runs]) if runs else views
    return pa.Array.from_buffers(once.type, sum(rows for _, rows in runs), [None, pa.py_buffer(every), *texts])


def _zoned_schema(schema: pa.Schema, timezone: str) -> pa.Schema:
    import pyarrow as pa

    at = schema.get_field_index("ts")
    return schema.set(at, schema.field(at).with_type(pa.timestamp("ns", timezone)))
