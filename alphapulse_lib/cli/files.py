"""Answers as files: Parquet, CSV or Arrow, batch by batch, so that memory does not grow with the answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphapulse_lib.errors import AlphaPulseError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["check_file", "write_file"]


def check_file(path: Path | None) -> Path | None:
    """Refuse a file of another kind, or in no folder, before anything is read.

    Raises
    ------
    typer.BadParameter
        Its name ends otherwise, or there is no such folder.
    """
    if path is not None and path.suffix not in _WRITERS:
        raise typer.BadParameter(f"{path.name} ends with none of {', '.join(_WRITERS)}.")
    if path is not None and not path.parent.is_dir():
        raise typer.BadParameter(f"{path} cannot be written: there is no folder {path.parent}.")
    return path


def write_file(batches: pa.RecordBatchReader, path: Path) -> int:
    """Write a stream to a file, which is there when all of it is; how many rows it had.

    Raises
    ------
    AlphaPulseError
        The file cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    rows = 0
    try:
        with _WRITERS[path.suffix](unfinished, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
        unfinished.replace(path)
    except OSError as refused:
        raise AlphaPulseError(
            f"{path} cannot be written: {refused.strerror or refused}.", "Name another path."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return rows


def _parquet(path: Path, schema: pa.Schema) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema, compression="zstd")


def _csv(path: Path, schema: pa.Schema) -> Any:
    import pyarrow.csv as csv

    return csv.CSVWriter(path, schema)


def _arrow(path: Path, schema: pa.Schema) -> Any:
    import pyarrow as pa

    return pa.ipc.new_file(path, schema)


_WRITERS: dict[str, Callable[[Path, Any], Any]] = {".parquet": _parquet, ".csv": _csv, ".arrow": _arrow}
