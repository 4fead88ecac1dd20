r"""A text file in pieces that end where a line ends: unzipped, UTF-8, ``\n`` alone between lines."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from alphapulse_lib.errors import UnreadableFile

__all__ = ["PIECE", "Piece", "pieces"]

#: Bytes that are read at a time: what a file of any length takes of memory, some ten times over.
PIECE = 1 << 23
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
class Piece:
    """Whole lines of a file.

    Attributes
    ----------
    data : bytes
        UTF-8.
    size : int
        The bytes of the file that were read for it.
    last : bool
        Whether the file ends with it.
    notes : tuple of str
        How the text was understood.
    """

    data: bytes
    size: int
    last: bool
    notes: tuple[str, ...] = ()


def pieces(path: Path, size: int | None = None) -> Iterator[Piece]:
    """The text of a file, gzipped or not; at least one piece.

    Parameters
    ----------
    size : int, optional
        Bytes of text to read at a time; `PIECE` unless told.

    Raises
    ------
    UnreadableFile
        It is empty, is not text, or its gzip data are damaged.
    """
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        try:
            yield from _cut(path, gzip.GzipFile(fileobj=file) if packed else file, file, size or PIECE)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise UnreadableFile(
                f"{path.name} is damaged: its gzip data ends early or is torn.", "Fetch it again."
            ) from None


def _cut(path: Path, stream: BinaryIO | gzip.GzipFile, file: BinaryIO, size: int) -> Iterator[Piece]:
    data, told, left = stream.read(size), 0, b""
    _refuse_other_kinds(path, data)
    wide = codecs.getincrementaldecoder("utf-16")() if data[:2] in (b"\xff\xfe", b"\xfe\xff") else None
    data = data.removeprefix(b"\xef\xbb\xbf")
    western, blank = False, True
    while data:
        following = stream.read(size)
        if wide is not None:
            data = _decoded(path, partial(wide.decode, data, not following)).encode()
        content, left = left + data, b""
        if following:  # A last \r may be half of a line break.
            end = max(content.rfind(b"\n"), content.rfind(b"\r", 0, -1)) + 1
            content, left = content[:end], content[end:]
        text, western = _utf8(path, content, western)
        blank = blank and not text.strip()
        notes = ("read as UTF-16",) if wide else ("not UTF-8: read as Windows-1252",) if western else ()
        place = file.tell()
        yield Piece(text, place - told, not following, notes)
        told, data = place, following
    if blank:
        raise UnreadableFile(f"{path.name} is empty.", "It needs a header line and a line for each row.")


def _refuse_other_kinds(path: Path, data: bytes) -> None:
    for magic, kind in _OTHER_KINDS.items():
        if data.lstrip().startswith(magic):
            raise UnreadableFile(f"{path.name} is {kind}, not text.", "Give CSV (also gzipped) or a .parquet file.")


def _utf8(path: Path, data: bytes, western: bool) -> tuple[bytes, bool]:
    """Lines as UTF-8 with plain line breaks, and whether they, or those before them, are of Windows-1252."""
    if b"\x00" in data:
        raise UnreadableFile(f"{path.name} is binary data, not text.", "Give CSV (also gzipped) or a .parquet file.")
    try:
        if not western:
            data.decode()
    except UnicodeDecodeError:
        western = True
    if western:
        text = _decoded(path, lambda: data.decode("cp1252"))
        if _is_noise(text):
            raise UnreadableFile(f"{path.name} is binary data, not text.", "Give CSV or a .parquet file.") from None
        data = text.encode()
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data, western


def _decoded(path: Path, decode: Callable[[], str]) -> str:
    try:
        return decode()
    except UnicodeDecodeError:
        raise UnreadableFile(f"{path.name} is not text.", "Save it as UTF-8 CSV, or give a .parquet file.") from None


def _is_noise(text: str) -> bool:
    """Whether control characters, which no table has, are strewn over the text."""
    sample = text[:65_536]
    return sum(not (each.isprintable() or each in "\n\r\t") for each in sample) > len(sample) / 200
