"""The ledger inside a hub: one's own, with the team's laid over it.

A run is always written to one's own ledger first and then handed in to the team's. When the hub is away the run waits
and is handed in by the next `ap.backtest`, `ap.runs` or ``alphapulse runs --merge``, once, whatever is killed between.
What is read is one's own, one's teams' and what is shared with one; trials are counted over everybody. When the hub is
away, one's own alone, and that is said.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphapulse_lib.errors import (
    Conflict,
    HubError,
    HubFault,
    HubUnreachable,
    InputError,
    LedgerError,
    NotAllowed,
    NotSignedIn,
    NotUnderstood,
    UnknownRun,
    UnknownTarget,
)
from alphapulse_lib.hub_client import Client
from alphapulse_lib.model.family import Family, key_of
from alphapulse_lib.model.run import RunRecord, RunSpec
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.outbox import Outbox
from alphapulse_lib.session import hub
from alphapulse_lib.settings import settings

__all__ = ["HandedIn", "TeamLedger", "team_ledger"]

#: What keeps the team's ledger from being read or written altogether, now.
_AWAY = (HubUnreachable, HubFault, NotSignedIn, NotAllowed)
#: Seconds for which a hub that was away is not asked again.
_LEFT_ALONE = 10.0
#: Runs handed in along with something else that a person waits for.
_ALONG = 50
#: So many that the hub has, one after the other, are older than what it lost: who hands in at once ends in any order.
_IN_A_ROW = 20


@dataclass(slots=True)
class HandedIn:
    """What became of the runs that waited.

    Attributes
    ----------
    runs : list of str
        The ids of those that the team's ledger has now.
    waiting : list of str
        Those that wait on: the hub is away, they are another person's, or others came first.
    refused : dict of str to str
        Those that the hub will never take, and why.
    away : str
        Why some wait, in the hub's words; empty when it refused none.
    """

    runs: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    away: str = ""


#: Statistics that depend on how much else was tried by then.
_COUNTED = ("trials", "expected_maximum_sharpe", "deflated_sharpe")


class TeamLedger(Ledger):
    """One's own ledger with the team's laid over it.

    Parameters
    ----------
    root : Path
        One's own ledger; files of other people's runs are kept in ``team/`` beside its runs.
    client : Client
        Of the hub that has the team's.
    """

    def __init__(self, root: Path, client: Client) -> None:
        super().__init__(root)
        self._client = client
        self._left_alone_until, self._why = 0.0, ""

    def append(self, record: RunRecord) -> None:
        """Take a record in, for good, and hand it in to the team's ledger; that may come later."""
        super().append(record)
        done = self._hand_in_along(record.id)
        if record.id in done.waiting:
            hub.warn(f"The run is in your own ledger, and waits to go to the team's: {done.away}")
        elif record.id in done.refused:
            hub.warn(f"The run stays in your own ledger alone: {done.refused[record.id]}")

    def get(self, run_id: str) -> RunRecord:
        """The record with that id, or with the only id that begins so, of anybody's that one may see.

        Raises
        ------
        UnknownRun
            None begins so, or several do.
        """
        text = str(run_id).strip().lower()
        found = {each.id: each for each in self.beginning(text)}
        if text not in found and re.fullmatch("[0-9a-f]{1,32}", text):
            theirs = self._from_team(lambda: self._begins_so(text))
            found |= {each.id: each for each in theirs or ()}
        return next(iter(found.values())) if len(found) == 1 else self.require_one(run_id, list(found))

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
        """The records that one may see, and one's own that wait; those that ended last first. See `Ledger.runs`."""
        self._hand_in_along()
        wanted = {"status": status, "strategy": strategy, "user": user, "purpose": purpose}
        names = (symbol,) if isinstance(symbol, str | None) else symbol
        asked = [{**wanted, "symbol": name, "family": family} for name in names]
        theirs = self._from_team(lambda: [run for each in asked for run in self._client.runs.list(**each, limit=limit)])
        if family is None or theirs is None:
            own = super().runs(limit, **wanted, symbol=symbol, family=family)
        else:  # what waits is in the family that the team's ledger would give it
            waiting = {each.id: each for each in super().runs(None, **wanted, symbol=symbol)}
            waiting = {name: waiting[name] for name in Outbox(self, self._client.url).waiting() if name in waiting}
            families = self.families(each.spec for each in waiting.values())
            own = [each for each in waiting.values() if families[key_of(each.spec.strategy)].name == family]
        return _together(theirs or [], own)[:limit]

    def of_spec(self, spec_id: str) -> list[RunRecord]:
        """The runs of one spec that one may see; those that ended last first."""
        theirs = self._from_team(lambda: list(self._client.runs.list(spec=spec_id)))
        return _together(theirs or [], super().of_spec(spec_id))

    def families(self, specs: Iterable[RunSpec]) -> dict[str, Family]:
        """What everybody tried of the families that some specs belong to, by the keys of their strategies.

        The team's ledger says which family that is; one's own trials that wait count with it.
        """
        wanted = {key_of(each.strategy): each for each in specs}
        own = super().families(wanted.values())
        asked = [each.strategy for each in wanted.values()]
        theirs = self._from_team(lambda: self._client.runs.families(asked)) if asked else ()
        for key, each in zip(wanted, theirs or (), strict=False):
            mine = own[key]
            own[key] = each.beside(mine)
        return own

    def folder(self, run_id: str) -> Path:
        """Where a run's files are: one's own, or what was brought here of somebody else's."""
        own, theirs = super().folder(run_id), self.root / "team" / run_id
        return theirs if theirs.exists() and not own.exists() else own

    def file(self, run_id: str, name: str) -> Path:
        """Where a file of a run is; one of somebody else's is brought here when it is first asked for.

        Raises
        ------
        LedgerError
            The hub does not hold it.
        HubUnreachable
            It is not here, and the hub is away.
        """
        if Path(name).name != name:
            raise LedgerError(f"{name!r} is no name of a run's file.", "The record is not one that AlphaPulse wrote.")
        own, theirs = super().folder(run_id) / name, self.root / "team" / run_id / name
        if own.exists():
            return own
        if not theirs.exists():
            theirs.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._client.runs.download(run_id, name, theirs)
            except UnknownTarget as gone:
                raise LedgerError(gone.message, gone.hint) from None
        return theirs

    def hand_in(self, *, first: str = "", most: int | None = None, again: bool = False, mine: bool = False) -> HandedIn:
        """Hand in the runs that wait, the oldest first.

        Parameters
        ----------
        first : str
            The id of one that goes before the others.
        most : int, optional
            At most so many.
        again : bool
            Also those that were refused before.
        mine : bool
            Those recorded under another name, too, as one's own: that of an account outside of the hub.
        """
        outbox, done = Outbox(self, self._client.url), HandedIn()
        waiting = outbox.waiting()
        if (most is None or waiting) and self._lost(outbox):
            waiting = outbox.waiting()
        waiting += list(outbox.refused()) if again else []
        waiting.sort(key=lambda each: each != first)
        strangers: set[str] = set()
        sent = 0
        for place, run_id in enumerate(waiting):
            if sent == most or self._is_left_alone():
                done.waiting += waiting[place:]
                done.away = done.away or (self._why if self._is_left_alone() else "")
                break
            record = super().get(run_id)
            if record.user in strangers:
                done.waiting.append(run_id)
                continue
            sent += 1
            try:
                refused = self._hand_in(record, mine)
            except _AWAY as away:
                done.waiting.append(run_id)
                done.away = str(away)
                if isinstance(away, NotAllowed):  # a run of somebody else's; one's own may still go
                    strangers.add(record.user)
                else:
                    self._leave_alone(away)
                continue
            outbox.settle(run_id, refused)
            if refused:
                done.refused[run_id] = refused
            else:
                done.runs.append(run_id)
        return done

    def _hand_in_along(self, first: str = "") -> HandedIn:
        """Hand in some of what waits beside what was asked for, which must not fail for it."""
        try:
            return self.hand_in(first=first, most=_ALONG)
        except LedgerError as refused:  # that cannot be remembered what was handed in
            return HandedIn(waiting=[first] if first else [], away=str(refused))

    def _lost(self, outbox: Outbox) -> bool:
        """Whether the team's ledger has lost runs that it was given, as one put back from a backup; they wait again.

        What is lost was handed in last: whole runs, and files of one that were on their way when it was copied.
        """
        if self._is_left_alone():
            return False
        try:
            if all(map(self._is_held, outbox.handed_in(1))):
                return False
            lost = self._lacking(outbox.handed_in())
        except NotAllowed:  # to read there; one may still hand in
            return False
        except _AWAY as away:
            self._leave_alone(away)
            return False
        outbox.forget(lost)
        what = f"{len(lost):,} runs that were" if len(lost) > 1 else "a run that was"
        hub.warn(
            f"The team's ledger has lost {what} handed in, or files of them, as one put back from a backup has: "
            "handed in again."
        )
        return True

    def _lacking(self, handed_in: Iterable[str]) -> list[str]:
        lost, there = list[str](), 0
        for each in handed_in:
            there = there + 1 if self._is_held(each) else 0
            if there == _IN_A_ROW:
                break
            if not there:
                lost.append(each)
        return lost

    def _is_held(self, run_id: str) -> bool:
        """Whether the hub has a run, with all of its files that are here."""
        held = self._client.runs.held(run_id)
        return held is not None and not any(self._not_among(held, record) for record in self.beginning(run_id))

    def _not_among(self, held: Iterable[str], record: RunRecord) -> list[tuple[str, Path]]:
        """The files of one's own run that are here and not among these, with where they are."""
        here = ((name, super(TeamLedger, self).folder(record.id) / name) for name in record.artefacts.values())
        return [(name, path) for name, path in here if name not in held and path.exists()]

    def hand_over(self, run_id: str) -> None:
        """See to it that the team's ledger has a run, now.

        Raises
        ------
        HubError
            It has not, and cannot be given it: the hub is away, or refuses.
        """
        if run_id not in Outbox(self, self._client.url).waiting():
            return
        done = self.hand_in(first=run_id, most=1)
        if run_id not in done.runs:
            raise HubError(
                f"The team's ledger has no run {run_id} yet.", done.away or done.refused.get(run_id) or "Try again."
            )

    def _hand_in(self, record: RunRecord, mine: bool) -> str:
        """Hand in a record and those of its files that the hub lacks; why it was refused, empty when it was not."""
        try:
            self._upload(record, self._client.runs.hand_in(record, mine=mine))
        except Conflict as refused:
            if not self._has_likewise(record):
                return refused.message
            with suppress(Conflict):  # the other machine's may tell of other times
                self._upload(record, self._client.runs.held(record.id) or ())
        except (NotUnderstood, InputError) as refused:
            return refused.message
        return ""

    def _upload(self, record: RunRecord, held: Iterable[str]) -> None:
        for name, path in self._not_among(held, record):
            self._client.runs.upload(record.id, name, path)

    def _has_likewise(self, record: RunRecord) -> bool:
        """Whether the team's ledger has a run from another machine of its owner's: a sweep's trial has one id on all.

        Only what it took, and when, may be another.
        """
        try:
            held = self._client.runs.record(record.id)
        except UnknownTarget:  # somebody else's, which one may not see
            return False
        whose = (held.user, held.environment.get("recorded_as"))
        return record.user in whose and all(
            one == other for one, other in zip(_decided(record), _decided(held), strict=True)
        )

    def _begins_so(self, text: str) -> list[RunRecord]:
        try:
            return [self._client.runs.record(text)]
        except UnknownTarget:
            return []
        except Conflict as several:
            raise UnknownRun(several.message, several.hint) from None

    def _from_team[T](self, ask: Callable[[], T]) -> T | None:
        """What the team's ledger answers; ``None``, with a warning, when it is away."""
        if not self._is_left_alone():
            try:
                return ask()
            except _AWAY as away:
                self._leave_alone(away)
        hub.warn(f"Only your own runs are shown and counted: {self._why}")
        return None

    def _leave_alone(self, away: HubError) -> None:
        self._left_alone_until, self._why = time.monotonic() + _LEFT_ALONE, away.message

    def _is_left_alone(self) -> bool:
        return time.monotonic() < self._left_alone_until


def team_ledger() -> TeamLedger:
    """The ledger that the settings name, with the team's laid over it.

    Raises
    ------
    HubError
        There is no hub here.
    """
    return TeamLedger(settings().ledger_root, hub.client())


def _decided(record: RunRecord) -> tuple[Any, ...]:
    """What is the same wherever a run is made: what it was given, what it read, and how it ended."""
    return (
        *(record.spec_id, record.purpose, record.of, record.status, record.error, record.versions),
        *([(each.name, each.rows, each.fingerprint) for each in kind] for kind in (record.series, record.facts)),
        {name: told for name, told in record.statistics.items() if name not in _COUNTED and told == told},
    )


def _together(theirs: list[RunRecord], own: list[RunRecord]) -> list[RunRecord]:
    by_id = {each.id: each for each in (*own, *theirs)}
    return sorted(by_id.values(), key=lambda each: each.ended_at, reverse=True)
