"""`ap.backtest` against backtrader: the same bars, the same cross. ``python -m tests.benchmarks.bench_backtrader``.

Both are whole processes over a million minute bars, a market order filled at the next bar's open; with averages of 10
and 20, which trade often, and of 500 and 2,000, which trade seldom. backtrader is given its bars as a pandas frame that
was read from one Parquet file, the fastest of its own feeds for such, and records nothing. Aim: at least 15 times as
fast. The orders of both are printed; of the former one in a thousand differs: averages of floats that should be equal
are not, and cross. The third is a bare NautilusTrader script of the same (`bench_backtest`'s); the last such a script
with a strategy that hears the bars and does nothing, than which no strategy on that engine can be faster.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from alphapulse_lib.catalog import writer
from tests.benchmarks.bench_backtest import BARE, BARE_DATA, OURS
from tests.benchmarks.made import AAA, MINUTE, unbroken
from tests.benchmarks.measured import process

BARS = 1_000_000

THEIRS = """
import sys
import backtrader as bt
import pandas as pd

class Cross(bt.Strategy):
    def __init__(self):
        fast, slow = bt.ind.SMA(self.data.close, period=FAST), bt.ind.SMA(self.data.close, period=SLOW)
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


IDLE = (
    BARE_DATA
    + """
from nautilus_trader.trading import Strategy

name = "AAA.XNAS-1-MINUTE-LAST-EXTERNAL"

class Idle(Strategy):
    def on_start(self):
        self.subscribe_bars(BarType.from_str(name))

    def on_bar(self, bar):
        pass

engine = engine_of(["AAA.XNAS"], 100_000)
add(engine, "AAA.XNAS", name, lambda closes: closes - 60_000_000_000)
engine.add_strategy(Idle())
engine.run()
"""
)


def main() -> None:
    """Measure all: backtrader takes minutes, so once for each pair of averages."""
    with tempfile.TemporaryDirectory() as folder:
        catalog, file = Path(folder) / "catalog", Path(folder) / "bars.parquet"
        table = unbroken(BARS, 1)
        writer.write_bars(catalog, AAA, MINUTE, table, "bench")
        writer.write_instruments(catalog, [AAA], [])
        pq.write_table(table.select(["ts", "open", "high", "low", "close", "volume"]), file)
        for fast, slow in ((10, 20), (500, 2000)):
            ours, bare, theirs = (
                text.replace("FAST", str(fast)).replace("SLOW", str(slow)) for text in (OURS, BARE, THEIRS)
            )
            slowest = process(theirs, catalog, str(file))
            for name, script, aim in (
                ("ap.backtest", ours, " (aim: at least 15)"),
                ("a bare NautilusTrader script", bare, ""),
                ("a bare script whose strategy does nothing", IDLE, ""),
            ):
                mine = process(script, catalog)
                sys.stdout.write(
                    f"backtest of {BARS:,} minute bars, averages of {fast} and {slow}: {name} is "
                    f"{slowest.seconds / mine.seconds:.1f} times as fast as backtrader by the clock, "
                    f"{slowest.processor / mine.processor:.1f} times by the processors' seconds{aim}\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
