"""`ap.backtest` against backtrader: the same bars, the same cross. ``python -m tests.benchmarks.bench_backtrader``.

Both are whole processes over a million minute bars with averages of 10 and 20, a market order filled at the next bar's
open. backtrader is given its bars as a pandas frame that was read from one Parquet file, the fastest of its own feeds
for such, and records nothing. Aim: at least 15 times as fast. The orders of both are printed; one in a thousand
differs: averages of floats that should be equal are not, and cross. The third is a bare NautilusTrader script of the
same (`bench_backtest`'s), than which no wrapper of that engine could be much faster.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from alphapulse_lib.catalog import writer
from tests.benchmarks.bench_backtest import BARE, OURS
from tests.benchmarks.made import AAA, MINUTE, unbroken
from tests.benchmarks.measured import process

BARS = 1_000_000

THEIRS = """
import sys
import backtrader as bt
import pandas as pd

class Cross(bt.Strategy):
    def __init__(self):
        fast, slow = bt.ind.SMA(self.data.close, period=10), bt.ind.SMA(self.data.close, period=20)
        self.cross, self.orders = bt.ind.CrossOver(fast, slow), 0

    def next(self):
        if self.cross > 0:
            self.buy(size=10)
            self.orders += 1
        elif self.cross < 0 and self.position:
            self.close()
            self.orders += 1

engine = bt.Cerebro(stdstats=False)
engine.broker.setcash(100_000)
bars = pd.read_parquet(sys.argv[2]).set_index("ts").tz_localize(None)
engine.adddata(bt.feeds.PandasData(dataname=bars, timeframe=bt.TimeFrame.Minutes))
engine.addstrategy(Cross)
print(engine.run()[0].orders, round(engine.broker.getvalue(), 2))
"""


def main() -> None:
    """Measure both: backtrader takes minutes, so once."""
    with tempfile.TemporaryDirectory() as folder:
        catalog, file = Path(folder) / "catalog", Path(folder) / "bars.parquet"
        table = unbroken(BARS, 1)
        writer.write_bars(catalog, AAA, MINUTE, table, "bench")
        writer.write_instruments(catalog, [AAA], [])
        pq.write_table(table.select(["ts", "open", "high", "low", "close", "volume"]), file)
        ours, bare = (text.replace("FAST", "10").replace("SLOW", "20") for text in (OURS, BARE))
        theirs = process(THEIRS, catalog, str(file))
        for name, script, aim in (
            ("ap.backtest", ours, " (aim: at least 15)"),
            ("a bare NautilusTrader script", bare, ""),
        ):
            mine = process(script, catalog)
            sys.stdout.write(
                f"backtest of {BARS:,} minute bars: {name} is {theirs.seconds / mine.seconds:.1f} times as fast as "
                f"backtrader by the clock, {theirs.processor / mine.processor:.1f} times by the processors' seconds"
                f"{aim}\n"
            )


if __name__ == "__main__":
    main()
