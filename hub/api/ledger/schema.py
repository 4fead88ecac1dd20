"""What a run is on the wire and in the database."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field
from sqlalchemy import DDL, BigInteger, Column, Float, Index, Integer, String, Table, Text, event, func

from hub.api.database import METADATA

__all__ = ["RUNS", "Family", "RunDetail", "RunId", "Trial"]

RUNS = Table(
    "runs",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("spec_id", String(64), nullable=False, index=True),
    Column("family", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("user", String(255), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("sharpe_per_period", Float),
    Column("record", Text, nullable=False),
    Index("runs_of_a_family", "family").ddl_if(dialect="sqlite"),
    Index("runs_of_a_user", "user", "sequence"),
)

# PostgreSQL indexes no text of more than some 2,700 bytes; a strategy on three hundred instruments has more.
Index("runs_of_a_family_by_digest", func.md5(RUNS.c.family)).ddl_if(dialect="postgresql")

# The ledger forgets nothing and changes nothing, whoever asks the database.
for _verb in ("UPDATE", "DELETE"):
    event.listen(
        RUNS,
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER runs_stay_{_verb.lower()} BEFORE {_verb} ON runs "
            "BEGIN SELECT RAISE(ABORT, 'the ledger changes nothing'); END"
        ).execute_if(dialect="sqlite"),
    )
event.listen(
    RUNS,
    "after_create",
    DDL(  # type: ignore[no-untyped-call]
        "CREATE OR REPLACE FUNCTION runs_stay() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger changes nothing'; END $$; "
        "CREATE TRIGGER runs_stay BEFORE UPDATE OR DELETE ON runs FOR EACH ROW EXECUTE FUNCTION runs_stay(); "
        "CREATE TRIGGER runs_stay_whole BEFORE TRUNCATE ON runs FOR EACH STATEMENT EXECUTE FUNCTION runs_stay()"
    ).execute_if(dialect="postgresql"),
)

RunId = Annotated[str, Field(pattern="^[0-9a-f]{1,32}$", description="The run's id.")]


class Trial(BaseModel):
    """One distinct spec that was tried in a family."""

    spec_id: str
    sharpe_per_period: float | None


class Family(BaseModel):
    """What was tried of one kind: the trials that over-fitting is counted with."""

    name: str = Field(description="Strategy class, instruments and period.")
    trials: list[Trial]


class RunDetail(BaseModel):
    """A run's record and its family as it is now."""

    record: dict[str, Any] = Field(description="The run's record, as `alphapulse run ID --json` prints it.")
    family: Family
    files: list[str] = Field(description="Which of its files are held here.")
