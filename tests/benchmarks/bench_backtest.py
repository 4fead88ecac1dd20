"""A million minute bars: `ap.backtest` against a bare script. ``python -m tests.benchmarks.bench_backtest``.

Both are whole processes, from the interpreter's start to its end, of the same strategy (`SmaCross`) with the same fill
convention (the next bar's open) on the same catalog. The bare script does only what it must: it reads the bars with
NautilusTrader's own catalog, makes the opening trades column by column and runs. `ap.backtest` besides checks the data,
keeps fills, orders and equity, measures them and writes a record. Aim: at most 1.15.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from alphapulse_lib.catalog import writer
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from tests.benchmarks.made import unbroken

BARS = 1_000_000
TURNS = 3
AAA = Instrument("AAA.XNAS")
MINUTE = Period(1, "m")

OURS = """
import alphapulse_lib as ap
from alphapulse_lib.engine.strategies import SmaCross
run = ap.backtest(SmaCross, "AAA", "1m", params={"fast": FAST, "slow": SLOW}, progress=False)
print(run.stats["fills"], round(run.stats["end_equity"], 2))
"""

BARE = """
import sys
from decimal import Decimal
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pathlib import Path
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig
from nautilus_trader.execution import MakerTakerFeeModel, StaticLatencyModel
from nautilus_trader.model import *
from nautilus_trader.persistence import ParquetDataCatalog, TradeTickDataWrangler
from alphapulse_lib.engine.strategies.sma_cross import SmaCross, SmaCrossConfig

root, name = sys.argv[1], "AAA.XNAS-1-MINUTE-LAST-EXTERNAL"
aaa, usd = InstrumentId.from_str("AAA.XNAS"), Currency.from_str("USD")
engine = BacktestEngine(BacktestEngineConfig(run_analysis=False, logging=LoggerConfig(bypass_logging=True)))
engine.add_venue(
    Venue("XNAS"), OmsType.NETTING, AccountType.MARGIN, [Money(100_000, usd)], base_currency=usd,
    default_leverage=Decimal(1), latency_model=StaticLatencyModel(1),
    fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)),
)
engine.add_instrument(Equity(aaa, Symbol("AAA"), usd, 4, Price.from_str("0.0001"), 0, 0))
bars = ParquetDataCatalog(root).query_bars([name])
files = sorted(Path(root, "data/bars", name).glob("*.parquet"))
table = pa.concat_tables(pq.read_table(file, columns=["open", "ts_event"]) for file in files)
count = table.num_rows
stamps = pa.array(table["ts_event"].cast(pa.int64()).to_numpy() - 60_000_000_000 + 1).cast(pa.timestamp("ns", "UTC"))
same = pa.array(np.zeros(count, np.int8))
columns = {
    "price": table["open"].combine_chunks(),
    "size": pa.repeat(pa.scalar(10**9, pa.decimal128(22, 0)).cast(pa.decimal128(38, 16)), count),
    "aggressor_side": pa.DictionaryArray.from_arrays(same, pa.array(["NO_AGGRESSOR"])),
    "trade_id": pa.array(["open"]).take(same), "ts_event": stamps, "ts_init": stamps,
}
metadata = {
    "instrument_id": "AAA.XNAS", "price_precision": "4", "size_precision": "0", "type_name": "TradeTick",
}
schema = pa.schema([pa.field(n, c.type, nullable=False) for n, c in columns.items()], metadata=metadata)
sink = pa.BufferOutputStream()
with pa.ipc.new_stream(sink, schema) as stream:
    stream.write_table(pa.Table.from_arrays(list(columns.values()), schema=schema))
engine.add_data(TradeTickDataWrangler("AAA.XNAS", 4, 0).process_record_batch_bytes(sink.getvalue().to_pybytes()))
engine.add_data(bars)
engine.add_strategy(SmaCross(SmaCrossConfig(aaa, BarType.from_str(name), FAST, SLOW)))
engine.run()
result = engine.get_result()
print(result.total_orders, engine.portfolio.account(Venue("XNAS")).balance_total(usd))
"""


def main() -> None:
    """Measure both and print the ratio, for a strategy that trades often and for one that trades seldom."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Path(folder) / "catalog"
        writer.write_bars(catalog, AAA, MINUTE, unbroken(BARS, 1), "bench")
        writer.write_instruments(catalog, [AAA], [])
        for fast, slow in ((10, 20), (500, 2000)):
            ours, bare = (text.replace("FAST", str(fast)).replace("SLOW", str(slow)) for text in (OURS, BARE))
            times = [(timed(bare, catalog, folder), timed(ours, catalog, folder)) for _ in range(TURNS)]
            bare_time, our_time = (min(each) for each in zip(*times, strict=True))
            sys.stdout.write(
                f"backtest of {BARS:,} minute bars, averages of {fast} and {slow}: bare {bare_time:.1f} s, "
                f"ap.backtest {our_time:.1f} s, ratio {our_time / bare_time:.2f} (aim: at most 1.15)\n"
            )


def timed(script: str, catalog: Path, folder: str) -> float:
    """Seconds that a script takes in a process of its own."""
    environment = {**os.environ, "ALPHAPULSE_CATALOG": str(catalog), "ALPHAPULSE_HOME": folder}
    start = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, str(catalog)], env=environment, check=True, capture_output=True, text=True
    )
    seconds = perf_counter() - start
    sys.stdout.write(f"    {seconds:6.2f} s   {done.stdout.strip()}\n")
    return seconds


if __name__ == "__main__":
    main()
