"""`ap.share` and `ap.shares`: what a person lets others see of theirs, and takes back."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.model.share import Share
from alphapulse_lib.session import hub, renderings
from alphapulse_lib.session.comparisons import RunComparison
from alphapulse_lib.session.runs import SessionRun, run

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.hub_client import Client

__all__ = ["SessionShares", "share", "shares"]

#: What is shared by a name of its own.
_KINDS = ("run", "notebook", "dashboard")
#: Characters of a share's id.
_LONG = 16
#: The columns of a frame of shares, with their types.
_COLUMNS = {
    "id": "str",
    "kind": "str",
    "subject": "str",
    "title": "str",
    "owner": "str",
    "audience": "str",
    "made_by": "str",
    "made": "datetime64[ns, UTC]",
}


class SessionShares:
    """What one shares and what is shared with one, as it is whenever it is looked at. What `ap.shares` returns."""

    def __iter__(self) -> Iterator[Share]:
        return hub.client().shares.list()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def frame(self) -> pd.DataFrame:
        """One row a share, the newest first.

        Returns
        -------
        pandas.DataFrame
            ``id``, ``kind`` (``run``, ``rendering``, ``dashboard``), ``subject`` (its id), ``title``, ``owner``,
            ``audience`` (a person, ``@group``, or ``*`` for everybody who signed in), ``made_by``, ``made`` (UTC).
        """
        import pandas as pd

        rows = [
            (each.id, each.kind, each.subject, each.title, each.owner, each.audience, each.made_by, each.made_at)
            for each in self
        ]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)

    def take_back(self, which: Share | str) -> None:
        """End a share of one's own, by its id or the only beginning of one.

        Raises
        ------
        InputError
            No share begins so, or several do.
        NotAllowed
            It is somebody else's.
        """
        hub.client().shares.take_back(which.id if isinstance(which, Share) else self._id(which))

    def _id(self, text: str) -> str:
        if len(text) == _LONG:
            return text
        found = [each.id for each in self if text and each.id.startswith(text)]
        if len(found) == 1:
            return found[0]
        several = f"{len(found)} shares begin" if found else "No share begins"
        raise InputError(
            f"{several} with {text!r}.", f"Say more of it: {', '.join(found[:5])}." if found else "ap.shares().frame()"
        )

    def __repr__(self) -> str:
        return "<Shares>"

    def _repr_html_(self) -> str:
        return str(self.frame().to_html(notebook=True))


def share(what: str | SessionRun | RunComparison, whom: str, *, code: bool = True) -> Share:
    """Let somebody see a run of one's own, its record, its files and what is said about it; a notebook as it is now; or
    a dashboard: some runs side by side.

    Parameters
    ----------
    what : str, SessionRun or RunComparison
        A run, ``"run:<id>"``, or ``"notebook:<path>"``: the notebook with the outputs that are saved in it, as a page.
        What is done to it afterwards does not change that page. Or what `ap.compare` returns,
        ``"dashboard:<id>,<id>"``: two to six runs, which are all seen by it.
    whom : str
        A person's name, a group as ``"@desk"``, or ``"*"``: everybody who signed in.
    code : bool
        Of a notebook, whether its code is on the page; without it is as Voila shows the notebook.

    Returns
    -------
    Share
        ``ap.shares().take_back(share)`` ends it.

    Raises
    ------
    HubError
        There is no hub here; or it knows no such person or group; or a run is somebody else's.
    InputError
        It is nothing that can be shared.
    UnknownRun
        There is no such run.

    Examples
    --------
    >>> ap.share(run, "bob")  # doctest: +SKIP
    >>> ap.share(ap.compare([run, other]), "@desk")  # doctest: +SKIP
    """
    client = hub.client()
    kind, runs, path = _meant(what)
    if kind == "notebook":
        return _notebook(client, path, whom, code=code)
    if not code:
        raise InputError(
            f"A {kind} is shared as it is, its strategy's source with it.", "Leave the code out of a notebook."
        )
    return _runs(client, runs, whom, kind)


def _meant(what: str | SessionRun | RunComparison) -> tuple[str, Sequence[SessionRun], str]:
    """What kind of thing it is, with its runs, or with the notebook's path."""
    if isinstance(what, SessionRun):
        return "run", [what], ""
    if isinstance(what, RunComparison):
        return "dashboard", what.runs, ""
    kind, _, name = str(what).partition(":")
    if not name or kind not in _KINDS:
        raise InputError(
            f"{str(what)[:80]!r} is nothing that can be shared.",
            did_you_mean(
                kind, _KINDS, "Give a run, or run: and its id; notebook: and its path; dashboard: and ids of runs."
            ),
        )
    if kind == "notebook":
        return kind, (), name
    return kind, [run(each.strip()) for each in (name.split(",") if kind == "dashboard" else [name])], ""


def _runs(client: Client, runs: Sequence[SessionRun], whom: str, kind: str) -> Share:
    """Share one, or some side by side; what waits in the workspace is handed in before."""
    from alphapulse_lib.session.team import team_ledger

    for each in runs:
        team_ledger().hand_over(each.id)
    return client.shares.make(",".join(each.id for each in runs), whom, kind=kind)


def _notebook(client: Client, path: str, whom: str, *, code: bool) -> Share:
    file, name = renderings.found(path)
    made = client.renderings.make(name, renderings.rendered(file, code=code), key=secrets.token_hex(8))
    return client.shares.make(made.id, whom, kind="rendering")


def shares() -> SessionShares:
    """What one lets others see of one's own, and what others let one see.

    Returns
    -------
    SessionShares
        Iterates over them, the newest first; ``.frame()`` a table, ``.take_back(share)`` ends one.

    Raises
    ------
    HubError
        There is no hub here: nobody else is, either.

    Examples
    --------
    >>> ap.shares().frame()  # doctest: +SKIP
    """
    hub.client()
    return SessionShares()
