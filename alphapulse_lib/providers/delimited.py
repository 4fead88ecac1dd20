"""Delimited text (CSV and its relatives), read as strings with the line number of every row.

Nothing is dropped in silence: a row with too few or too many fields is handed over with its text. Work is done on the
bytes in numpy, so that a million rows take a second and the line numbers stay right across quoted line breaks.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from alphapulse_lib.errors import UnreadableFile
from alphapulse_lib.providers.pieces import Piece, pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Grid", "distinct", "header", "read_delimited"]

_QUOTE, _NEWLINE = ord('"'), ord("\n")
_BLOCK = 1 << 24
_DELIMITERS = ",;\t|"
#: Bytes that the header is looked for in.
_HEADER = 1 << 14
#: Pieces of text that a quoted field may run over.
_MOST_CARRIED = 4


@dataclass(frozen=True, slots=True)
class Grid:
    """A file's rows as they are written.

    Attributes
    ----------
    rows : pyarrow.Table
        One column a name, in the file's order; strings from text, typed values from Parquet.
    lines : numpy.ndarray of int64
        The line each row begins on; the header is line 1.
    torn_lines, torn_texts : numpy.ndarray of int64, list of str
        Rows with too few or too many fields.
    size : int
        The bytes of the file that they take.
    last : bool
        Whether the file ends with them.
    """

    rows: pa.Table
    lines: NDArray[np.int64]
    torn_lines: NDArray[np.int64]
    torn_texts: list[str]
    notes: tuple[str, ...] = ()
    size: int = 0
    last: bool = True


def read_delimited(path: Path, size: int | None = None) -> Iterator[Grid]:
    """Read a text file, gzipped or not, whose delimiter is one of ``, ; tab |``: a grid for every few megabytes.

    Parameters
    ----------
    size : int, optional
        Bytes of text a grid; see `pieces.PIECE`.

    Raises
    ------
    UnreadableFile
        It is empty, or is not text.
    """
    header: list[str] | None = None
    delimiter, left, line = "", b"", 1
    for piece in pieces(path, size):
        data = left + piece.data
        delimiter = delimiter or (_delimiter(data) if data.strip(b"\n") else "")
        if not piece.last:
            end = _end(data, delimiter or ",", stuck=len(left) > _MOST_CARRIED * max(size or 0, len(piece.data)))
            data, left = data[:end], data[end:]
        text = _Text.of(np.frombuffer(data, np.uint8), delimiter or ",")
        starts, ends, lines = text.records()
        if header is None and len(starts):
            header = text.header(starts[0], ends[0])
            starts, ends, lines = starts[1:], ends[1:], lines[1:]
        if header is not None:
            yield _grid(path, text, header, (starts, ends, lines + line - 1), piece)
        if not piece.last:
            line += data.count(b"\n")
    if header is None:
        raise UnreadableFile(f"{path.name} is empty.", "It needs a header line and a line for each row.")


def header(path: Path) -> list[str]:
    """The names in a text file's first line; none where that is longer than any table's.

    Raises
    ------
    UnreadableFile
        It is empty, or is not text.
    """
    data = next(pieces(path, _HEADER)).data
    first = data.lstrip(b"\n").partition(b"\n")[0]
    if first.count(b'"') % 2 == 0:  # no field of it goes on in the next line
        data = first
    text = _Text.of(np.frombuffer(data, np.uint8), _delimiter(data) if data.strip(b"\n") else ",")
    starts, ends, _ = text.records()
    return text.header(starts[0], ends[0]) if len(starts) else []


def _grid(
    path: Path,
    text: _Text,
    header: list[str],
    records: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    piece: Piece,
) -> Grid:
    starts, ends, lines = records
    whole = text.wide(starts, ends, len(header))
    kept = text.content[starts[0] :] if len(starts) and whole.all() else _only(text.content, starts[whole], ends[whole])
    quoted = text.quoted and bool(len(starts)) and bool(text.quotes[-1] >= starts[0])
    table = _parse(kept.tobytes(), text.delimiter, len(header), quoted=quoted)
    if table.num_rows != int(whole.sum()):
        raise UnreadableFile(
            f"{path.name} has quotes that do not pair up: {int(whole.sum())} lines but {table.num_rows} rows.",
            'A quote inside a quoted field is written twice: "".',
        )
    torn = np.flatnonzero(~whole)
    texts = [text.content[starts[each] : ends[each]].tobytes().decode("utf-8", "replace") for each in torn]
    return Grid(
        table.rename_columns(distinct(header)), lines[whole], lines[torn], texts, piece.notes, piece.size, piece.last
    )


def _end(data: bytes, delimiter: str, *, stuck: bool) -> int:
    """Where the last record ends that is whole; where a quote was opened long ago, it was none."""
    content = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(content == _NEWLINE)
    if not stuck:
        breaks = breaks[np.searchsorted(_enclosing(content, delimiter), breaks) % 2 == 0]
    return int(breaks[-1]) + 1 if len(breaks) else 0


def _delimiter(data: bytes) -> str:
    """The delimiter of which the first line has most."""
    header = data[:1_000_000].lstrip(b"\n").partition(b"\n")[0].decode("utf-8", "replace")
    return max(_DELIMITERS, key=header.count)


@dataclass(frozen=True, slots=True)
class _Text:
    """The bytes, the delimiter, and where quotes enclose fields (in order; none where quotes are plain characters)."""

    content: NDArray[np.uint8]
    delimiter: str
    quotes: NDArray[np.int64]

    @classmethod
    def of(cls, content: NDArray[np.uint8], delimiter: str) -> _Text:
        quotes = _enclosing(content, delimiter)
        return cls(content, delimiter, quotes if len(quotes) % 2 == 0 else quotes[:0])

    @property
    def quoted(self) -> bool:
        return len(self.quotes) > 0

    def within(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each place lies inside a quoted field."""
        inside = np.zeros(len(places), np.bool_)
        before = np.searchsorted(places, self.quotes[-1]) if self.quoted else 0  # after the last quote nothing is
        inside[:before] = np.searchsorted(self.quotes, places[:before]) % 2 == 1
        return inside

    def records(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Where each record starts and ends, and its line; a quoted line break ends none, an empty line is none."""
        breaks = np.flatnonzero(self.content == _NEWLINE)
        if not len(breaks) or breaks[-1] != len(self.content) - 1:
            breaks = np.append(breaks, len(self.content))
        following = np.arange(2, len(breaks) + 2)
        if self.quoted:
            ending = ~self.within(breaks)
            breaks, following = breaks[ending], following[ending]
        starts = np.concatenate(([0], breaks[:-1] + 1))
        lines = np.concatenate(([1], following[:-1]))
        filled = breaks > starts
        return starts[filled], breaks[filled], lines[filled]

    def wide(self, starts: NDArray[np.int64], ends: NDArray[np.int64], width: int) -> NDArray[np.bool_]:
        """Whether each record has so many fields."""
        places = np.flatnonzero(self.content == ord(self.delimiter))
        if self.quoted:
            places = places[~self.within(places)]
        between = width - 1
        inside = places[np.searchsorted(places, starts[0]) :] if len(starts) else places
        if (
            between
            and len(inside) == between * len(starts)
            and (inside[::between] >= starts).all()
            and (inside[between - 1 :: between] < ends).all()
        ):  # as many as there should be, of each record the first and the last inside of it: so all are
            return np.ones(len(starts), np.bool_)
        counted: NDArray[np.bool_] = np.searchsorted(places, ends) - np.searchsorted(places, starts) == between
        return counted

    def header(self, start: int, end: int) -> list[str]:
        """The names in the first record."""
        line = self.content[start:end].tobytes().decode("utf-8", "replace")
        fields = next(csv.reader([line], delimiter=self.delimiter)) if self.quoted else line.split(self.delimiter)
        return [name.strip() for name in fields]


def _enclosing(content: NDArray[np.uint8], delimiter: str) -> NDArray[np.int64]:
    """The quotes that touch the edge of a field or another quote; one inside a word is a character like others."""
    quotes = np.flatnonzero(content == _QUOTE)
    edges = [_QUOTE, _NEWLINE, ord(delimiter)]
    before = np.isin(content[np.maximum(quotes - 1, 0)], edges) | (quotes == 0)
    after = np.isin(content[np.minimum(quotes + 1, len(content) - 1)], edges) | (quotes == len(content) - 1)
    touching: NDArray[np.int64] = quotes[before | after]
    return touching


def _only(content: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The bytes of those records alone, each with its line break."""
    marks = np.zeros(len(content) + 2, np.int8)
    marks[starts] += 1
    marks[ends + 1] -= 1
    kept: NDArray[np.uint8] = np.append(content, np.uint8(_NEWLINE))[np.cumsum(marks[:-1]).astype(np.bool_)]
    return kept


def _parse(data: bytes, delimiter: str, width: int, *, quoted: bool) -> pa.Table:
    columns = [f"f{each}" for each in range(width)]
    if not data:
        return pa.table({name: pa.array([], pa.string()) for name in columns})
    return pacsv.read_csv(
        pa.py_buffer(data),
        read_options=pacsv.ReadOptions(column_names=columns, block_size=min(len(data) + 1, _BLOCK)),
        parse_options=pacsv.ParseOptions(
            delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
        ),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), null_values=[]),
    )


def distinct(names: list[str]) -> list[str]:
    """The names, a repeated one with its count behind it."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name}.{seen[name] - 1}")
    return made
