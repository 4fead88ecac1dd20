"""Anybody's files: CSV (also gzipped) and Parquet of bars, trades, quotes, corporate actions, articles and spans.

A file is read in blocks of a few megabytes, so that memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alphapulse_lib.errors import IngestError, InputError, UnreadableFile, did_you_mean
from alphapulse_lib.model.instrument import VENUES
from alphapulse_lib.providers.canonical import MAKERS, Block, Manner, strings
from alphapulse_lib.providers.columns import assign
from alphapulse_lib.providers.contract import Batch, Request, Source
from alphapulse_lib.providers.delimited import Grid, distinct, header, read_delimited
from alphapulse_lib.providers.nautilus import is_catalog
from alphapulse_lib.providers.pieces import pieces
from alphapulse_lib.providers.text import joined

__all__ = ["ROWS", "FilesProvider"]

_ENDINGS = (".csv", ".csv.gz", ".txt", ".txt.gz", ".tsv", ".tsv.gz", ".parquet", ".pq")
_PARQUET = (".parquet", ".pq")
#: Rows of Parquet that are read at a time.
ROWS = 1 << 16
#: Bytes of a text that its lines are counted in, to reckon how many the whole has.
_SAMPLE = 1 << 16


class FilesProvider:
    """Reads a file, a folder, a glob or a list of them; several files without a symbol column are named by symbol.

    Examples
    --------
    >>> FilesProvider().name
    'files'
    """

    name = "files"
    kinds = frozenset(MAKERS)

    def requests(self, request: Request) -> list[Request]:
        """The request itself."""
        return [request]

    def sources(self, request: Request) -> list[Source]:
        """The files that would be read; of text the rows are reckoned from its beginning."""
        return [_source(path) for path in _paths(request.target)]

    def read(self, request: Request) -> Iterator[Batch]:
        """The files in the order of their names, each in blocks.

        Raises
        ------
        UnreadableFile
            A file is missing, empty, or not what its name claims.
        MissingColumn
            A needed column was not found in a file.
        IngestError
            Stamps that cannot be read safely.
        """
        paths = _paths(request.target)
        alone = _are_alone(paths, request)
        for path in paths:
            yield from _file(path, request, _stem(path) if len(paths) > 1 else None, alone=alone)


def _stem(path: Path) -> str:
    """The symbol that a file's name tells."""
    return path.name.split(".")[0]


def _are_alone(paths: list[Path], request: Request) -> bool:
    """Whether each file holds all rows of a symbol of its own: none names its rows', and no two are called alike."""
    if request.symbol or len(paths) == 1 or len({_stem(path).strip().upper() for path in paths}) < len(paths):
        return False
    try:
        headers = {tuple(_header(path)) for path in paths}
        return not any("symbol" in assign(list(each), request.kind, request.columns, "") for each in headers)
    except (IngestError, InputError):  # which whoever reads that file says, in its turn
        return False


def _header(path: Path) -> list[str]:
    with _opening(path):
        return distinct(pq.read_schema(path).names if path.suffix.lower() in _PARQUET else header(path))


def _file(path: Path, request: Request, fallback: str | None, *, alone: bool) -> Iterator[Batch]:
    """The batches of one file. Of one with several symbols only that which is asked for, where one is."""
    held, chosen, left, rows, found = set[str](), 0, 0, 0, dict[str, str]()
    manner = Manner()
    for grid in _grids(path):
        whole = alone and grid.last and not rows
        rows += grid.rows.num_rows + len(grid.torn_lines)
        found = found or assign(grid.rows.column_names, request.kind, request.columns, path.name)
        block = Block(grid, found, request, fallback, manner)
        if request.symbol and "symbol" in found:
            block, names = _of_symbol(block, request.symbol)
            held |= names
            chosen += block.count
            left += grid.rows.num_rows - block.count
        if block.count or len(grid.torn_lines) or not held or (grid.last and chosen):
            notes = (f"rows of other symbols left out: {left:,}",) if grid.last and chosen and left else ()
            yield _batch(path, block, notes, whole=whole)
    if not rows:
        raise UnreadableFile(f"{path.name} has a header and no rows.", "Nothing was imported.")
    if held and not chosen:
        if len(held) > 1:
            raise InputError(f"{path.name} has no rows of {request.symbol!r}.", did_you_mean(str(request.symbol), held))
        # All rows are of one symbol, which the caller calls otherwise.
        for grid in _grids(path):
            yield _batch(path, Block(grid, found, request, fallback, manner))


def _paths(target: object) -> list[Path]:
    if isinstance(target, list | tuple | set):
        return [path for each in target for path in _paths(each)]
    if not isinstance(target, str | Path) or not str(target):
        raise InputError(
            f"Not a path: {str(target)[:60]!r}.", "Give a file, a folder, a pattern such as 'bars/*.csv', or a list."
        )
    path = Path(target).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        return [path]
    if any(sign in path.name for sign in "*?["):
        found = sorted(each for each in path.parent.glob(path.name) if each.is_file())
        if found:
            return found
        raise UnreadableFile(f"No file is matched by {path}.")
    beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    where = f"in {path.parent.resolve()}" if beside else f"and no folder {path.parent}"
    raise UnreadableFile(f"There is no file {path.name} {where}.", did_you_mean(path.name, beside))


def _in_folder(folder: Path) -> list[Path]:
    """The data files of a folder and those below it."""
    if is_catalog(folder):
        raise InputError(
            f"{folder} is a catalog of NautilusTrader 1.x.",
            f'It is migrated whole: ap.ingest("nautilus", "{folder}"), or `alphapulse ingest nautilus {folder}`.',
        )
    found = sorted(each for each in folder.rglob("*") if each.is_file() and each.name.lower().endswith(_ENDINGS))
    if not found:
        raise UnreadableFile(f"{folder} holds no data files.", f"Looked for {', '.join(_ENDINGS)}.")
    return found


def _source(path: Path) -> Source:
    size = path.stat().st_size
    with _opening(path):
        if path.suffix.lower() in _PARQUET:
            return Source(path.name, pq.read_metadata(path).num_rows, size)
        piece = next(pieces(path, _SAMPLE))
        lines = piece.data.count(b"\n")
        if piece.last:
            return Source(path.name, max(0, lines - piece.data.endswith(b"\n")), size)
        return Source(path.name, int(lines * _text_size(path, size) / max(1, len(piece.data))), size)


def _text_size(path: Path, size: int) -> int:
    """The bytes of a file's text; of gzip as its last four bytes tell, which count to four gigabytes."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return size
        file.seek(-4, 2)
        told = int.from_bytes(file.read(4), "little")
    while told < size // 2:  # text never grows by much when it is packed
        told += 1 << 32
    return told


def _grids(path: Path) -> Iterator[Grid]:
    """A file's rows, block by block; at least one block."""
    with _opening(path):
        if path.suffix.lower() in _PARQUET:
            yield from _parquet(path)
        else:
            yield from read_delimited(path)


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Whatever is read of a file inside of this."""
    try:
        yield
    except pa.ArrowInvalid:
        raise UnreadableFile(f"{path.name} is not a Parquet file, or is torn.", "Rename it if it is CSV.") from None
    except PermissionError:
        raise UnreadableFile(f"{path.name} may not be read by you.", "Ask for permission to read it.") from None
    except OSError as refused:
        if refused.errno is not None:  # the disk's, not of Parquet's pages
            raise
        raise UnreadableFile(f"{path.name} is torn: {str(refused).splitlines()[0]}", "Write it anew.") from None


def _parquet(path: Path) -> Iterator[Grid]:
    file = pq.ParquetFile(path, buffer_size=1 << 20)  # pages are read one by one, whatever the row groups' size
    names, total = distinct([str(name) for name in file.schema_arrow.names]), file.metadata.num_rows
    size, read, told = path.stat().st_size, 0, 0
    none = np.empty(0, np.int64)
    if not total:
        yield Grid(file.schema_arrow.empty_table().rename_columns(names), none, none, [], size=size)
    for batch in file.iter_batches(batch_size=ROWS):
        lines = np.arange(read + 1, read + batch.num_rows + 1)
        read += batch.num_rows
        share = size * read // total - told
        told += share
        rows = pa.Table.from_batches([batch]).rename_columns(names)
        yield Grid(rows, lines, none, [], size=share, last=read == total)
    if read != total:  # which pyarrow says nothing of
        raise UnreadableFile(f"{path.name} is torn: of {total:,} rows {read:,} can be read.", "Write it anew.")


def _of_symbol(block: Block, symbol: str) -> tuple[Block, set[str]]:
    """The rows of one symbol, and all symbols that the block holds."""
    names = pc.utf8_upper(pc.utf8_trim_whitespace(pc.coalesce(strings(block, "symbol"), "")))
    held = set(pc.unique(names).to_pylist())
    wanted = symbol.strip().upper()
    plain, _, suffix = wanted.rpartition(".")
    chosen = np.asarray(pc.equal(names, plain if suffix in VENUES and wanted not in held else wanted))
    if chosen.all():
        return block, held
    grid = block.grid
    rows = grid.rows.filter(pa.array(chosen))
    kept = replace(grid, rows=rows, lines=grid.lines[chosen])
    return replace(block, grid=kept), held


def _batch(path: Path, block: Block, further: tuple[str, ...] = (), *, whole: bool = False) -> Batch:
    """Whole rows and torn ones together, each with its line."""
    grid = block.grid
    columns, notes = MAKERS[block.request.kind](block)
    sound = columns["reason"].null_count == block.count
    if whole and sound and block.request.kind == "bars" and not len(grid.torn_lines):
        # Few of these rows will be set aside, if any: only of those a text is made.
        fields = [column.combine_chunks() for column in grid.rows.columns]
        row = pa.StructArray.from_arrays(fields, [f"c{at}" for at in range(len(fields))])
        table = pa.table({"line": pa.array(grid.lines, pa.int64()), **columns})
        return Batch(path.name, table, pa.table({"row": row}), (*grid.notes, *further, *notes), grid.size, whole)
    texts = joined(grid.rows.columns)
    if not sound:  # a blank row is never without a reason
        blank = pc.match_substring_regex(texts, r"^[,\s]*$")
        columns["reason"] = pc.if_else(blank, "blank row", columns["reason"])
    table = pa.table({"line": pa.array(grid.lines, pa.int64()), **columns})
    if len(grid.torn_lines):
        torn = {"line": pa.array(grid.torn_lines, pa.int64())}
        torn["reason"] = pa.array([f"has not the {grid.rows.num_columns} fields of the header"] * len(grid.torn_lines))
        table = pa.concat_tables([table, pa.table(torn)], promote_options="default")
        texts = pa.chunked_array([*texts.chunks, pa.array(grid.torn_texts, pa.string())])
    return Batch(path.name, table, pa.table({"row": texts}), (*grid.notes, *further, *notes), grid.size, whole)
