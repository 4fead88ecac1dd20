"""What Home says of prices and runs."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from alphapulse_lib import clock
from hub.dashboards.catalog import Listed, Quote, step
from hub.dashboards.templating import render

LISTED = Listed("AAPL.XNAS", "AAPL", "Apple Inc.", ("1d",), 0, 0, 9)


def quote(days: float) -> Quote:
    ts = clock.now_ns() - step(days)
    return Quote("AAPL.XNAS", "AAPL", "Apple Inc.", 430.47, -0.0248, ts, "America/New_York", Markup("<svg/>"), 0.1)


def test_each_price_that_is_older_than_a_long_weekend_says_how_old_it_is():
    shown = render("watchlist", rows=[quote(4), quote(400)], faults=[], chosen="")
    assert shown.count(" old</span>") == 1
    assert "1 year old" in shown
    assert "13 days old" in render("chosen", listed=LISTED, quote=quote(13.5))
    assert " old<" not in render("chosen", listed=LISTED, quote=quote(1))


def test_a_price_says_what_it_is_in_and_by_which_clock():
    shown = render("chosen", listed=LISTED, quote=quote(1))
    assert "430.47" in shown
    assert ">USD<" in shown
    assert " EST<" in shown or " EDT<" in shown


def test_somebody_without_a_run_of_their_own_is_told_what_would_be_there():
    def shown(**values: Any) -> str:
        return render("home_runs", runs=[], **values)

    assert "You have run none yet." in shown(everybody=False)
    assert 'data-act="whose" data-value="all"' in shown(everybody=False)
