"""Tables that forget nothing and change nothing, whoever asks the database."""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

__all__ = ["keep"]


def keep(table: Table) -> None:
    """Let the database itself refuse to change or delete a row of a table, from the moment it is made."""
    name, says = table.name, "the ledger changes nothing"
    refusals = [
        f"CREATE TRIGGER {name}_stay_{verb.lower()} BEFORE {verb} ON {name} BEGIN SELECT RAISE(ABORT, '{says}'); END"
        for verb in ("UPDATE", "DELETE")
    ]
    function = (
        f"CREATE OR REPLACE FUNCTION {name}_stay() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{says}'; END $$; "
        f"CREATE TRIGGER {name}_stay BEFORE UPDATE OR DELETE ON {name} FOR EACH ROW EXECUTE FUNCTION {name}_stay(); "
        f"CREATE TRIGGER {name}_stay_whole BEFORE TRUNCATE ON {name} FOR EACH STATEMENT EXECUTE FUNCTION {name}_stay()"
    )
    for dialect, statement in [*(("sqlite", each) for each in refusals), ("postgresql", function)]:
        made = DDL(statement)  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", made.execute_if(dialect=dialect))
