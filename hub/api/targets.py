"""What a comment may be about: only what exists."""

from __future__ import annotations

from pathlib import PurePosixPath

from sqlalchemy import ColumnElement

from alphapulse_lib.catalog import datasets
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from hub.api.ledger.store import RunStore
from hub.api.problems import ProblemError

__all__ = ["Targets"]


class Targets:
    """Looks targets up: runs in the ledger, instruments and articles in the team's catalog.

    A notebook lives in its owner's workspace, which this service cannot see: its path is checked for its form alone.
    """

    def __init__(self, roots: Roots, runs: RunStore) -> None:
        self._roots, self._runs = roots, runs

    def require(self, target: str, seen: ColumnElement[bool]) -> None:
        """Refuse a target that does not exist.

        Parameters
        ----------
        target : str
            Such as ``run:3f2a9c0d1e2b3a4f``.
        seen : ColumnElement of bool
            The condition that a run may be seen by who asks.

        Raises
        ------
        ProblemError
            404: there is no such thing. 422: a notebook's path that leads out of the workspace.
        """
        kind, _, name = target.partition(":")
        if kind == "notebook":
            self._notebook(name)
        elif kind == "run" and not self._runs.exists(name, seen):
            raise ProblemError(404, f"The ledger holds no run {name!r}.", "GET /v1/runs lists them.")
        elif kind == "instrument" and Index(self._roots).get(name) is None:
            raise ProblemError(
                404, f"The catalog holds no instrument {name!r}.", "GET /v1/instruments lists their ids."
            )
        elif kind == "article" and not self._has_article(name):
            raise ProblemError(404, f"The catalog holds no article {name!r}.", "GET /v1/news lists them.")

    def _notebook(self, path: str) -> None:
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts or "\\" in path or not path.endswith(".ipynb"):
            raise ProblemError(
                422, f"{path!r} is no notebook of a workspace.", "Give a path inside it, such as backtests/sma.ipynb."
            )

    def _has_article(self, article_id: str) -> bool:
        return datasets.holds(self._roots, "articles", "id", article_id)
