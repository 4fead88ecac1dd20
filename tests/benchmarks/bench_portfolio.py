"""A rebalanced portfolio: `ap.backtest` against a bare script. ``python -m tests.benchmarks.bench_portfolio``.

200 names, 947,616 daily bars, every name put right each month. Both sides are whole processes on the same catalog with
the same fill convention (the next bar's open). The bare script does only what it must: it reads the bars with
NautilusTrader's own catalog, makes the opening trades column by column and runs. Aims: at most 1.2 times its seconds,
and no more memory than it takes. Memory is the most that the processes of a side held together, shared pages parted.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from alphapulse_lib.catalog import writer
from tests.benchmarks.bench_backtest import BARE_DATA
from tests.benchmarks.made import DAY, days, instruments
from tests.benchmarks.measured import Spent, process

NAMES, BARS, TURNS = 200, 947_616, 3

OURS = """
import alphapulse_lib as ap
from tests.benchmarks.rebalanced import Rebalanced
names = [f"N{number:04}" for number in range(NAMES)]
run = ap.backtest(Rebalanced, names, "1d", cash=10_000_000, gaps="allow", progress=False)
print(run.stats["orders"], round(run.stats["end_equity"], 2))
"""

BARE = (
    BARE_DATA
    + """
from tests.benchmarks.rebalanced import Rebalanced, RebalancedConfig
ids = [f"N{number:04}.XNAS" for number in range(NAMES)]
series = [f"{each}-1-DAY-LAST-EXTERNAL" for each in ids]
engine = engine_of(ids, 10_000_000)
for each, name in zip(ids, series):
    add(engine, each, name, session_opens)
engine.add_strategy(Rebalanced(RebalancedConfig([InstrumentId.from_str(each) for each in ids],
                                                [BarType.from_str(each) for each in series])))
engine.run()
print(engine.get_result().total_orders, engine.portfolio.account(Venue("XNAS")).balance_total(usd))
"""
)


def main() -> None:
    """Measure both in turns."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Path(folder) / "catalog"
        names = instruments(NAMES)
        for number, each in enumerate(names):
            rows = BARS // NAMES + (number < BARS % NAMES)
            table: pa.Table = days(number, "2006-01-01", "2026-01-01")
            writer.write_bars(catalog, each, DAY, table.slice(table.num_rows - rows), "bench")
        writer.write_instruments(catalog, names, [])
        ours, bare = (text.replace("NAMES", str(NAMES)) for text in (OURS, BARE))
        pairs = [(process(bare, catalog), process(ours, catalog)) for _ in range(TURNS)]
        told(pairs)


def told(pairs: list[tuple[Spent, Spent]]) -> None:
    """The medians of the pairs' ratios."""
    seconds, processor, memory = (
        statistics.median(getattr(ours, name) / getattr(bare, name) for bare, ours in pairs)
        for name in ("seconds", "processor", "memory")
    )
    sys.stdout.write(
        f"a portfolio of {NAMES} names, {BARS:,} daily bars: ap.backtest against a bare script {seconds:.2f} by the "
        f"clock, {processor:.2f} by the processors' seconds (aim: at most 1.2), memory {memory:.2f} (aim: at most 1)\n"
    )


if __name__ == "__main__":
    main()
