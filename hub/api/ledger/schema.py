"""What a run is on the wire and in the database."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field
from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from alphapulse_lib.model.family import Family as Counting
from alphapulse_lib.model.run import RunRecord
from hub.api.database import METADATA

__all__ = [
    "RUNS",
    "Counted",
    "Family",
    "Held",
    "RunDetail",
    "RunId",
    "Trial",
    "is_minimal",
    "is_without_trials",
    "told",
]

#: It forgets nothing and changes nothing: the database itself refuses (`hub.api.migrations.permanent`).
RUNS = Table(
    "runs",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("spec_id", String(64), nullable=False, index=True),
    Column("family", Text, nullable=False),  # strategy, instruments and period; `strategies` has what it is counted in
    Column("strategy", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("user", String(255), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("sharpe_per_period", Float),
    Column("record", Text, nullable=False),
    Index("runs_of_a_user", "user", "sequence"),
)

RunId = Annotated[str, Field(pattern="^[0-9a-f]{1,32}$", description="The run's id.")]


class Trial(BaseModel):
    """One distinct spec that was tried in a family."""

    spec_id: str
    sharpe_per_period: float | None
    observations: int | None = Field(None, description="Of how many returns that ratio is.")
    periods_per_year: float | None = Field(None, description="How many such returns make a year; 52 of weekly bars.")


class Family(BaseModel):
    """What was tried of one kind: the trials that over-fitting is counted with."""

    name: str = Field(description="The declared one, or the class's that was first of its kind.")
    trials: list[Trial]
    similar_to: str = Field(
        "", description="The run whose source is most like it; empty where a name told, or who asks does not see it."
    )
    similarity: float | None = Field(None, description="How alike the two sources are, up to 1 for the same.")


def told(found: Counting) -> Family:
    """A family on the wire."""
    return Family(
        name=found.name,
        trials=[
            Trial(
                spec_id=spec,
                sharpe_per_period=_finite(sharpe),
                observations=found.lengths.get(spec),
                periods_per_year=found.yearly.get(spec),
            )
            for spec, sharpe in found.sharpes.items()
        ],
        similar_to=found.similar_to,
        similarity=_finite(found.similarity),
    )


class Counted(BaseModel):
    """A run's family and its luck among all trials until now."""

    id: str = Field(description="The run's.")
    family: str
    similar_to: str
    similarity: float | None
    trials: int
    expected_maximum_sharpe: float | None
    deflated_sharpe: float | None

    @classmethod
    def of(cls, record: RunRecord, among: Counting) -> Self:
        """Of a run among its family."""
        luck = among.deflate(record.statistics, record.spec)
        return cls(
            id=record.id,
            family=among.name,
            similar_to=among.similar_to,
            similarity=_finite(among.similarity),
            trials=int(luck["trials"]),
            expected_maximum_sharpe=_finite(luck["expected_maximum_sharpe"]),
            deflated_sharpe=_finite(luck["deflated_sharpe"]),
        )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


class Held(BaseModel):
    """What is held of a run, in short."""

    id: str = Field(description="The run's.")
    files: list[str] = Field(description="Which of its files are held here.")


class RunDetail(BaseModel):
    """A run's record and its family as it is now."""

    record: dict[str, Any] = Field(description="The run's record, as `alphapulse run ID --json` prints it.")
    family: Family
    files: list[str] = Field(description="Which of its files are held here.")


def is_minimal(prefer: str | None) -> bool:
    """Whether a header `Prefer` asks for the short answer."""
    return "return=minimal" in _preferred(prefer)


def is_without_trials(prefer: str | None) -> bool:
    """Whether a header `Prefer` asks for a family without its trials, which may be tens of thousands."""
    return "trials=none" in _preferred(prefer)


def _preferred(prefer: str | None) -> set[str]:
    return {each.strip().lower() for each in (prefer or "").split(",")}
