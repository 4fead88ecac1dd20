"""Answers as files: Parquet, CSV or Arrow, batch by batch, so that memory does not grow with the answer."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphapulse_lib.errors import AlphaPulseError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["check_file", "write_file"]


def check_file(path: Path | None) -> Path | None:
    """Refuse a file of another kind, in no folder, or in the place of what is no file, before anything is read.

    Raises
    ------
    typer.BadParameter
        Its name ends otherwise, there is no such folder, or a folder, a pipe or a device stands there.
    """
    if path is not None and path.suffix not in _WRITERS:
        raise typer.BadParameter(f"{path.name} ends with none of {', '.join(_WRITERS)}.")
    if path is not None and not (folder := _written(path).parent).is_dir():
        raise typer.BadParameter(f"{path} cannot be written: there is no folder {folder}.")
    if path is not None:
        from alphapulse_lib.results.artefacts import no_file

        if what := no_file(path):
            raise typer.BadParameter(f"{path} cannot be written: {what} stands there.")
    return path


def write_file(batches: pa.RecordBatchReader, path: Path) -> int:
    """Write a stream to a file, which is there when all of it is; of a link, to what it leads to.

    Returns
    -------
    int
        How many rows it had.

    Raises
    ------
    AlphaPulseError
        The file cannot be written.
    """
    target = _written(path)
    unfinished = target.with_name(f".{target.name}.unfinished")
    rows = 0
    try:
        with _WRITERS[path.suffix](unfinished, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
        unfinished.replace(target)
    except OSError as refused:
        raise AlphaPulseError(
            f"{path} cannot be written: {refused.strerror or refused}.", "Name another path."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return rows


def _written(path: Path) -> Path:
    """The file that is written: a link stays, and what it leads to is replaced."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


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
