"""``/v1/schedules``, ``/v1/firings`` and ``/v1/backtests``."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alphapulse_lib.errors import InputError
from alphapulse_lib.hub_client.paths import part
from alphapulse_lib.hub_client.transport import Page, Transport
from alphapulse_lib.model.schedule import Firing, Schedule

__all__ = ["Backtests", "Schedules"]

#: What of a schedule can be chosen and changed.
_FIELDS = ("notebook", "cron", "timezone", "parameters", "catch_up", "overlap", "timeout", "output")


class Schedules:
    """Notebooks that run at set times, whether their owner is signed in or not."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, owner: str | None = None, limit: int | None = None) -> Iterator[Schedule]:
        """Schedules, the newest first, asked for page by page."""
        return self._transport.pages(Schedule, "/v1/schedules", {"owner": owner}, limit)

    def page(self, *, owner: str | None = None, limit: int = 50, cursor: str = "") -> Page[Schedule]:
        """One page of that list, for who turns pages oneself."""
        query = {"owner": owner, "limit": limit, "cursor": cursor or None}
        return self._transport.ask(Page[Schedule], "GET", "/v1/schedules", query=query)

    def create(
        self,
        notebook: str,
        cron: str,
        *,
        timezone: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        catch_up: str | None = None,
        overlap: str | None = None,
        timeout: int | None = None,
        output: str | None = None,
        key: str = "",
    ) -> Schedule:
        """Schedule a notebook of one's own workspace; what is left out is the hub's default.

        Parameters
        ----------
        notebook : str
            Its path in the workspace, such as ``backtests/sma.ipynb``.
        cron : str
            Minute, hour, day of the month, month, day of the week: ``"0 7 * * 1-5"``.
        timezone : str, optional
            Whose clock cron reads.
        parameters : mapping, optional
            Set in the notebook's cell tagged ``parameters``.
        catch_up, overlap, timeout, output : optional
            See `Schedule`.
        key : str, optional
            The same under the same key is made once. Made here unless given.

        Raises
        ------
        NotUnderstood
            A cron that never fires, an unknown time zone, a path outside of the workspace.
        """
        given = (notebook, cron, timezone, parameters, catch_up, overlap, timeout, output)
        sent = {name: value for name, value in zip(_FIELDS, given, strict=True) if value is not None}
        return self._transport.ask(Schedule, "POST", "/v1/schedules", body=_plain(sent), key=key or uuid.uuid4().hex)

    def create_for_dataset(
        self,
        dataset: str,
        cron: str,
        *,
        timezone: str | None = None,
        catch_up: str | None = None,
        overlap: str | None = None,
        key: str = "",
    ) -> Schedule:
        """Bring a vendor's dataset, which is declared at the hub, up to date at set times. See `create`.

        Raises
        ------
        UnknownTarget
            No such dataset is declared.
        """
        given = {"dataset": dataset, "cron": cron, "timezone": timezone, "catch_up": catch_up, "overlap": overlap}
        sent = {name: value for name, value in given.items() if value is not None}
        return self._transport.ask(Schedule, "POST", "/v1/schedules", body=sent, key=key or uuid.uuid4().hex)

    def get(self, schedule_id: str) -> Schedule:
        """One schedule, with its next slots and its newest firing."""
        return self._transport.ask(Schedule, "GET", _path(schedule_id))

    def change(self, schedule_id: str, **changes: Any) -> Schedule:
        """Change what is named: ``notebook``, ``cron``, ``timezone``, ``parameters``, ``catch_up``, ``overlap``,
        ``timeout``, ``output``.

        Raises
        ------
        InputError
            It has no such field.
        """
        for name in changes:
            if name not in _FIELDS:
                raise InputError(f"A schedule has no {name!r} to change.", f"It has {', '.join(_FIELDS)}.")
        return self._transport.ask(Schedule, "PATCH", _path(schedule_id), body=_plain(changes))

    def delete(self, schedule_id: str) -> None:
        """Take a schedule away. Its firings stay readable; one that runs goes on."""
        self._transport.send("DELETE", _path(schedule_id))

    def pause(self, schedule_id: str) -> Schedule:
        """Let no slot fire until it is resumed."""
        return self._transport.ask(Schedule, "POST", f"{_path(schedule_id)}/pause", repeatable=True)

    def resume(self, schedule_id: str) -> Schedule:
        """Fire again from now on; slots of the pause are not made up for."""
        return self._transport.ask(Schedule, "POST", f"{_path(schedule_id)}/resume", repeatable=True)

    def fire(self, schedule_id: str, *, key: str = "") -> Firing:
        """Fire now, beside the timetable."""
        return self._transport.ask(Firing, "POST", f"{_path(schedule_id)}/fire", key=key or uuid.uuid4().hex)

    def firings(
        self,
        schedule_id: str | None = None,
        *,
        owner: str | None = None,
        state: str | None = None,
        run: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Firing]:
        """Firings of one schedule, or of all and backtests beside them; the newest first, asked for page by page.

        Parameters
        ----------
        schedule_id : str, optional
            Only this schedule's.
        owner, run : str, optional
            Among all schedules' only that person's, or only the one that added that run to the ledger.
        state : str, optional
            Only those in this state.
        limit : int, optional
            At most so many.
        """
        return self._transport.pages(Firing, _firings(schedule_id), {"owner": owner, "state": state, "run": run}, limit)

    def firings_page(
        self,
        schedule_id: str | None = None,
        *,
        owner: str | None = None,
        state: str | None = None,
        run: str | None = None,
        limit: int = 50,
        cursor: str = "",
    ) -> Page[Firing]:
        """One page of that list, for who turns pages oneself."""
        query = {"owner": owner, "state": state, "run": run, "limit": limit, "cursor": cursor or None}
        return self._transport.ask(Page[Firing], "GET", _firings(schedule_id), query=query)

    def firing(self, schedule_id: str | None, firing_id: str) -> Firing:
        """One firing, by its id alone or only if it is of that schedule.

        Raises
        ------
        UnknownTarget
            There is none.
        """
        return self._transport.ask(Firing, "GET", f"{_firings(schedule_id)}/{part(firing_id)}")

    def cancel(self, schedule_id: str, firing_id: str) -> Firing:
        """End a firing: at once while it waits, within seconds while it runs.

        Raises
        ------
        Conflict
            It is over.
        """
        return self._transport.ask(Firing, "POST", f"{_firings(schedule_id)}/{part(firing_id)}/cancel")


class Backtests:
    """Notebooks of one's own workspace that are run on request, in a server of their own."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(
        self,
        notebook: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        timeout: int | None = None,
        output: str | None = None,
        key: str = "",
    ) -> Firing:
        """Run a notebook now; `get` tells how far it is. The parameters are those of `Schedules.create`."""
        given = {"notebook": notebook, "parameters": parameters, "timeout": timeout, "output": output}
        sent = {name: value for name, value in given.items() if value is not None}
        return self._transport.ask(Firing, "POST", "/v1/backtests", body=_plain(sent), key=key or uuid.uuid4().hex)

    def run_strategy(
        self, name: str, symbols: Sequence[str], *, timeout: int | None = None, key: str = "", **what: Any
    ) -> Firing:
        """Run a strategy now on the catalog's bars.

        Parameters
        ----------
        name : str
            A shipped one, ``module:Class``, or ``file.py:Class`` with the file's path in the workspace.
        symbols : sequence of str
            Tickers or ids.
        timeout : int, optional
            Seconds after which it is ended.
        key : str, optional
            The same under the same key is run once. Made here unless given.
        **what
            ``period``, ``start``, ``end``, ``also``, ``params``, ``cash``, ``fill``, ``costs``, ``adjust``,
            ``dividends``, ``benchmark`` and ``gaps`` of `ap.backtest`, times as text.
        """
        body: dict[str, Any] = {"strategy": {"name": name, "symbols": [*symbols], **what}}
        if timeout is not None:
            body["timeout"] = timeout
        return self._transport.ask(Firing, "POST", "/v1/backtests", body=body, key=key or uuid.uuid4().hex)

    def list(self, *, owner: str | None = None, state: str | None = None, limit: int | None = None) -> Iterator[Firing]:
        """What was run on request, the newest first, asked for page by page."""
        return self._transport.pages(Firing, "/v1/backtests", {"owner": owner, "state": state}, limit)

    def get(self, firing_id: str) -> Firing:
        """How far it is, and the runs that came out of it."""
        return self._transport.ask(Firing, "GET", f"/v1/backtests/{part(firing_id)}")

    def cancel(self, firing_id: str) -> Firing:
        """End it: at once while it waits, within seconds while it runs."""
        return self._transport.ask(Firing, "POST", f"/v1/backtests/{part(firing_id)}/cancel")


def _plain(sent: dict[str, Any]) -> dict[str, Any]:
    """The same, with parameters of any mapping as a dict."""
    parameters = sent.get("parameters")
    return sent if not isinstance(parameters, Mapping) else {**sent, "parameters": dict(parameters)}


def _path(schedule_id: str) -> str:
    return f"/v1/schedules/{part(schedule_id)}"


def _firings(schedule_id: str | None) -> str:
    return "/v1/firings" if schedule_id is None else f"{_path(schedule_id)}/firings"
