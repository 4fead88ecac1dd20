"""The runs in the database, and their files beside it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite

from alphapulse_lib.model.canonical import from_values, to_json
from alphapulse_lib.model.family import Family, key_of
from alphapulse_lib.model.run import RunRecord, StrategySource
from hub.api.database import reading, writing
from hub.api.ledger.records import FILE
from hub.api.ledger.schema import RUNS, Counted, Held, RunDetail, told
from hub.api.ledger.strategies import Tried, in_turn, members, place_new
from hub.api.pages import Damaged, intact, read
from hub.api.problems import ProblemError

__all__ = ["RunStore"]


class RunStore:
    """The ledger of one database.

    Parameters
    ----------
    folder : Path
        Holds a folder of files for each run.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._tried = Tried()
        with writing(engine) as connection:  # what an earlier version appended is in no family yet
            in_turn(connection)
            place_new(connection)

    def append(self, record: RunRecord) -> bool:
        """Take a record in, for good; whether it was not there before.

        Raises
        ------
        ProblemError
            409: another run has that id.
        """
        text = to_json(record)
        sharpe = record.statistics.get("sharpe_per_period")
        values = {
            "id": record.id,
            "spec_id": record.spec_id,
            "family": record.spec.label,
            "strategy": record.spec.strategy.name,
            "status": record.status,
            "purpose": record.purpose,
            "user": record.user,
            "started_at": record.started_at,
            "sharpe_per_period": float(sharpe) if isinstance(sharpe, int | float) and math.isfinite(sharpe) else None,
            "record": text,
        }
        with writing(self._engine) as connection:
            in_turn(connection)
            kind = postgresql if connection.dialect.name == "postgresql" else sqlite
            fresh = kind.insert(RUNS).values(values).on_conflict_do_nothing().returning(RUNS.c.sequence)
            if connection.execute(fresh).first() is not None:
                place_new(connection)
                return True
            if self._row(record.id, true()).record != text:
                raise ProblemError(
                    409,
                    f"The ledger has another run {record.id}.",
                    "The ledger changes nothing: give the run its own id.",
                )
            return False

    def page(
        self, seen: ColumnElement[bool], limit: int, before: int | None, **wanted: str | None
    ) -> list[tuple[int, str | Damaged]]:
        """Records as JSON, the newest first, each with its place; ``wanted`` names columns and what they must be.

        Here and below, ``seen`` is the condition that a run may be seen by who asks; another is as if it were not.
        """
        query = select(RUNS.c.sequence, RUNS.c.id, RUNS.c.record).where(seen)
        query = query.order_by(RUNS.c.sequence.desc()).limit(limit)
        for name, value in wanted.items():
            if value is None:
                continue
            if name == "strategy":
                query = query.where((RUNS.c.strategy == value) | RUNS.c.strategy.endswith(f":{value}", autoescape=True))
            elif name == "symbol":
                held = RUNS.c.family.like
                escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
                spots = [f"%{a}{escaped}{b}%" for a in (" ", ",") for b in (" ", ",", ".")]
                query = query.where(or_(*(held(each, escape="\\") for each in spots)))
            elif name == "family":
                query = query.where(members(value))
            else:
                query = query.where(RUNS.c[name] == value)
        if before is not None:
            query = query.where(RUNS.c.sequence < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [(row.sequence, read(row.id, partial(_checked, row.record))) for row in rows]

    def get(self, run_id: str, seen: ColumnElement[bool], *, with_trials: bool = True) -> RunDetail:
        """A run, by its id or the only beginning of one; on demand without the trials of its family.

        Raises
        ------
        ProblemError
            404: none begins so. 409: several do, or its record is damaged.
        """
        row = self._row(run_id, seen)
        values = _values(row)
        family = self.family(from_values(values).spec.strategy, seen)
        shown = family if with_trials else replace(family, sharpes={})
        return RunDetail(record=values, family=told(shown), files=self.files(row.id))

    def held(self, run_id: str, seen: ColumnElement[bool]) -> Held:
        """What is held of a run, without the trials of its family, which may be tens of thousands; raises as `get`."""
        whole, _ = self.whose(run_id, seen)
        return Held(id=whole, files=self.files(whole))

    def exists(self, run_id: str, seen: ColumnElement[bool]) -> bool:
        """Whether there is a run of exactly that id."""
        with reading(self._engine) as connection:
            return connection.execute(select(RUNS.c.id).where(RUNS.c.id == run_id, seen)).first() is not None

    def family(self, strategy: StrategySource, seen: ColumnElement[bool]) -> Family:
        """The family that a strategy is in, or would be, as it is now: everybody's trials, but no unseen run."""
        return self.families([strategy], seen)[0]

    def families(self, strategies: Iterable[StrategySource], seen: ColumnElement[bool]) -> list[Family]:
        """Those of several strategies, in their order."""
        with reading(self._engine) as connection:
            found = self._tried.families(connection, strategies)
            similar = {each.similar_to for each in found if each.similar_to}
            shown = set(connection.scalars(select(RUNS.c.id).where(RUNS.c.id.in_(similar), seen))) if similar else set()
        return [
            each if each.similar_to in shown or not each.similar_to else each.joined("", math.nan) for each in found
        ]

    def counted(self, records: list[str], seen: ColumnElement[bool]) -> list[Counted]:
        """Of each record, luck reckoned with all trials until now: its own numbers counted those until then."""
        read_back = [from_values(_parsed(each)) for each in records]
        strategies = {key_of(each.spec.strategy): each.spec.strategy for each in read_back}
        families = dict(zip(strategies, self.families(strategies.values(), seen), strict=True))
        return [Counted.of(each, families[key_of(each.spec.strategy)]) for each in read_back]

    def files(self, run_id: str) -> list[str]:
        """The files that are held of a run."""
        folder = self._folder / run_id
        return sorted(each.name for each in folder.iterdir() if FILE.fullmatch(each.name)) if folder.is_dir() else []

    def file(self, run_id: str, name: str, seen: ColumnElement[bool]) -> Path:
        """Where a file of a run is.

        Raises
        ------
        ProblemError
            404: it is not held.
        """
        row = self._row(run_id, seen)
        path = self._folder / str(row.id) / name
        if not FILE.fullmatch(name) or not path.is_file():
            held = ", ".join(self.files(row.id)) or "none"
            raise ProblemError(404, f"Run {row.id} has no file {name!r} here.", f"Held: {held}.")
        return path

    def keep(self, run_id: str, name: str, content: bytes, seen: ColumnElement[bool]) -> bool:
        """Keep a file that a run's record names; whether it was not there before.

        Raises
        ------
        ProblemError
            404: the record names no such file. 409: another content is held.
        """
        row = self._row(run_id, seen)
        named = _values(row)["artefacts"].values()
        if name not in named:
            raise ProblemError(
                404, f"The record of run {row.id} names no file {name!r}.", f"It names {', '.join(named)}."
            )
        path = self._folder / row.id / name
        if path.exists():
            if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(content).digest():
                raise ProblemError(409, f"Run {row.id} has another {name}.", "A run's files are written once.")
            return False
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_name(f".{name}.{secrets.token_hex(4)}")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _keep_names(path.parent)
        return True

    def whose(self, run_id: str, seen: ColumnElement[bool]) -> tuple[str, str]:
        """A run's whole id, and whose it is."""
        row = self._row(run_id, seen)
        return str(row.id), str(row.user)

    def _row(self, run_id: str, seen: ColumnElement[bool]) -> Row[Any]:
        with reading(self._engine) as connection:
            exact = connection.execute(select(RUNS).where(RUNS.c.id == run_id, seen)).first()
            if exact is not None:
                return exact
            begins = RUNS.c.id.startswith(run_id, autoescape=True)
            found = connection.execute(select(RUNS).where(begins, seen).limit(6)).all()
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(row.id for row in found[:5])
            raise ProblemError(409, f"{len(found)} runs or more begin with {run_id!r}.", f"Say more of it: {ids}.")
        raise ProblemError(404, f"The ledger holds no run {run_id!r}.", "GET /v1/runs lists them.")


def _checked(record: str) -> str:
    """A record's JSON, when it is one that this version reads."""
    from_values(_parsed(record))
    return record


def _values(row: Row[Any]) -> dict[str, Any]:
    """A run's record as it is answered.

    Raises
    ------
    ProblemError
        409: it is damaged.
    """

    def how() -> dict[str, Any]:
        values = _parsed(row.record)
        from_values(values)
        return values

    return intact("run", read(row.id, how))


def _parsed(record: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(record, parse_constant=_refused)
    return values


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _keep_names(folder: Path) -> None:
    """Let the names in a folder outlive a loss of power."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
