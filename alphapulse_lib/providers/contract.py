"""What every source of data offers, and what passes between it and ingestion.

There are two sorts. A `Provider` reads what a person points it at, such as files: it turns a `Request` into `Batch`es.
A `Vendor` is asked over the network for tickers and a window: it turns a `Fetch` into `Batch`es. Both hand over one
canonical form; they read, parse and name. They neither judge prices nor write: `alphapulse_lib.ingestion` does both,
the same way for all.

How to add one: ``docs/how-to/add-a-provider.md``.

Canonical columns, every one in ``Batch.table``, row for row beside ``Batch.raw``:

========== ================================================================================================
all        ``line`` int64 (the header is line 1; of Parquet and of a vendor's answers: the row, from 1), ``reason``
           string (why the row cannot be used, null where it can)
bars       ``symbol``, ``venue`` and ``name`` string, ``instant`` and ``wall`` int64 (nanoseconds of UTC, and of the
           clock on the wall as written), ``bare`` bool (a date without a time), ``open high low close volume
           adj_close`` float64, ``available_at`` int64 (null: not known)
trades     ``symbol``, ``venue`` string, ``instant`` int64, ``price`` and ``size`` float64, ``trade_id``,
           ``conditions`` and ``exchange`` string, ``available_at`` int64; of files ``side`` string too
           (``"BUY"``, ``"SELL"``: of whoever took the price; null: not known)
quotes     ``symbol``, ``venue`` string, ``instant`` int64, ``bid ask bid_size ask_size`` float64,
           ``available_at`` int64
actions    ``symbol``, ``venue`` string, ``kind`` string, ``ex_date`` date32, ``ratio`` and ``amount`` float64,
           ``new_symbol`` and ``part`` string, ``available_at`` int64
articles   ``id source headline body url symbols`` string, ``published_at`` and ``available_at`` int64
========== ================================================================================================

Two more kinds come from files alone: ``instruments`` (``id ticker venue name`` string, ``start`` and ``end`` date32,
both included, null where open) and ``universe`` (``universe`` and ``ticker`` string, ``start`` and ``end`` date32, the
end being the first day no longer a member).

Kinds of actions: ``split`` (``ratio``: new shares for one old), ``dividend`` (``amount`` of cash a share; ``part`` is
``special`` of one that may come on the day of an ordinary one), ``spin_off`` (``ratio``: shares of ``new_symbol`` for
one, ``amount``: what those are worth, where it is told), ``rename`` (from ``ex_date`` on it is ``new_symbol``),
``delisting`` (``amount`` of cash a share where holders got some, ``ratio`` shares of ``new_symbol`` where they got
those). ``ex_date`` is the first day without it. Where ``available_at`` is null, the open of that day is assumed.

A vendor's rows besides:

- ``venue`` is null where its answers do not say it; ``Vendor.instruments`` does.
- Bars within the day: ``instant`` is the bar's CLOSE, whatever the vendor stamps, and ``bare`` is false. Daily bars:
  ``bare`` is true and ``wall`` is midnight of the session's date; their close is the exchange's, which ingestion takes
  from its calendar. So ``stamps`` is ``"close"`` within the day and ``"session"`` for days, always.
- Prices and sizes are as traded, never adjusted; ``adj_close`` is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, runtime_checkable

from alphapulse_lib.model.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "KINDS",
    "STAMPS",
    "Batch",
    "Estimate",
    "Fetch",
    "Kind",
    "Paced",
    "Provider",
    "Request",
    "Source",
    "Stamps",
    "Vendor",
]

type Kind = Literal["bars", "trades", "quotes", "actions", "articles", "instruments", "universe"]
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
    """One table of canonical rows; of files a part of one, in its order; of a vendor a page or so.

    Attributes
    ----------
    name : str
        Where it came from: a file's name, or what was asked of a vendor.
    table : pyarrow.Table
        The canonical columns (see the module's docstring).
    raw : pyarrow.Table
        The rows as they arrived, for the quarantine: one column ``row``, string; of a whole batch of bars it may be the
        rows' fields (struct), of which a text is made where one is needed.
    notes : tuple of str
        What the provider had to decide, for the report.
    size : int
        Of files: the bytes that its rows take there.
    whole : bool
        Whether it holds all rows that there are of its symbols, so that they need not wait for what comes after it.
    """

    name: str
    table: pa.Table
    raw: pa.Table
    notes: tuple[str, ...] = ()
    size: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """What a provider would read, without reading it.

    Attributes
    ----------
    name : str
        A file's.
    rows, bytes : int
        How many it has; the rows of text are reckoned from its first lines.
    """

    name: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """What is asked of a vendor: one kind, for some of its tickers, in a window.

    Attributes
    ----------
    kind : {"bars", "trades", "quotes", "actions", "articles"}
        What the rows are.
    symbols : tuple of str
        The vendor's own tickers, as they were listed then: ``"AAPL"``, ``"BTC/USD"``.
    window : Window
        Bounds of a row's time, both included, nanoseconds of UTC: of a bar within the day its CLOSE; of a trade and a
        quote its own; of a daily bar and an action its date (the days that the window touches, on the clock of the
        exchange), so ingestion drops those whose close lies outside.
    period : str or None
        Of bars: one of the vendor's ``periods``, such as ``"1m"``.
    feed : str or None
        A vendor's own choice, such as ``"sip"`` or ``"iex"``; ``None``: the setting.
    """

    kind: Kind
    symbols: tuple[str, ...]
    window: Window
    period: str | None = None
    feed: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a fetch will cost, computed without asking: a guess from above, for ``--dry-run``.

    Attributes
    ----------
    calls, rows, bytes : int
        Requests made, rows handed over, bytes of the vendor's answers.
    """

    calls: int
    rows: int
    bytes: int


class Provider(Protocol):
    """A source of data that a person points at something."""

    @property
    def name(self) -> str:
        """The name it is called by: the first argument of ``ap.ingest``."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of data it offers."""

    def requests(self, request: Request) -> list[Request]:
        """What a request comes to: itself, or one for each kind and period that its target holds."""

    def sources(self, request: Request) -> list[Source]:
        """What `read` would read, for ``--dry-run`` and to tell how far it is.

        Raises
        ------
        IngestError, InputError
            As `read` does, where that can be told at once.
        """

    def read(self, request: Request) -> Iterator[Batch]:
        """The data asked for, some tens of thousands of rows at a time, however many there are.

        Raises
        ------
        IngestError
            Nothing of it can be read; the message says what arrived and what was expected.
        InputError
            The request itself cannot be used.
        """


class Vendor(Protocol):
    """A source of data that is asked over the network. Made without arguments; it reads its keys from the settings.

    One that also tells its ``venues``, a frozenset of MICs, is named to whoever lacks something of an instrument there.
    """

    @property
    def name(self) -> str:
        """The name it is called by: the first argument of ``ap.ingest``."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of data it offers."""

    @property
    def periods(self) -> frozenset[str]:
        """The periods of bars it serves natively, such as ``"1m"``."""

    def instruments(self, at: date | None = None) -> pa.Table:
        """What it lists, a row a ticker.

        Parameters
        ----------
        at : date, optional
            The day asked about. A vendor that knows only today's list gives that, with ``start`` and ``end`` null.

        Returns
        -------
        pyarrow.Table
            ``symbol`` (its ticker), ``venue`` (a MIC; null where none is known), ``name``, ``asset_class``
            (``"equity"``, ``"crypto"``), ``currency``, ``status`` (``"active"``, ``"inactive"``) string;
            ``price_precision``, ``size_precision`` int64; ``start``, ``end`` date32.

        Raises
        ------
        ProviderError
            It cannot be asked, or did not answer as it should.
        """

    def estimate(self, fetch: Fetch) -> Estimate:
        """What a fetch will cost; no call is made.

        Raises
        ------
        InputError
            It does not offer that: the message names what it offers.
        """

    def fetch(self, fetch: Fetch) -> Iterator[Batch]:
        """The data asked for, a page or so at a time, never the whole; the rows of a ticker in the order of time.

        Nothing later than `final_until` is asked for. A ticker without a row in the window has none: to remember that
        it was asked, and answered with nothing, is ingestion's part. What was yielded before an error holds good; each
        row is handed over once.

        Raises
        ------
        ProviderError
            Keys missing or refused, too many requests, unreachable, a bad answer: each says what to do.
        InputError
            It does not offer that: the message names what it offers.
        """

    def final_until(self, kind: str, period: str | None = None) -> int:
        """Until when its data is final, nanoseconds of UTC: rows up to then change by a correction alone."""


@runtime_checkable
class Paced(Protocol):
    """A vendor that keeps to a budget of calls, and can say what that means."""

    def seconds_for(self, calls: int) -> float:
        """Seconds until the budget allows so many more calls to have been made."""
