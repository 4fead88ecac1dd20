"""The client itself: one address, one token, a part for each part of the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from alphapulse_lib.hub_client.audit import AuditLog
from alphapulse_lib.hub_client.catalog import Catalog
from alphapulse_lib.hub_client.comments import Comments
from alphapulse_lib.hub_client.ingests import Ingests
from alphapulse_lib.hub_client.measures import Measures
from alphapulse_lib.hub_client.notices import Notices
from alphapulse_lib.hub_client.notifications import Notifications
from alphapulse_lib.hub_client.publications import Publications
from alphapulse_lib.hub_client.renderings import Renderings
from alphapulse_lib.hub_client.runs import Runs
from alphapulse_lib.hub_client.schedules import Backtests, Schedules
from alphapulse_lib.hub_client.shares import Shares
from alphapulse_lib.hub_client.transport import Damaged, Transport
from alphapulse_lib.hub_client.usage import Usages

__all__ = ["Client", "Health"]


@dataclass(frozen=True, slots=True)
class Health:
    """That the API answers, and of which version it is."""

    status: str
    version: str


class Client:
    """A client of one hub's API. Several threads may use it at once; close it, or use it in a ``with``.

    Parameters
    ----------
    url : str
        Where the API is, such as ``http://127.0.0.1:8000/services/api``.
    token : str
        Whose rights it has: a workspace's ``JUPYTERHUB_API_TOKEN``, a page visitor's, or a person's own. Without one
        only `health` answers.
    timeout : float
        Seconds without a byte from the hub after which it is taken for away.
    retries : int
        How often a request is sent again after a broken connection or a 503, where sending it twice does it once. Five
        take 6.2 s: longer than the hub needs to start its API again.
    damaged : callable, optional
        Told of each row of a list that cannot be read and is left out. Default: a warning in the log.
    request : callable, optional
        Names what each request is sent for; the hub's logs tell it by that name, which is one word of 8 to 64 letters,
        digits, ``.``, ``_`` and ``-``. Default: the hub makes one.

    Attributes
    ----------
    comments : Comments
    runs : Runs
    shares : Shares
    renderings : Renderings
    schedules : Schedules
    backtests : Backtests
    ingests : Ingests
    publications : Publications
    notifications : Notifications
    notices : Notices
    usage : Usages
    measures : Measures
    audit : AuditLog
    catalog : Catalog

    Raises
    ------
    SettingsError
        The address is none.

    Examples
    --------
    >>> with Client("http://127.0.0.1:8000/services/api", "0123abcd") as client:  # doctest: +SKIP
    ...     [each.body for each in client.comments.list("instrument:AAPL.XNAS")]
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = 30.0,
        retries: int = 5,
        damaged: Callable[[Damaged], None] = Damaged.tell,
        request: Callable[[], str] = str,
    ) -> None:
        self._transport = Transport(url, token, timeout=timeout, retries=retries, damaged=damaged, request=request)
        self.comments = Comments(self._transport)
        self.runs = Runs(self._transport)
        self.shares = Shares(self._transport)
        self.renderings = Renderings(self._transport)
        self.schedules = Schedules(self._transport)
        self.backtests = Backtests(self._transport)
        self.ingests = Ingests(self._transport)
        self.publications = Publications(self._transport)
        self.notifications = Notifications(self._transport)
        self.notices = Notices(self._transport)
        self.usage = Usages(self._transport)
        self.measures = Measures(self._transport)
        self.audit = AuditLog(self._transport)
        self.catalog = Catalog(self._transport)

    @property
    def url(self) -> str:
        """Where the API is."""
        return self._transport.url

    def health(self) -> Health:
        """Whether the API and its database answer. Needs no token.

        Raises
        ------
        HubUnreachable
            They do not.
        """
        return self._transport.ask(Health, "GET", "/health")

    def close(self) -> None:
        """End the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()
