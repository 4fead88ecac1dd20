"""`ap.notifications`: what a person was told: a mention, an answer, a scheduled run that finished or failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from alphapulse_lib.model.notification import Notification
from alphapulse_lib.session import hub
from alphapulse_lib.views import cards

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SessionNotifications", "notifications"]

#: The columns of a frame of notifications, with their types.
_COLUMNS = {
    "id": "int64",
    "kind": "str",
    "text": "str",
    "created": "datetime64[ns, UTC]",
    "read": "datetime64[ns, UTC]",
    "about": "object",
}


class SessionNotifications:
    """What one was told, as it is whenever it is looked at. What `ap.notifications` returns."""

    def __init__(self, unread: bool = False) -> None:
        self._unread = unread

    def __iter__(self) -> Iterator[Notification]:
        return self.newest(None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def newest(self, limit: int | None = 10) -> Iterator[Notification]:
        """The last that came, the newest first; ``None``: all."""
        return hub.client().notifications.list(unread=self._unread, limit=limit)

    def frame(self, limit: int | None = 100) -> pd.DataFrame:
        """One row a notification, the newest first.

        Parameters
        ----------
        limit : int, optional
            At most so many; ``None``: all.

        Returns
        -------
        pandas.DataFrame
            ``id``, ``kind`` (``mention``, ``reply``, ``firing-finished`` or ``firing-failed``), ``text``, ``created``
            and ``read`` (UTC; missing while unread), ``about`` (ids of the comment, target, schedule, firing).
        """
        import pandas as pd

        rows = [
            (each.id, each.kind, each.text, each.created_at, each.read_at, each.about) for each in self.newest(limit)
        ]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)

    def read(self) -> int:
        """Mark all that came until now as read; how many were not before."""
        newest = next(hub.client().notifications.list(limit=1), None)
        return hub.client().notifications.read(newest.id) if newest else 0

    def __repr__(self) -> str:
        return f"<{'Unread notifications' if self._unread else 'Notifications'}>"

    def __str__(self) -> str:
        return cards.text(self)

    def _repr_html_(self) -> str:
        return cards.html(self)


def notifications(*, unread: bool = False) -> SessionNotifications:
    """What one was told: who mentioned or answered one, which of one's scheduled notebooks finished or failed.

    Parameters
    ----------
    unread : bool
        Only what was not marked as read.

    Returns
    -------
    SessionNotifications
        Iterates over them, the newest first; ``.newest(10)``, ``.frame()`` a table, ``.read()`` marks all as read.

    Raises
    ------
    HubError
        There is no hub here: nobody else is, either.

    Examples
    --------
    >>> [each.text for each in ap.notifications(unread=True)]  # doctest: +SKIP
    ['bob mentioned you on SmaCross on GOOG 1d, 2011-01-01 to 2012-12-31 (run 3f2a9c0d)']
    """
    hub.client()
    return SessionNotifications(bool(unread))
