"""The history of the API's tables, as Alembic's revisions: a database of any earlier version is brought up to date.

A change of a table is a new file in `versions/`, and `HEAD` names it. A new database goes through all of them, so that
there is one way to the tables and not two.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from alphapulse_lib.errors import HubError

__all__ = ["HEAD", "migrate", "require_known", "revision"]

#: The newest revision.
HEAD = "0013"
#: Where Alembic finds the others.
FOLDER = Path(__file__).parent


def revision(connection: Connection) -> str:
    """The revision that a database is at; empty where it has none: it is new, or older than the revisions are."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def require_known(held: str) -> None:
    """Refuse a database whose revision is none of ours.

    Raises
    ------
    HubError
        It was written by a newer version, or by another program.
    """
    known = {path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py")}
    if held and held not in known:
        raise HubError(
            f"The API's database is at revision {held}; this version of AlphaPulse knows those up to {HEAD}.",
            "Start the version that wrote it, or a newer one; or set ALPHAPULSE_API_DATABASE to another database.",
        )


def migrate(connection: Connection) -> None:
    """Bring a database to the newest revision, within the transaction that is open: wholly, or not at all.

    Parameters
    ----------
    connection : Connection
        A transaction that writes, which no other process does meanwhile.

    Raises
    ------
    HubError
        Its revision is none of ours.
    """
    held = revision(connection)
    if held == HEAD:
        return
    require_known(held)
    from alembic import command  # only where there is something to do
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
