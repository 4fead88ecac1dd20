"""Tables that forget nothing and change nothing, whoever asks the database."""

from __future__ import annotations

__all__ = ["refusals"]


def refusals(name: str, dialect: str, says: str = "the ledger changes nothing") -> list[str]:
    """What lets the database itself refuse to change or delete a row of a table: a revision executes it once.

    Parameters
    ----------
    name : str
        The table's.
    dialect : str
        ``"sqlite"`` or ``"postgresql"``.
    says : str
        With which words it refuses.
    """
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {name}_stay_{verb.lower()} BEFORE {verb} ON {name} "
            f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    if dialect != "postgresql":
        return []
    runs = f"EXECUTE FUNCTION {name}_stay()"
    return [
        f"CREATE OR REPLACE FUNCTION {name}_stay() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{says}'; END $$",
        f"CREATE TRIGGER {name}_stay BEFORE UPDATE OR DELETE ON {name} FOR EACH ROW {runs}",
        f"CREATE TRIGGER {name}_stay_whole BEFORE TRUNCATE ON {name} FOR EACH STATEMENT {runs}",
    ]
