"""Every error AlphaPulse raises on purpose, in one tree.

::

    AlphaPulseError
    ├── SettingsError                a setting that cannot be used
    ├── InputError                   an argument that cannot be used
    │   ├── UnknownSymbol            no instrument has that name
    │   ├── AmbiguousSymbol          several instruments have that name
    │   ├── UnknownPeriod            not a bar period
    │   ├── UnknownParameter         a strategy has no such parameter
    │   ├── ReversedWindow           the start lies after the end
    │   ├── UnknownRun               the ledger holds no such run
    │   ├── UnknownImport            the catalog remembers no such import
    │   ├── UnknownScorer            no scorer has that name
    │   └── QueryError               SQL that DuckDB refuses
    ├── CatalogError                 the catalog itself is at fault
    │   ├── CatalogEmpty             nothing was ever written there
    │   ├── CatalogBusy              another writer holds the lock
    │   ├── CatalogReadOnly          this person may not write there
    │   ├── CatalogFormat            written by another version
    │   ├── CatalogDamaged           a file in it is not what its name says
    │   ├── CatalogUnreachable       its object store does not answer, or refuses
    │   └── CatalogChanged           an object changed under the hands of who read or wrote it
    ├── IngestError                  an import that cannot begin
    │   ├── UnreadableFile           missing, empty, or not the kind it claims
    │   ├── MissingColumn            a column that is needed was not found
    │   └── NothingUsable            every row was set aside
    ├── ProviderError                a vendor did not give what was asked of it
    │   ├── KeysMissing              no key for it is set
    │   ├── KeysRefused              it does not know the key, or the key may not have that
    │   ├── TooManyRequests          it asks to wait longer than we do
    │   ├── VendorUnreachable        nothing answers there, not in time, or with a fault of its own
    │   ├── RequestRefused           it does not understand what was asked
    │   └── BadAnswer                its answer is not what its protocol says
    ├── PreflightError               a backtest that would run on silence or on wrong data
    │   ├── NoCoverage               no bars in the window
    │   ├── CoverageGap              sessions are missing inside the window
    │   ├── UnservedSubscription     the strategy asks for data nothing will serve
    │   ├── WarmUpTooLong            an indicator takes more bars than the run has
    │   ├── WrongStamps              bars whose stamps are not their closes
    │   ├── KnownTooLate             bars of which none was known while they lasted
    │   ├── AdjustedAsRaw            adjusted prices declared as traded
    │   ├── NoVolumePrice            nothing finer is held that a volume-weighted price could be made of
    │   ├── NoTicks                  no trades and no quotes are held that orders could fill at
    │   ├── UnsafeFill               the fill convention cannot be honoured on this data
    │   └── StrategyUnusable         the class cannot be built or sent to a worker
    ├── RunError                     a backtest that began and did not end well
    │   ├── StrategyRaised           the strategy's own exception, with its traceback
    │   ├── RunInterrupted           stopped by its owner
    │   └── WorkerDied               its process ended without an answer
    │       └── LimitReached         it took longer, or held more memory, than it may
    ├── SweepError                   many trials that cannot begin, or of which none came to anything
    ├── LedgerError                  the ledger of runs, or a run's files, cannot be read or written
    └── HubError                     the hub cannot be started, reached or made to do what was asked
        ├── HubUnreachable           nothing answers there, or not in time
        ├── HubFault                 it answered with a fault of its own
        ├── NotSignedIn              it does not know the token
        ├── NotAllowed               the token, or its owner, may not do that
        ├── UnknownTarget            it holds no such comment, run, schedule or file
        ├── Conflict                 it holds something that stands against it
        ├── StoppedWaiting           its owner waits no longer; the hub goes on
        └── NotUnderstood            it refused what was sent

Each carries what arrived, what was expected and what to do next. In a notebook an AlphaPulseError is shown
as its message alone: our own traceback helps nobody who uses the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alphapulse_lib.suggestion import did_you_mean

# fmt: off
__all__ = [
    "AdjustedAsRaw", "AlphaPulseError", "AmbiguousSymbol", "BadAnswer", "CatalogBusy", "CatalogChanged",
    "CatalogDamaged", "CatalogEmpty", "CatalogError", "CatalogFormat", "CatalogReadOnly", "CatalogUnreachable",
    "Conflict", "CoverageGap", "HubError", "HubFault", "HubUnreachable", "IngestError", "InputError", "KeysMissing",
    "KeysRefused", "KnownTooLate", "LedgerError", "LimitReached", "MissingColumn", "NoCoverage", "NoTicks",
    "NoVolumePrice", "NotAllowed", "NotSignedIn", "NotUnderstood", "NothingUsable", "PreflightError", "ProviderError",
    "QueryError", "RequestRefused", "ReversedWindow", "RunError", "RunInterrupted", "SettingsError", "StoppedWaiting",
    "StrategyRaised", "StrategyUnusable", "SweepError", "TooManyRequests", "UnknownImport", "UnknownParameter",
    "UnknownPeriod", "UnknownRun", "UnknownScorer", "UnknownSymbol", "UnknownTarget", "UnreadableFile",
    "UnsafeFill", "UnservedSubscription", "VendorUnreachable", "WarmUpTooLong", "WorkerDied", "WrongStamps",
    "did_you_mean",
]
# fmt: on


class AlphaPulseError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    message : str
        What arrived and what was expected, in one sentence.
    hint : str, optional
        What to do next: the nearest valid choice, the command that helps.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """IPython shows these lines in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class SettingsError(AlphaPulseError):
    """A setting that cannot be used."""


class InputError(AlphaPulseError):
    """An argument that cannot be used."""


class UnknownSymbol(InputError):
    """No instrument has that name."""


class AmbiguousSymbol(InputError):
    """Several instruments have that name; the message lists them."""


class UnknownPeriod(InputError):
    """Not a bar period."""


class UnknownParameter(InputError):
    """A strategy has no such parameter."""


class ReversedWindow(InputError):
    """The start lies after the end."""


class UnknownRun(InputError):
    """The ledger holds no such run."""


class UnknownImport(InputError):
    """The catalog remembers no such import."""


class UnknownScorer(InputError):
    """No scorer has that name."""


class QueryError(InputError):
    """SQL that DuckDB refuses; the message is DuckDB's own."""


class CatalogError(AlphaPulseError):
    """The catalog itself is at fault."""


class CatalogEmpty(CatalogError):
    """Nothing was ever written there."""


class CatalogBusy(CatalogError):
    """Another writer holds the lock."""


class CatalogReadOnly(CatalogError):
    """This person may not write there."""


class CatalogFormat(CatalogError):
    """Written by another version of AlphaPulse."""


class CatalogDamaged(CatalogError):
    """A file in the catalog is not what its name says."""


class CatalogUnreachable(CatalogError):
    """The catalog's object store does not answer, or refuses."""


class CatalogChanged(CatalogError):
    """An object of the catalog changed under the hands of who read or wrote it."""


class IngestError(AlphaPulseError):
    """An import that cannot begin."""


class UnreadableFile(IngestError):
    """Missing, empty, or not the kind of file it claims to be."""


class MissingColumn(IngestError):
    """A column that is needed was not found."""


class NothingUsable(IngestError):
    """Every row was set aside."""


class ProviderError(AlphaPulseError):
    """A vendor that is asked over the network did not give what was asked of it."""


class KeysMissing(ProviderError):
    """No key for the vendor is set; the hint names the variables."""


class KeysRefused(ProviderError):
    """The vendor does not know the key, or the key's plan does not hold what was asked."""


class TooManyRequests(ProviderError):
    """The vendor asks to wait for longer than we wait; ``wait`` (float) is the seconds until it may be asked again."""

    def __init__(self, message: str, hint: str = "", wait: float = 0.0) -> None:
        super().__init__(message, hint)
        self.wait = wait


class VendorUnreachable(ProviderError):
    """Nothing answers there, not in time, or with a fault of its own. What was asked may be asked again later."""


class RequestRefused(ProviderError):
    """The vendor does not understand what was asked, such as a ticker it never listed; the message is its own."""


class BadAnswer(ProviderError):
    """The vendor's answer is not what its protocol says, also when asked again. Nothing of that page was handed on."""


class PreflightError(AlphaPulseError):
    """A backtest that would run on silence or on wrong data.

    Parameters
    ----------
    about : mapping, optional
        What a command that mends it needs to know: ``instrument``, ``period`` or ``kind``, ``first`` and ``last``.
    """

    def __init__(self, message: str, hint: str = "", about: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, hint)
        self.about = dict(about or {})


class NoCoverage(PreflightError):
    """No bars in the window."""


class CoverageGap(PreflightError):
    """Sessions are missing inside the window."""


class UnservedSubscription(PreflightError):
    """The strategy asks for data that nothing will serve."""


class WarmUpTooLong(PreflightError):
    """An indicator takes more bars than the run has, so that it would never be ready."""


class WrongStamps(PreflightError):
    """Bars whose stamps are not their closes."""


class KnownTooLate(PreflightError):
    """Bars of which none was known while they lasted: a strategy would be told of none."""


class AdjustedAsRaw(PreflightError):
    """Adjusted prices declared as traded."""


class NoVolumePrice(PreflightError):
    """Nothing finer is held that the bars' volume-weighted prices could be made of."""


class NoTicks(PreflightError):
    """No trades and no quotes are held that orders could fill at, or that a strategy could hear."""


class UnsafeFill(PreflightError):
    """The fill convention cannot be honoured on this data."""


class StrategyUnusable(PreflightError):
    """The class cannot be built, or cannot be sent to a worker."""


class RunError(AlphaPulseError):
    """A backtest that began and did not end well; its record is in the ledger: ``ap.run(error.run_id)``.

    Attributes
    ----------
    traceback : str
        Where the strategy raised, left or was, from its first own frame on; empty where nothing tells.
    """

    def __init__(self, message: str, hint: str = "", run_id: str = "", traceback: str = "") -> None:
        super().__init__(message, hint)
        self.run_id = run_id
        self.traceback = traceback

    def __str__(self) -> str:
        return "\n".join(part for part in (self.traceback.rstrip(), self.message, self.hint) if part)


class StrategyRaised(RunError):
    """The strategy's own exception, with its traceback."""


class RunInterrupted(RunError):
    """Stopped by its owner."""


class WorkerDied(RunError):
    """The run's process ended without an answer."""


class LimitReached(WorkerDied):
    """The run took longer, or held more memory, than it may, and was stopped."""


class SweepError(AlphaPulseError):
    """Many trials that cannot begin, or of which none came to anything."""


class LedgerError(AlphaPulseError):
    """The ledger of runs, or a run's files, cannot be read or written."""


class HubError(AlphaPulseError):
    """The hub cannot be started, reached or made to do what was asked."""


class HubUnreachable(HubError):
    """Nothing answers there, or not in time. What was asked may be asked again later."""


class HubFault(HubError):
    """The hub answered with a fault of its own."""


class NotSignedIn(HubError):
    """The hub does not know the token, or none was sent."""


class NotAllowed(HubError):
    """The token, or its owner, may not do that."""


class UnknownTarget(HubError):
    """The hub holds no such comment, run, schedule or file."""


class Conflict(HubError):
    """The hub holds something that stands against what was asked."""


class StoppedWaiting(HubError):
    """Its owner waits no longer for what the hub does; the hub goes on, and the hint says how to look at it."""


class NotUnderstood(HubError):
    """The hub refused what was sent; the message names the field."""
