"""The ledger of runs: one SQLite file that takes records in and never changes or loses one.

Several processes may write and read at once (write-ahead log). Triggers refuse UPDATE, DELETE and a second record under
the same id, whoever asks. Beside the file, ``runs/<id>/`` holds each run's artefacts, written before its record, so a
record never points at what is not there.

``records.jsonl`` holds every record once more. A ledger that is torn or gone is moved aside and made anew from it, by
whoever notices first, and says so.

Which runs are trials of one idea `alphapulse_lib.model.family` says and `alphapulse_lib.results.families` remembers.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Never

from filelock import FileLock

from alphapulse_lib.errors import LedgerError, UnknownRun, did_you_mean
from alphapulse_lib.model.canonical import from_json
from alphapulse_lib.model.family import Family, key_of
from alphapulse_lib.model.run import RunRecord, RunSpec, StrategySource
from alphapulse_lib.results import families, took
from alphapulse_lib.results.journal import Journal
from alphapulse_lib.results.ledger_file import (
    DAMAGED,
    WRITABLE,
    ReadOnlyLedger,
    TornLedger,
    connected,
    copied,
    format_of,
    parts,
    put_in,
)
from alphapulse_lib.results.took import Kind, Took

__all__ = ["Ledger"]

_FOLDER = "ALPHAPULSE_LEDGER names it: name a folder, or one that can be made; unset, it lies in the home."


def _mending[**P, T](act: Callable[Concatenate[Ledger, P], T]) -> Callable[Concatenate[Ledger, P], T]:
    """An act that, where it finds the ledger torn, has it made anew and is done again."""

    @wraps(act)
    def done(self: Ledger, /, *arguments: P.args, **named: P.kwargs) -> T:
        try:
            return act(self, *arguments, **named)
        except TornLedger as torn:
            self._make_anew(torn)
            return act(self, *arguments, **named)

    return done


class Ledger:
    """The ledger in a folder, which is made at the first record.

    Parameters
    ----------
    root : Path
        Holds ``ledger.sqlite`` and ``runs/``.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.path = self.root / "ledger.sqlite"
        self._journal = Journal(self.root / "records.jsonl")

    def folder(self, run_id: str) -> Path:
        """Where a run's artefacts are."""
        return self.root / "runs" / run_id

    def file(self, run_id: str, name: str) -> Path:
        """Where one of a run's artefacts is."""
        return self.folder(run_id) / name

    def append(self, record: RunRecord) -> None:
        """Take a record in, for good.

        Raises
        ------
        LedgerError
            The ledger cannot be written, or already has a run of that id.
        """
        self.extend([record])

    def extend(self, records: Iterable[RunRecord]) -> None:
        """Take several records in, in their order: all of them, or none.

        Raises
        ------
        LedgerError
            The ledger cannot be written, or already has a run of one's id.
        """
        self._take(list(records))

    def get(self, run_id: str) -> RunRecord:
        """The record with that id, or with the only id that begins so.

        Raises
        ------
        UnknownRun
            None begins so, or several do.
        """
        found = self.beginning(str(run_id))
        return found[0] if len(found) == 1 else self.require_one(run_id, [each.id for each in found])

    def beginning(self, text: str) -> list[RunRecord]:
        """The record with that id, or else all whose ids begin so, the newest first; none for no text."""
        text = text.strip().lower()
        found = self._ask("SELECT record FROM runs WHERE id = ?", text) or self._ask(
            "SELECT record FROM runs WHERE substr(id, 1, ?) = ? ORDER BY sequence DESC LIMIT 100", len(text), text
        )
        return [from_json(record) for (record,) in found] if text else []

    def require_one(self, asked: str, ids: list[str]) -> Never:
        """Say why not one run was found.

        Raises
        ------
        UnknownRun
            None begins as asked, or several do.
        """
        if ids:
            raise UnknownRun(f"{len(ids)} runs begin with {asked!r}.", f"Say more of it: {', '.join(ids[:5])}.")
        raise UnknownRun(f"The ledger holds no run {asked!r}.", self._nearest(str(asked).strip().lower()))

    def ids(self, but: Container[str] = ()) -> list[str]:
        """The ids of all runs but these, the oldest first."""
        # An index has the ids alone; with their order each is looked up among the records.
        found = [each for (each,) in self._ask("SELECT id FROM runs") if each not in but]
        in_order = "SELECT id FROM runs WHERE id IN (SELECT value FROM json_each(?)) ORDER BY sequence"
        return [each for (each,) in self._ask(in_order, json.dumps(found))] if found else []

    def runs(
        self,
        limit: int | None = None,
        *,
        status: str | None = None,
        strategy: str | None = None,
        symbol: str | Sequence[str] | None = None,
        user: str | None = None,
        purpose: str | None = None,
        family: str | None = None,
    ) -> list[RunRecord]:
        """Records, the newest first.

        Parameters
        ----------
        limit : int, optional
            At most so many.
        status, purpose, user : str, optional
            Only these.
        strategy : str, optional
            Only those of this class, by its name alone or as ``module:Class``.
        symbol : str or sequence of str, optional
            Only those on this instrument, by its symbol alone or its id; of several names, on any of them.
        family : str, optional
            Only those of this family, by its name.
        """
        conditions = _conditions(status, strategy, symbol, user, purpose)
        if family is not None:
            self.families([])  # what an earlier version wrote is in none yet
            conditions.append((families.MEMBER, (family,)))
        where = " WHERE " + " AND ".join(clause for clause, _ in conditions) if conditions else ""
        arguments: list[Any] = [value for _, values in conditions for value in values]
        sql = f"SELECT record FROM runs{where} ORDER BY sequence DESC LIMIT ?"  # noqa: S608  the clauses are ours
        return [from_json(text) for (text,) in self._ask(sql, *arguments, -1 if limit is None else limit)]

    @_mending
    def took(self, spec: RunSpec, kind: Kind) -> list[Took]:
        """What runs of this machine took lately; see `alphapulse_lib.results.took.lately`."""
        if not self._is_there():
            return []
        with self._open() as connection:
            return took.lately(connection, spec, kind)

    @_mending
    def keep_beside(self, kind: Kind, windows: int, seconds: float, waiting: float, ended_at: int) -> None:
        """Keep what a sweep or a walk-forward took beside its trials; see `alphapulse_lib.results.took`."""
        with self._open(write=True) as connection:
            took.remember_beside(connection, kind, windows, seconds, waiting, ended_at)

    def of_spec(self, spec_id: str) -> list[RunRecord]:
        """All runs of one spec, the newest first."""
        found = self._ask("SELECT record FROM runs WHERE spec_id = ? ORDER BY sequence DESC", spec_id)
        return [from_json(text) for (text,) in found]

    def family(self, spec: RunSpec) -> Family:
        """What the ledger holds of the family that a spec belongs to."""
        return self.families([spec])[key_of(spec.strategy)]

    def families(self, specs: Iterable[RunSpec]) -> dict[str, Family]:
        """The same of several specs, by the keys of their strategies (`key_of`)."""
        return self._families({key_of(each.strategy): each.strategy for each in specs})

    @_mending
    def _families(self, wanted: dict[str, StrategySource]) -> dict[str, Family]:
        if not self._is_there():
            return {key: families.alone(each) for key, each in wanted.items()}
        try:
            with self._open(write=True) as connection, families.known_to(connection):
                self._take_missed(connection)
                return families.found(connection, wanted)
        except ReadOnlyLedger:  # what is in no family yet is placed in a copy
            with self._open() as connection, copied(connection) as copy, families.known_to(copy):
                return families.found(copy, wanted)

    def require_writable(self) -> None:
        """Look whether a record and its files could be taken in: before a run that would be lost.

        Raises
        ------
        LedgerError
            The ledger lies where nothing can be written, or the runs' files do.
        """
        if self._is_there():
            with self._open(write=True):
                pass
        runs = self.root / "runs"
        if runs.is_dir() and not os.access(runs, os.W_OK | os.X_OK):
            raise ReadOnlyLedger(f"A run's files could not be written: nothing may be written to {runs}.", WRITABLE)

    @_mending
    def _take(self, records: Sequence[RunRecord]) -> None:
        with self._open(write=True) as connection, families.known_to(connection):
            self._take_missed(connection, {each.id for each in records})
            put_in(connection, records)
            took.remember(connection, records)
            # What finds the ledger torn must come before the journal has them: they are then taken in once more.
            families.place_new(connection)
            self._journal.catch_up(connection)

    def _take_missed(self, connection: sqlite3.Connection, but: Container[str] = ()) -> None:
        """Take in what the journal alone has: the file is an earlier one put back, or its last writer was killed."""
        missed = self._journal.missed_by(connection, but)
        if not missed:
            return
        self._journal.catch_up(connection)  # before those are in both
        put_in(connection, missed)
        took.remember(connection, missed)
        families.place_new(connection)
        self._journal.has_all_of(connection)
        what = f"{len(missed):,} runs" if len(missed) > 1 else "a run"
        warnings.warn(
            f"The ledger at {self.path} lacked {what} that {self._journal.path.name} has, taken in from there: it is "
            "an earlier copy, or a process was killed over it.",
            UserWarning,
            stacklevel=2,
            skip_file_prefixes=(str(Path(__file__).parents[1]),),
        )

    def _nearest(self, text: str) -> str:
        ids = [each for (each,) in self._ask("SELECT id FROM runs ORDER BY sequence DESC LIMIT 5000")]
        if not ids:
            return "It holds none yet: `alphapulse backtest`, or ap.backtest, makes one."
        # What was typed is compared with as much of each id: a beginning is a valid name of a run.
        beginnings = dict.fromkeys(each[: len(text)] for each in ids)
        return did_you_mean(text, beginnings, f"The newest is {ids[0]}; `alphapulse runs`, or ap.runs(), lists them.")

    @_mending
    def _ask(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        if not self._is_there():
            return []
        with self._open() as connection:
            # Between the making of the file and of its tables there is nothing to read.
            if format_of(connection) == 0:
                return []
            return connection.execute(sql, arguments).fetchall()

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for one act; who writes waits for other writers up to a minute."""
        with self._alone() if write else nullcontext():
            self._is_there()
            with connected(self.path, write=write) as connection:
                yield connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else writes meanwhile: what goes into a file that is just being moved aside would be lost."""
        lock = FileLock(self.path.with_suffix(".lock"), timeout=60)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as refused:
            raise ReadOnlyLedger(f"The ledger at {self.root} cannot be opened: {refused}.", WRITABLE) from None
        try:
            yield
        finally:
            lock.release()

    def _is_there(self) -> bool:
        """Whether any record was ever taken in.

        Raises
        ------
        TornLedger
            There were some, and the database is gone or has been emptied.
        LedgerError
            It lies where no folder can be: one that does not exist yet is an empty ledger.
        """
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = None
        except OSError as refused:
            is_file = "it is a file" if self.root.is_file() else refused.strerror
            raise LedgerError(
                f"The ledger needs a folder, and {self.root} cannot be one: {is_file}.", _FOLDER
            ) from None
        if not size and self._journal.path.exists():
            raise TornLedger(f"The ledger at {self.path} is {'gone' if size is None else 'empty'}.", DAMAGED)
        return size is not None

    def _make_anew(self, torn: TornLedger) -> None:
        """Put a ledger of what the journal holds in the place of the damaged one; another process may do so already.

        Killed over it, it has done nothing: until the new one is whole the old one lies there, and then none.
        """
        aside = f"{self.path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}"
        with self._alone():
            if self._is_sound():
                return
            try:
                records = self._journal.records()
                if not records:
                    raise torn
                made = self._made_of(records)
                left = [
                    part.rename(part.with_name(part.name.replace(self.path.name, aside))) for part in parts(self.path)
                ]
                made.rename(self.path)
            except OSError as refused:
                raise LedgerError(f"{torn.message} It cannot be made anew: {refused}.", WRITABLE) from None
        warnings.warn(
            f"{torn.message} It was made anew from {self._journal.path.name} with its {len(records):,} runs"
            + (f"; what was left of it is {left[0].name}." if left else "."),
            UserWarning,
            stacklevel=2,
            skip_file_prefixes=(str(Path(__file__).parents[1]),),
        )

    def _made_of(self, records: Sequence[RunRecord]) -> Path:
        """A ledger of these records beside this one, in one file: it is whole before it takes its place."""
        path = self.path.with_name(f"{self.path.name}.anew")
        for part in parts(path):  # of one who was killed over it
            part.unlink()
        with connected(path, write=True) as connection:
            with families.known_to(connection):
                put_in(connection, records)
                took.remember(connection, records)
                self._journal.has_all_of(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path

    def _is_sound(self) -> bool:
        try:
            if not self._is_there():
                return False
            with self._open() as connection:
                return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        except TornLedger:
            return False


def _conditions(
    status: str | None,
    strategy: str | None,
    symbol: str | Sequence[str] | None,
    user: str | None,
    purpose: str | None,
) -> list[tuple[str, tuple[str, ...]]]:
    """SQL conditions and their arguments."""
    asked = {"status": status, "user": user, "purpose": purpose}
    found: list[tuple[str, tuple[str, ...]]] = [
        (f"{column} = ?", (value,)) for column, value in asked.items() if value is not None
    ]
    if strategy is not None:
        found.append(("(strategy = ? OR substr(strategy, -length(?)) = ?)", (strategy, f":{strategy}", f":{strategy}")))
    if symbol is not None:
        names = (symbol,) if isinstance(symbol, str) else symbol
        held = [f",{name}{end}" for name in names for end in ",."]
        clause = " OR ".join(["instr(',' || instruments || ',', ?)"] * len(held))
        found.append((f"({clause})", tuple(held)))
    return found
