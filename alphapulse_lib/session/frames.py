"""The kinds of table that the library's functions give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from alphapulse_lib.session.choices import one_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FRAMES", "Frame", "check_frame", "framed"]

type Frame = Literal["pandas", "polars", "arrow"]

FRAMES = ("pandas", "polars", "arrow")


def check_frame(frame: str) -> None:
    """Refuse a kind of table that is not known.

    Raises
    ------
    InputError
        It is not one of `FRAMES`.
    """
    one_of("frame", frame, FRAMES)


def framed(table: pa.Table, frame: Frame) -> Any:
    """An Arrow table as the kind asked for."""
    if frame == "pandas":
        return table.to_pandas()
    if frame == "polars":
        import polars

        return polars.from_arrow(table)
    return table
