"""A year of daily bars, from the call to the result. ``python -m tests.benchmarks.bench_year``.

`ap.backtest` in a process that has run some before, all of its recording included, against a bare script as a whole
process (`bench_backtest`'s) on the same bars. Aim: under 0.7 s. The process of each run is forked from one that has
imported what it needs (`alphapulse_lib.engine.process`): calls that follow each other without a pause are told too.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep

import alphapulse_lib as ap
from alphapulse_lib.catalog import writer
from alphapulse_lib.engine.strategies import SmaCross
from tests.benchmarks.bench_backtest import BARE_DATA
from tests.benchmarks.made import AAA, DAY, catalog, days
from tests.benchmarks.measured import process

TURNS = 7

BARE = (
    BARE_DATA
    + """
from alphapulse_lib.engine.strategies.sma_cross import SmaCross, SmaCrossConfig
name = "AAA.XNAS-1-DAY-LAST-EXTERNAL"
engine = engine_of(["AAA.XNAS"], 100_000)
add(engine, "AAA.XNAS", name, session_opens)
engine.add_strategy(SmaCross(SmaCrossConfig(InstrumentId.from_str("AAA.XNAS"), BarType.from_str(name), 10, 20)))
engine.run()
print(engine.get_result().total_orders, engine.portfolio.account(Venue("XNAS")).balance_total(usd))
"""
)


def main() -> None:
    """Measure both in turns."""
    with tempfile.TemporaryDirectory() as folder, catalog(Path(folder) / "catalog") as root:
        writer.write_bars(root, AAA, DAY, days(1, "2012-01-01", "2013-01-01"), "bench")
        writer.write_instruments(root, [AAA], [])
        ours(), ours()
        pairs = [(paused(), process(BARE, root).seconds) for _ in range(TURNS)]
        at_once = statistics.median(ours() for _ in range(TURNS))
        call, bare = (statistics.median(each) for each in zip(*pairs, strict=True))
        ratio = statistics.median(each / other for each, other in pairs)
        sys.stdout.write(
            f"a year of daily bars: {call:.2f} s from the call to the result, warm (aim: under 0.7), a bare script "
            f"{bare:.2f} s, ratio {ratio:.2f}; one call upon the other {at_once:.2f} s "
            f"(load {os.getloadavg()[0]:.1f})\n"
        )


def paused() -> float:
    """Seconds of a call that comes two seconds after the one before, as a person's do at the soonest."""
    sleep(2)
    return ours()


def ours() -> float:
    """Seconds of a call."""
    start = perf_counter()
    assert ap.backtest(SmaCross, "AAA", "1d", progress=False).stats["orders"] > 1
    return perf_counter() - start


if __name__ == "__main__":
    main()
