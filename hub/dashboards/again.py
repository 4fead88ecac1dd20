"""A run that is to be run again: what the API is asked for, or why it cannot be."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.model.window import FOREVER
from alphapulse_lib.settings import settings
from alphapulse_lib.views import numbers
from hub.dashboards.remote import TroubleError

__all__ = ["asked"]

#: Where the strategies are that every workspace has.
_SHIPPED = "alphapulse_lib."


def asked(record: RunRecord) -> dict[str, Any]:
    """What `Backtests.run_strategy` is given so that the same spec runs once more, on today's catalog.

    Raises
    ------
    TroubleError
        The spec says more than can be asked for, or its strategy is in nobody's workspace but its author's.
    """
    spec, notebook = record.spec, f"In a notebook ap.rerun('{record.id[:8]}') does it."
    module, _, name = spec.strategy.name.rpartition(":")
    if not module.startswith(_SHIPPED):
        where = "a notebook" if module in ("", "__main__") else f"{module}, a file"
        raise TroubleError(
            f"{name} cannot be run again from here: it was defined in {where} of {record.user}'s workspace, and only "
            "strategies that come with AlphaPulse are in every workspace.",
            f"There it is run again by `alphapulse rerun {record.id[:8]}`, or in a notebook by "
            f"ap.rerun('{record.id[:8]}'); elsewhere define the class first and add strategy={name}.",
        )
    for told, said in (
        (spec.as_of or spec.recorded_as_of, "on what was known at a moment of the past"),
        (spec.seed, f"with the seed {spec.seed}"),
        (spec.scorer and spec.scorer != settings().scorer, f"on the scores of {spec.scorer}"),
    ):
        if told:
            raise TroubleError(f"It cannot be run again from here: it ran {said}.", notebook)
    venues = {numbers.venue_of(each) for each in spec.instruments}
    zones = {each.timezone for each in venues}
    written = partial(
        _written, zone=zones.pop() if len(zones) == 1 else "UTC", by_close=any(each.over_midnight for each in venues)
    )
    return {
        "name": spec.strategy.name,
        "symbols": list(spec.instruments),
        "period": spec.period,
        "start": None if spec.start <= 0 else written(spec.start),
        "end": None if spec.end >= FOREVER else written(spec.end, end=True),
        "also": list(spec.also),
        "params": spec.parameters,
        "cash": spec.cash,
        "fill": spec.fill,
        "costs": {
            each.name: value for each in fields(spec.costs) if (value := getattr(spec.costs, each.name)) != each.default
        },
        "adjust": spec.adjust,
        "dividends": spec.dividends,
        "benchmark": spec.benchmark or None,
        "gaps": "allow",  # those that there are, it ran over the first time
    }


def _written(nanoseconds: int, zone: str, *, by_close: bool, end: bool = False) -> str:
    """A bound as text that `Window.of` reads back as the very same moment: a bare day where it bounds one."""
    edge = nanoseconds + end - by_close
    whole, rest = divmod(edge, 10**9)
    local = datetime.fromtimestamp(whole, UTC).astimezone(ZoneInfo(zone))
    if not rest and local.time() == datetime.min.time():
        return f"{local.date() - timedelta(days=1) if end else local.date()}"
    whole, rest = divmod(nanoseconds, 10**9)
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}{fraction}+00:00"
