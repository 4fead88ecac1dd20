"""A firing's server: one of its owner's named servers, started through the hub, and the job in it."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, Field, ValidationError

from hub.spawner import JOB

__all__ = ["AwayError", "JobServer", "NotStartedError", "RefusedError", "SilentError", "UnknownJobError"]


#: Seconds that a token for a job's server lives; another one is asked for in time.
_TOKEN_LIVES = 1200
#: Seconds that a server may take to tell a job's state: the proxy's connection to a killed container says nothing.
_SILENCE = 10.0


type _Count = Annotated[int, Field(ge=0, le=10**12)]
type _Left = Annotated[float, Field(ge=0, le=1e12)] | None


class _Bars(BaseModel):
    """How far the backtest is that a job's notebook runs now."""

    bars: _Count
    bars_done: _Count
    seconds_left: _Left


class _Trials(BaseModel):
    """How far the sweep or the walk-forward is."""

    trials: _Count
    trials_done: _Count
    trials_slow: _Count = 0
    seconds_left: _Left


class _Told(BaseModel):
    """What is taken of a job's state."""

    state: Literal["running", "done", "failed", "timed-out", "cancelled", "lost"]
    error: Annotated[str, Field(max_length=1_000_000)]
    cells: Annotated[int, Field(ge=0, le=1_000_000)] | None
    cells_done: Annotated[int, Field(ge=0, le=1_000_000)] | None
    progress: _Bars | _Trials | None = None


class AwayError(Exception):
    """The hub or the server does not answer as it should now; it may later."""


class SilentError(AwayError):
    """The server is not reached: it may have ended, which the hub sees by itself in half a minute only."""


class NotStartedError(Exception):
    """The hub tried to start the server and it did not come up; another try may do."""


class RefusedError(Exception):
    """It will never work; the words say why."""


class UnknownJobError(Exception):
    """The server knows no such job, though it may have once."""


class JobServer:
    """The server of one firing.

    Parameters
    ----------
    http : httpx.Client
        Speaks with the worker's token.
    hub_api : str
        Where the hub answers.
    public : str
        Where the proxy answers; servers are reached through it.
    owner, firing : str
        Whose server, and for which firing.
    """

    def __init__(self, http: httpx.Client, hub_api: str, public: str, owner: str, firing: str) -> None:
        self._http, self._public, self._firing = http, public, firing
        self._name = f"{JOB}{firing}"
        self._user = f"{hub_api}/users/{quote(owner, safe='')}"
        self._server = f"{self._user}/servers/{self._name}"
        self._owner = owner
        self._url, self._host = "", ""
        self._token, self._token_ends = "", 0.0

    def is_ready(self) -> bool:
        """Whether it answers by now.

        Raises
        ------
        RefusedError
            The hub does not know the owner.
        """
        found = self._model()
        if found is None or not found.get("ready"):
            return False
        at = urlsplit(found["url"])  # with a host where each person's server has its own, by which the proxy goes
        self._url, self._host = f"{self._public}{at.path}alphapulse/jobs", at.netloc
        return True

    def is_there(self) -> bool:
        """Whether it runs, starts or stops."""
        return self._model() is not None

    def start(self) -> str:
        """Ask the hub to start it, which looks first whether it runs; nothing happens where it does, or starts already.

        Returns
        -------
        str
            What the hub has against it: it runs already, or its owner has too many. Empty otherwise.

        Raises
        ------
        AwayError
            The hub does not answer, or starts no more servers now.
        NotStartedError
            It failed at once.
        RefusedError
            Its owner may have none any more.
        """
        self._own_token()  # the worker may start everybody's, and asks for nobody who may not themselves
        answer = self._ask("POST", self._server)
        if answer.status_code == 429:
            raise AwayError(f"the hub starts no more servers now: {_said(answer)}")
        if answer.status_code not in (201, 202, 400):
            raise NotStartedError(_said(answer))
        return _said(answer) if answer.status_code == 400 else ""

    def submit(self, job: dict[str, Any]) -> dict[str, Any]:
        """Give it the job, and answer the job's state: as it is, where the job is known already.

        Raises
        ------
        RefusedError
            The job cannot be run there, for example for lack of its notebook.
        """
        return self._job("POST", self._url, json=job | {"id": self._firing})

    def state(self) -> dict[str, Any]:
        """The job's state.

        Raises
        ------
        UnknownJobError
            The workspace knows it no more.
        """
        return self._job("GET", f"{self._url}/{self._firing}", timeout=_SILENCE)

    def cancel(self) -> dict[str, Any]:
        """End the job, and answer its state."""
        return self._job("DELETE", f"{self._url}/{self._firing}")

    def remove(self) -> bool:
        """Stop it and let the hub forget it; whether that is done. Ask again where it is not.

        Raises
        ------
        AwayError
            The hub cannot stop it now.
        """
        answer = self._ask("DELETE", self._server, json={"remove": True})
        # 202: it is stopping. 400: it starts and cannot be stopped now.
        if answer.status_code not in (202, 204, 400, 404):
            raise AwayError(f"the hub could not stop the server: {_said(answer)}")
        return answer.status_code in (204, 404)

    def _model(self) -> dict[str, Any] | None:
        answer = self._ask("GET", self._user)
        if answer.status_code == 404:
            raise RefusedError(f"The hub knows no user {self._owner!r}.")
        if answer.status_code != 200:
            raise AwayError(f"the hub answered {_said(answer)}")
        try:
            found: dict[str, Any] | None = answer.json()["servers"].get(self._name)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise AwayError("the hub answered what is no user") from None
        return found

    def _job(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        headers = {"Authorization": f"token {self._own_token()}"} | ({"Host": self._host} if self._host else {})
        try:
            answer = self._ask(method, url, headers=headers, **more)
        except AwayError as away:
            raise SilentError(str(away)) from None
        if answer.status_code in (400, 507):
            raise RefusedError(_said(answer))
        if answer.status_code == 404 and _is_of_the_job(answer):
            raise UnknownJobError(_said(answer))
        if answer.status_code not in (200, 202):
            self._token_ends = 0.0  # it may be what was refused
            silent = answer.status_code == 503
            raise (SilentError if silent else AwayError)(f"the server answered {_said(answer)}")
        return _state(answer)

    def _own_token(self) -> str:
        """A token of the owner's, good for this server alone and for minutes.

        The server is its owner's to change: the worker's own token would open everybody's to whoever reads it there.
        """
        if time.monotonic() < self._token_ends:
            return self._token
        asked = {
            "note": f"for firing {self._firing}",
            "expires_in": _TOKEN_LIVES,
            "scopes": [f"access:servers!server={self._owner}/{self._name}"],
        }
        answer = self._ask("POST", f"{self._user}/tokens", json=asked)
        if answer.status_code == 400:  # it would be good for more than its owner is
            raise RefusedError(
                f"{self._owner} may not run notebooks here any more: no role that they have has a workspace. "
                "An administrator gives roles (ALPHAPULSE_ROLES)."
            )
        if answer.status_code != 201:
            raise AwayError(f"the hub gave no token for the server: {_said(answer)}")
        self._token, self._token_ends = answer.json()["token"], time.monotonic() + _TOKEN_LIVES / 2
        return self._token

    def _ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, url, **more)
        except httpx.HTTPError as away:
            raise AwayError(f"{method} {httpx.URL(url).path} met {type(away).__name__}") from None


def _state(answer: httpx.Response) -> dict[str, Any]:
    """The job's state as the server tells it, which is its owner's to change: nothing else is let in."""
    try:
        told = _Told.model_validate_json(answer.content)
    except ValidationError as wrong:
        raise AwayError(f"the server answered what is no job's state: {wrong.errors()[0]['msg']}") from None
    return told.model_dump()


def _is_of_the_job(answer: httpx.Response) -> bool:
    """Whether the job's own server says it, and not the proxy or the hub in its place."""
    try:
        return bool(answer.json()["refused"] == "job")
    except (ValueError, KeyError, TypeError):
        return False


def _said(answer: httpx.Response) -> str:
    try:
        words = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        words = answer.reason_phrase
    return str(words) if answer.status_code in (400, 507) else f"{answer.status_code} {words}"
