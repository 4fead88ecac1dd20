"""``/v1/runs``: the team's ledger."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from alphapulse_lib.errors import HubFault, InputError, UnknownTarget
from alphapulse_lib.hub_client.paths import part
from alphapulse_lib.hub_client.transport import Damaged, Page, Transport
from alphapulse_lib.model.canonical import from_values, to_json
from alphapulse_lib.model.family import Family
from alphapulse_lib.model.run import RunRecord, StrategySource

__all__ = ["Counted", "KeptRun", "Runs"]


#: A family may have tens of thousands of trials: who asks for none of them is answered in short.
_BRIEF = {"Prefer": "return=minimal"}
#: The same of who asks for a run's record alone.
_WITHOUT_TRIALS = {"Prefer": "trials=none"}
#: Characters of the sources that are sent at once.
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run in the team's ledger.

    Attributes
    ----------
    family : Family
        As it is now.
    files : tuple of str
        Which of its files the hub holds.
    """

    record: RunRecord
    family: Family
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a list of runs tells of one beside its record: its family, and its luck among all trials until now.

    Attributes
    ----------
    family : str
        The family's name.
    similar_to : str
        The run whose source is most like it, where that is why; empty else.
    similarity : float or None
        How alike the two are.
    trials : int
        How many were tried of the family, by everybody.
    expected_maximum_sharpe, deflated_sharpe : float or None
        As `Family.deflate` has them; none where there is no ratio.
    """

    id: str
    family: str
    similar_to: str
    similarity: float | None
    trials: int
    expected_maximum_sharpe: float | None
    deflated_sharpe: float | None


@dataclass(frozen=True, slots=True)
class _Listing:
    items: tuple[dict[str, Any], ...]
    counted: tuple[Counted, ...]
    next: str | None = None
    damaged: tuple[Damaged, ...] = ()


@dataclass(frozen=True, slots=True)
class _Trial:
    spec_id: str
    sharpe_per_period: float | None
    observations: int | None = None
    periods_per_year: float | None = None


@dataclass(frozen=True, slots=True)
class _Family:
    name: str
    trials: tuple[_Trial, ...]
    similar_to: str
    similarity: float | None


@dataclass(frozen=True, slots=True)
class _Detail:
    record: dict[str, Any]
    family: _Family
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    files: tuple[str, ...]


class Runs:
    """The ledger of runs, as far as the token's owner sees it. Nothing in it is ever changed or deleted."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        status: str | None = None,
        purpose: str | None = None,
        strategy: str | None = None,
        symbol: str | None = None,
        user: str | None = None,
        family: str | None = None,
        spec: str | None = None,
        limit: int | None = None,
    ) -> Iterator[RunRecord]:
        """Records, the newest first, asked for page by page.

        Parameters
        ----------
        status, purpose, user, family, spec : str, optional
            Only these; a family by its name, a spec by its id.
        strategy : str, optional
            Only those of this class, by its name alone or as ``module:Class``.
        symbol : str, optional
            Only those on this instrument, by its symbol alone or its id.
        limit : int, optional
            At most so many.
        """
        query = {
            "status": status,
            "purpose": purpose,
            "strategy": strategy,
            "symbol": symbol,
            "user": user,
            "family": family,
            "spec": spec,
        }
        for values in self._transport.pages(dict[str, Any], "/v1/runs", query, limit):
            found = _read(values)
            if isinstance(found, Damaged):
                self._transport.damaged(found)
            else:
                yield found

    def counted(self, limit: int, **wanted: str | None) -> tuple[tuple[RunRecord, Counted], ...]:
        """The newest records with how each is counted, at most so many; ``wanted`` as in `list`.

        What a table of runs needs: the trials of their families themselves may be tens of thousands.
        """
        found: dict[str, tuple[RunRecord, Counted]] = {}
        cursor: str | None = ""
        while cursor is not None and len(found) < limit:
            query = {**wanted, "limit": min(limit - len(found), 200), "cursor": cursor or None}
            told = self._transport.ask(_Listing, "GET", "/v1/runs", query=query)
            read = [_read(each) for each in told.items]
            for each in (*told.damaged, *(each for each in read if isinstance(each, Damaged))):
                self._transport.damaged(each)
            counted = {each.id: each for each in told.counted}
            found |= {each.id: (each, counted[each.id]) for each in read if not isinstance(each, Damaged)}
            cursor = told.next
        return tuple(found.values())

    def page(self, *, limit: int = 50, cursor: str = "", **wanted: str | None) -> Page[RunRecord]:
        """One page of that list, for who turns pages oneself; ``wanted`` as in `list`."""
        query = {**wanted, "limit": limit, "cursor": cursor or None}
        found = self._transport.ask(Page[dict[str, Any]], "GET", "/v1/runs", query=query)
        read = [_read(each) for each in found.items]
        damaged = (*found.damaged, *(each for each in read if isinstance(each, Damaged)))
        return Page(tuple(each for each in read if not isinstance(each, Damaged)), found.next, damaged)

    def get(self, run_id: str) -> KeptRun:
        """A run, by its id or the only beginning of one, with its family as it is now.

        Raises
        ------
        UnknownTarget
            None begins so.
        Conflict
            Several do.
        """
        return _kept(self._transport.ask(_Detail, "GET", _path(run_id)))

    def record(self, run_id: str) -> RunRecord:
        """The record of a run, by its id or the only beginning of one; raises as `get`."""
        return _record(self._transport.ask(_Detail, "GET", _path(run_id), headers=_WITHOUT_TRIALS).record)

    def families(self, strategies: Iterable[StrategySource]) -> tuple[Family, ...]:
        """The families that strategies are in, or would be, in the order asked for; with all trials until now."""
        found: list[Family] = []
        for some in _bundles(strategies):
            sent = {"strategies": [{"name": each.name, "text": each.text, "family": each.family} for each in some]}
            answer = self._transport.ask(
                tuple[_Family, ...], "POST", "/v1/families", body=sent, headers=_BRIEF, repeatable=True
            )
            told: dict[str, Family] = {}  # a family's trials come with the first of its strategies alone
            for each in answer:
                family = told.setdefault(each.name, _family(each))
                found.append(family.joined(each.similar_to, nan if each.similarity is None else each.similarity))
        return tuple(found)

    def append(self, record: RunRecord, *, mine: bool = False) -> KeptRun:
        """Append a run; one that is there already stays as it is. Its files are handed in with `upload`.

        Parameters
        ----------
        mine : bool
            That it is the token's owner's, whatever name it was recorded under; the record's environment keeps that
            name as ``recorded_as``.

        Raises
        ------
        Conflict
            Another run has its id.
        """
        return _kept(self._post(_Detail, record, mine))

    def hand_in(self, record: RunRecord, *, mine: bool = False) -> tuple[str, ...]:
        """Append a run as `append` does, and answer only which of its files the hub holds."""
        return self._post(_Held, record, mine, _BRIEF).files

    def held(self, run_id: str) -> tuple[str, ...] | None:
        """Which files of a run the hub holds; ``None`` where its ledger has no such run, as far as one sees it."""
        try:
            return self._transport.ask(_Held, "GET", _path(run_id), headers=_BRIEF).files
        except UnknownTarget:
            return None

    def upload(self, run_id: str, name: str, path: Path) -> None:
        """Hand in a file that the run's record names.

        Raises
        ------
        UnknownTarget
            The record names no such file.
        Conflict
            The hub holds another content under that name.
        InputError
            The file cannot be read.
        """
        try:
            content = path.read_bytes()
        except OSError as refused:
            raise InputError(f"{path} cannot be read: {refused.strerror}.") from None
        headers = {"Content-Type": "application/octet-stream"}
        self._transport.send("PUT", f"{_path(run_id)}/files/{part(name)}", headers=headers, content=content)

    def download(self, run_id: str, name: str, path: Path) -> None:
        """Bring a file of a run here, whole or not at all.

        Raises
        ------
        UnknownTarget
            The hub does not hold it.
        InputError
            It cannot be written there.
        """
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with self._transport.stream(f"{_path(run_id)}/files/{part(name)}") as answer, beside.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as refused:
            raise InputError(f"{path} cannot be written: {refused.strerror}.") from None
        finally:
            beside.unlink(missing_ok=True)

    def _post[T](self, kind: type[T], record: RunRecord, mine: bool, headers: dict[str, str] | None = None) -> T:
        sent, query = json.loads(to_json(record)), {"mine": True} if mine else None
        return self._transport.ask(kind, "POST", "/v1/runs", query=query, body=sent, headers=headers, repeatable=True)


def _bundles(strategies: Iterable[StrategySource]) -> Iterator[list[StrategySource]]:
    """Strategies in bundles that one request may hold."""
    bundle: list[StrategySource] = []
    size = 0
    for each in strategies:
        if bundle and (len(bundle) == 200 or size + len(each.text) > _MOST):
            yield bundle
            bundle, size = [], 0
        bundle.append(each)
        size += len(each.text)
    if bundle:
        yield bundle


def _path(run_id: str) -> str:
    return f"/v1/runs/{part(run_id)}"


def _kept(detail: _Detail) -> KeptRun:
    return KeptRun(_record(detail.record), _family(detail.family), detail.files)


def _family(found: _Family) -> Family:
    sharpes = {each.spec_id: nan if each.sharpe_per_period is None else each.sharpe_per_period for each in found.trials}
    lengths = {each.spec_id: each.observations for each in found.trials if each.observations is not None}
    yearly = {each.spec_id: each.periods_per_year for each in found.trials if each.periods_per_year is not None}
    similarity = nan if found.similarity is None else found.similarity
    return Family(found.name, sharpes, found.similar_to, similarity, lengths, yearly)


def _record(values: dict[str, Any]) -> RunRecord:
    found = _read(values)
    if isinstance(found, Damaged):
        raise HubFault(
            f"The hub's record of run {found.id!r} cannot be read: {found.why}.",
            "Hub and library may be of different versions.",
        )
    return found


def _read(values: dict[str, Any]) -> RunRecord | Damaged:
    try:
        return from_values(values)
    except (InputError, KeyError, TypeError, ValueError, AttributeError) as wrong:
        return Damaged(str(values.get("id")), str(wrong) or type(wrong).__name__)
