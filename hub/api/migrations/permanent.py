"""Tables that forget nothing and change nothing, whoever asks the database."""

from __future__ import annotations

__all__ = ["not_replaced", "refusals"]


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


def not_replaced(name: str, keys: list[list[str]], *, told_twice: bool) -> str:
    """What keeps SQLite's ``INSERT OR REPLACE`` from a row: it takes the old one away without a word to `refusals`.

    Parameters
    ----------
    name : str
        The table's.
    keys : list of list of str
        The columns of each key, of which no two rows may have the same.
    told_twice : bool
        Whether a row that is there may be told again, and nothing comes of it; otherwise that is refused.
    """
    same = " OR ".join("(" + " AND ".join(f"{each} = NEW.{each}" for each in key) + ")" for key in keys)
    says = "IGNORE" if told_twice else "ABORT, 'what is there stays'"
    there = f"EXISTS (SELECT 1 FROM {name} WHERE {same})"  # noqa: S608  names of ours
    return f"CREATE TRIGGER {name}_stay_insert BEFORE INSERT ON {name} WHEN {there} BEGIN SELECT RAISE({says}); END"
