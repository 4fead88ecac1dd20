"""`ap.backtest` against backtrader: the same bars, the same cross. ``python -m tests.benchmarks.bench_backtrader``.

Both are whole processes over a million minute bars, a market order filled at the next bar's open; with exponential
averages of 10 and 20, which trade often, and simple ones of 500 and 2,000, which trade seldom. backtrader is given its
bars as a pandas frame that was read from one Parquet file, the fastest of its own feeds for such. It is measured twice:
keeping nothing, and keeping what a run of ours keeps, by its own observers and analyzers: orders, transactions, round
trips, the account's value and return at each bar, the drawdown. Aim: at least 15 times as fast.

The orders of both are printed: of the exponential averages they are as many; of simple ones one in a thousand differs
where averages of floats that should be equal are not, and cross. The third is a bare NautilusTrader script of the same
(`bench_backtest`'s); the last such a script with a strategy that hears the bars and does nothing, than which no
strategy on that engine can be faster.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from alphapulse_lib.catalog import writer
from tests.benchmarks.bench_backtest import BARE, BARE_DATA, CROSSES, OURS, script
from tests.benchmarks.made import AAA, MINUTE, unbroken
from tests.benchmarks.measured import process

BARS = 1_000_000
#: What backtrader calls the averages of `CROSSES`.
AVERAGES = {"EmaCross": "EMA", "SmaCross": "SMA"}

THEIRS = """
import sys
import backtrader as bt
import pandas as pd

class Cross(bt.Strategy):
    def __init__(self):
        fast, slow = bt.ind.AVERAGE(self.data.close, period=FAST), bt.ind.AVERAGE(self.data.close, period=SLOW)
        self.cross, self.orders = bt.ind.CrossOver(fast, slow), 0

    def next(self):
        if self.cross > 0:
            self.buy(size=10)
            self.orders += 1
        elif self.cross < 0 and self.position:
            self.close()
            self.orders += 1

engine = bt.Cerebro(stdstats=KEEPING)
engine.broker.setcash(100_000)
bars = pd.read_parquet(sys.argv[2]).set_index("ts").tz_localize(None)
engine.adddata(bt.feeds.PandasData(dataname=bars, timeframe=bt.TimeFrame.Minutes))
engine.addstrategy(Cross)
if KEEPING:
    for name in ("Transactions", "TradeAnalyzer", "DrawDown", "TimeReturn"):
        engine.addanalyzer(getattr(bt.analyzers, name))
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
    """Measure all: backtrader takes minutes, so once for each strategy and for what it keeps."""
    with tempfile.TemporaryDirectory() as folder:
        catalog, file = Path(folder) / "catalog", Path(folder) / "bars.parquet"
        table = unbroken(BARS, 1)
        writer.write_bars(catalog, AAA, MINUTE, table, "bench")
        writer.write_instruments(catalog, [AAA], [])
        pq.write_table(table.select(["ts", "open", "high", "low", "close", "volume"]), file)
        for cross in CROSSES:
            theirs = script(THEIRS, cross).replace("AVERAGE", AVERAGES[cross[1]])
            slowest = {
                told: process(theirs.replace("KEEPING", kept), catalog, str(file))
                for told, kept in (("that keeps nothing", "False"), ("that keeps what a run keeps", "True"))
            }
            for name, text in (
                ("ap.backtest", OURS),
                ("a bare NautilusTrader script", BARE),
                ("a bare script whose strategy does nothing", IDLE),
            ):
                mine = process(script(text, cross), catalog)
                for told, each in slowest.items():
                    sys.stdout.write(
                        f"{cross[1]} of {cross[2]} and {cross[3]} on {BARS:,} minute bars: {name} is "
                        f"{each.seconds / mine.seconds:.1f} times as fast as a backtrader {told} by the clock, "
                        f"{each.processor / mine.processor:.1f} times by the processors' seconds (aim: at least 15)\n"
                    )
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
