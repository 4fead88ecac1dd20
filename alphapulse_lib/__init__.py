"""AlphaPulse: one catalog, honest backtests, a ledger that forgets nothing. ``import alphapulse_lib as ap``.

The way of the data, which is also how the folders are named::

    providers -> ingestion -> catalog -> query -> articles · scoring -> engine -> results -> views
    -> dashboards · comments

Every public name is loaded from `alphapulse_lib.session` when it is first used, so importing this package is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alphapulse_lib.model.run import Costs as Costs
    from alphapulse_lib.session.backtests import backtest as backtest
    from alphapulse_lib.session.bars import bars as bars
    from alphapulse_lib.session.bars import prices as prices
    from alphapulse_lib.session.comments import comments as comments
    from alphapulse_lib.session.comparisons import compare as compare
    from alphapulse_lib.session.convention_spreads import convention_spread as convention_spread
    from alphapulse_lib.session.differences import diff as diff
    from alphapulse_lib.session.holdings import check as check
    from alphapulse_lib.session.holdings import coverage as coverage
    from alphapulse_lib.session.holdings import instruments as instruments
    from alphapulse_lib.session.imports import ingest as ingest
    from alphapulse_lib.session.imports import revert as revert
    from alphapulse_lib.session.ingests import ingests as ingests
    from alphapulse_lib.session.lookahead import check_lookahead as check_lookahead
    from alphapulse_lib.session.news import news as news
    from alphapulse_lib.session.news import sentiment as sentiment
    from alphapulse_lib.session.notifications import notifications as notifications
    from alphapulse_lib.session.publications import publish as publish
    from alphapulse_lib.session.quarantine import flags as flags
    from alphapulse_lib.session.quarantine import quarantine as quarantine
    from alphapulse_lib.session.quarantine import release as release
    from alphapulse_lib.session.reruns import rerun as rerun
    from alphapulse_lib.session.runs import run as run
    from alphapulse_lib.session.runs import runs as runs
    from alphapulse_lib.session.schedules import schedule as schedule
    from alphapulse_lib.session.schedules import schedules as schedules
    from alphapulse_lib.session.shares import share as share
    from alphapulse_lib.session.shares import shares as shares
    from alphapulse_lib.session.sql import sql as sql
    from alphapulse_lib.session.sweeps import sweep as sweep
    from alphapulse_lib.session.ticks import quotes as quotes
    from alphapulse_lib.session.ticks import trades as trades
    from alphapulse_lib.session.universes import universe as universe
    from alphapulse_lib.session.walk_forwards import walk_forward as walk_forward

#: Public name -> the module that holds it.
_HOMES = {
    "Costs": "alphapulse_lib.model.run",
    "backtest": "alphapulse_lib.session.backtests",
    "bars": "alphapulse_lib.session.bars",
    "check": "alphapulse_lib.session.holdings",
    "check_lookahead": "alphapulse_lib.session.lookahead",
    "comments": "alphapulse_lib.session.comments",
    "compare": "alphapulse_lib.session.comparisons",
    "convention_spread": "alphapulse_lib.session.convention_spreads",
    "coverage": "alphapulse_lib.session.holdings",
    "diff": "alphapulse_lib.session.differences",
    "flags": "alphapulse_lib.session.quarantine",
    "ingest": "alphapulse_lib.session.imports",
    "ingests": "alphapulse_lib.session.ingests",
    "instruments": "alphapulse_lib.session.holdings",
    "news": "alphapulse_lib.session.news",
    "notifications": "alphapulse_lib.session.notifications",
    "prices": "alphapulse_lib.session.bars",
    "publish": "alphapulse_lib.session.publications",
    "quarantine": "alphapulse_lib.session.quarantine",
    "quotes": "alphapulse_lib.session.ticks",
    "release": "alphapulse_lib.session.quarantine",
    "rerun": "alphapulse_lib.session.reruns",
    "revert": "alphapulse_lib.session.imports",
    "run": "alphapulse_lib.session.runs",
    "runs": "alphapulse_lib.session.runs",
    "schedule": "alphapulse_lib.session.schedules",
    "schedules": "alphapulse_lib.session.schedules",
    "sentiment": "alphapulse_lib.session.news",
    "share": "alphapulse_lib.session.shares",
    "shares": "alphapulse_lib.session.shares",
    "sweep": "alphapulse_lib.session.sweeps",
    "sql": "alphapulse_lib.session.sql",
    "trades": "alphapulse_lib.session.ticks",
    "universe": "alphapulse_lib.session.universes",
    "walk_forward": "alphapulse_lib.session.walk_forwards",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # it takes longer than all else here

        return version("alphapulse")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
