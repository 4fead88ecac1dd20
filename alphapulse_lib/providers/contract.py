"""What every provider offers, and what passes between a provider and ingestion.

A provider turns a `Request` into `Batch`es of one canonical form. It reads, parses and names; it neither judges prices
nor writes: `alphapulse_lib.ingestion` does both, the same way for every provider.

To add a provider: a module beside `files` with a class of the shape of `Provider`; its line in `registry` (or an entry
point of a package); a class in ``tests/contracts/test_providers.py`` that inherits the contract's tests.

Canonical columns, every one in ``Batch.table``, row for row beside ``Batch.raw``:

========== ================================================================================================
all        ``line`` int64 (the header is line 1; of Parquet: the row, from 1), ``reason`` string (why the row cannot
           be used, null where it can)
bars       ``symbol``, ``venue`` and ``name`` string, ``instant`` and ``wall`` int64 (nanoseconds of UTC, and of the
           clock on the wall as written), ``bare`` bool (a date without a time), ``open high low close volume
           adj_close`` float64, ``available_at`` int64 (null: not known)
actions    ``symbol``, ``venue`` string, ``kind`` string, ``ex_date`` date32, ``ratio`` and ``amount`` float64,
           ``available_at`` int64
articles   ``id source headline body url symbols`` string, ``published_at`` and ``available_at`` int64
========== ================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "STAMPS", "Batch", "Kind", "Provider", "Request", "Stamps"]

type Kind = Literal["bars", "actions", "articles"]
type Stamps = Literal["session", "open", "close"]

#: The kinds of data a provider may offer.
KINDS: tuple[str, ...] = get_args(Kind.__value__)
#: What a bar's stamp may mean.
STAMPS: tuple[str, ...] = get_args(Stamps.__value__)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a provider.

    Attributes
    ----------
    target : object
        What to read: for files a path, a folder, a glob, or a list of them.
    symbol, venue, name : str or mapping or None
        Of all rows, where the data itself does not say; ``venue`` and ``name`` also by symbol.
    timezone : str or None
        The zone of stamps that name none; ``None``: the venue's.
    stamps : {"session", "open", "close"} or None
        What a bar's stamp means; ``None``: sessions for daily bars.
    adjusted : bool
        Whether the prices are adjusted, so not as traded.
    columns : mapping of str to str
        Canonical name to the name in the data, where it would not be guessed.
    day_first : bool or None
        How ``03/04/2013`` is read; ``None``: as the data as a whole allows.
    recover : bool
        Whether splits and dividends are recovered where adjusted closes stand beside raw ones.
    """

    target: Any
    kind: Kind = "bars"
    symbol: str | None = None
    venue: str | Mapping[str, str] | None = None
    name: str | Mapping[str, str] | None = None
    period: str = "1d"
    timezone: str | None = None
    stamps: Stamps | None = None
    adjusted: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    day_first: bool | None = None
    recover: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """One table of canonical rows; of files, one file's.

    Attributes
    ----------
    name : str
        Where it came from: a file's name.
    table : pyarrow.Table
        The canonical columns (see the module's docstring).
    raw : pyarrow.Table
        The rows as they arrived, for the quarantine.
    notes : tuple of str
        What the provider had to decide, for the report.
    """

    name: str
    table: pa.Table
    raw: pa.Table
    notes: tuple[str, ...] = ()


class Provider(Protocol):
    """A source of data."""

    @property
    def name(self) -> str:
        """The name it is called by: the first argument of ``ap.ingest``."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of data it offers."""

    def read(self, request: Request) -> Iterator[Batch]:
        """The data asked for.

        Raises
        ------
        IngestError
            Nothing of it can be read; the message says what arrived and what was expected.
        InputError
            The request itself cannot be used.
        """
