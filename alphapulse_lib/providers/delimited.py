"""Delimited text (CSV and its relatives), read as strings with the line number of every row.

Nothing is dropped in silence: a row with too few or too many fields is handed over with its text. Work is done on the
bytes in numpy, so that a million rows take a second and the line numbers stay right across quoted line breaks.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from alphapulse_lib.errors import UnreadableFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Grid", "distinct", "read_delimited"]

_QUOTE, _NEWLINE = ord('"'), ord("\n")
_BLOCK = 1 << 24
_DELIMITERS = ",;\t|"
_OTHER_KINDS = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ": "xz data",
    b"(\xb5/\xfd": "zstd data",
    b"%PDF": "a PDF",
    b"SQLite format 3": "a SQLite database",
    b"<!DOCTYPE": "a web page",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<?xml": "XML",
    b"{": "JSON",
    b"[{": "JSON",
}


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
    """

    rows: pa.Table
    lines: NDArray[np.int64]
    torn_lines: NDArray[np.int64]
    torn_texts: list[str]
    notes: tuple[str, ...] = ()


def read_delimited(path: Path) -> Grid:
    """Read a text file, gzipped or not, whose delimiter is one of ``, ; tab |``.

    Raises
    ------
    UnreadableFile
        It is empty, or is not text.
    """
    content, notes = _text_of(path)
    text = _Text.of(content)
    starts, ends, lines = text.records()
    if not len(starts):
        raise UnreadableFile(f"{path.name} is empty.", "It needs a header line and a line for each row.")
    header = text.header(starts[0], ends[0])
    starts, ends, lines = starts[1:], ends[1:], lines[1:]
    whole = text.fields(starts, ends) == len(header)
    kept = content[starts[0] :] if len(starts) and whole.all() else _only(content, starts[whole], ends[whole])
    table = _parse(kept.tobytes(), text, len(header))
    if table.num_rows != int(whole.sum()):
        raise UnreadableFile(
            f"{path.name} has quotes that do not pair up: {int(whole.sum())} lines but {table.num_rows} rows.",
            'A quote inside a quoted field is written twice: "".',
        )
    torn = np.flatnonzero(~whole)
    texts = [content[starts[each] : ends[each]].tobytes().decode("utf-8", "replace") for each in torn]
    return Grid(table.rename_columns(distinct(header)), lines[whole], lines[torn], texts, notes)


@dataclass(frozen=True, slots=True)
class _Text:
    """The bytes, the delimiter, and where quotes enclose fields (in order; none where quotes are plain characters)."""

    content: NDArray[np.uint8]
    delimiter: str
    quotes: NDArray[np.int64]

    @classmethod
    def of(cls, content: NDArray[np.uint8]) -> _Text:
        newlines = np.flatnonzero(content[:1_000_000] == _NEWLINE)
        header = content[: newlines[0] if len(newlines) else len(content)].tobytes().decode("utf-8", "replace")
        delimiter = max(_DELIMITERS, key=header.count)
        quotes = _enclosing(content, delimiter)
        return cls(content, delimiter, quotes if len(quotes) % 2 == 0 else quotes[:0])

    @property
    def quoted(self) -> bool:
        return len(self.quotes) > 0

    def within(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each place lies inside a quoted field."""
        inside: NDArray[np.bool_] = np.searchsorted(self.quotes, places) % 2 == 1
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

    def fields(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many fields each record has."""
        places = np.flatnonzero(self.content == ord(self.delimiter))
        if self.quoted:
            places = places[~self.within(places)]
        return np.searchsorted(places, ends) - np.searchsorted(places, starts) + 1

    def header(self, start: int, end: int) -> list[str]:
        """The names in the first record."""
        line = self.content[start:end].tobytes().decode("utf-8", "replace")
        fields = next(csv.reader([line], delimiter=self.delimiter)) if self.quoted else line.split(self.delimiter)
        return [name.strip() for name in fields]


def _text_of(path: Path) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """The file's bytes as UTF-8 without a byte order mark, unzipped."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise UnreadableFile(
                f"{path.name} is damaged: its gzip data ends early or is torn.", "Fetch it again."
            ) from None
    for magic, kind in _OTHER_KINDS.items():
        if data.lstrip().startswith(magic):
            raise UnreadableFile(f"{path.name} is {kind}, not text.", "Give CSV (also gzipped) or a .parquet file.")
    if not data.strip():
        raise UnreadableFile(f"{path.name} is empty.", "It needs a header line and a line for each row.")
    notes: tuple[str, ...] = ()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = _decoded(path, data, "utf-16").encode()
        notes = ("read as UTF-16",)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\x00" in data:
        raise UnreadableFile(f"{path.name} is binary data, not text.", "Give CSV (also gzipped) or a .parquet file.")
    try:
        data.decode()
    except UnicodeDecodeError:
        text = _decoded(path, data, "cp1252")
        if _is_noise(text):
            raise UnreadableFile(f"{path.name} is binary data, not text.", "Give CSV or a .parquet file.") from None
        data, notes = text.encode(), ("not UTF-8: read as Windows-1252",)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return np.frombuffer(data, np.uint8), notes


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableFile(f"{path.name} is not text.", "Save it as UTF-8 CSV, or give a .parquet file.") from None


def _is_noise(text: str) -> bool:
    """Whether control characters, which no table has, are strewn over the text."""
    sample = text[:65_536]
    return sum(not (each.isprintable() or each in "\n\r\t") for each in sample) > len(sample) / 200


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


def _parse(data: bytes, text: _Text, width: int) -> pa.Table:
    columns = [f"f{each}" for each in range(width)]
    if not data:
        return pa.table({name: pa.array([], pa.string()) for name in columns})
    return pacsv.read_csv(
        pa.py_buffer(data),
        read_options=pacsv.ReadOptions(column_names=columns, block_size=min(len(data) + 1, _BLOCK)),
        parse_options=pacsv.ParseOptions(
            delimiter=text.delimiter, quote_char='"' if text.quoted else False, newlines_in_values=text.quoted
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
