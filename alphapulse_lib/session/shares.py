"""`ap.share` and `ap.shares`: what a person lets others see of theirs, and takes back."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.model.share import Share
from alphapulse_lib.session import hub, renderings
from alphapulse_lib.session.runs import SessionRun, run

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.hub_client import Client

__all__ = ["SessionShares", "share", "shares"]

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
            ``id``, ``kind`` (``run``, ``rendering``), ``subject`` (its id), ``title``, ``owner``,
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


def share(what: str | SessionRun, whom: str) -> Share:
    """Let somebody see a run of one's own, its record, its files and what is said about it; or a notebook as it is now.

    Parameters
    ----------
    what : str or SessionRun
        A run, ``"run:<id>"``, or ``"notebook:<path>"``: the notebook with the outputs that are saved in it, as a page.
        What is done to it afterwards does not change that page.
    whom : str
        A person's name, a group as ``"@desk"``, or ``"*"``: everybody who signed in.

    Returns
    -------
    Share
        ``ap.shares().take_back(share)`` ends it.

    Raises
    ------
    HubError
        There is no hub here; or it knows no such person or group; or the run is somebody else's.
    InputError
        It is nothing that can be shared.
    UnknownRun
        There is no such run.

    Examples
    --------
    >>> ap.share(run, "bob")  # doctest: +SKIP
    """
    from alphapulse_lib.session.team import team_ledger

    client = hub.client()
    if not isinstance(what, SessionRun):
        kind, _, name = str(what).partition(":")
        if not name or kind not in ("run", "notebook"):
            raise InputError(
                f"{str(what)[:80]!r} is nothing that can be shared.",
                did_you_mean(kind, ("run", "notebook"), "Give a run, or run: and its id, or notebook: and its path."),
            )
        if kind == "notebook":
            return _notebook(client, name, whom)
        what = run(name)
    team_ledger().hand_over(what.id)
    return client.shares.make(what.id, whom)


def _notebook(client: Client, path: str, whom: str) -> Share:
    file, name = renderings.found(path)
    made = client.renderings.make(name, renderings.rendered(file), key=secrets.token_hex(8))
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
