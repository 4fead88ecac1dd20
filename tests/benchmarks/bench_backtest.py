"""A million minute bars: `ap.backtest` against a bare script. ``python -m tests.benchmarks.bench_backtest``.

Both are whole processes, from the interpreter's start to its end, of the same strategy (a cross of exponential
averages, which trades often, and one of long simple ones, which trades seldom) with the same fill convention (the next
bar's open) on the same catalog. The bare script does only what it must: it reads the bars with NautilusTrader's own
catalog, makes the opening trades column by column and runs. `ap.backtest` besides checks the data, keeps fills, orders
and equity, measures them and writes a record. Aim: at most 1.10.

And the most memory that all processes of a run hold together, of a strategy that trades seldom: with four times as many
bars against once as many. Aim: at most 1.3.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from alphapulse_lib.catalog import writer
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from tests.benchmarks.made import unbroken
from tests.benchmarks.measured import process

BARS, TIMES = 1_000_000, 4
TURNS = 3
AAA = Instrument("AAA.XNAS")
MINUTE = Period(1, "m")

#: The strategies: their module, their name, and the lengths of the two averages.
CROSSES = (
    ("tests.benchmarks.ema_cross", "EmaCross", 10, 20),
    ("alphapulse_lib.engine.strategies.sma_cross", "SmaCross", 500, 2000),
)

OURS = """
import alphapulse_lib as ap
from MODULE import CROSS
run = ap.backtest(CROSS, "AAA", "1m", params={"fast": FAST, "slow": SLOW}, progress=False)
print(run.stats["fills"], round(run.stats["end_equity"], 2))
"""

#: The strategy whose memory is that of its data: it sends some hundred orders.
SELDOM = ("alphapulse_lib.engine.strategies.sma_cross", "SmaCross", 5_000, 20_000)

#: What a bare script needs to have the engine and its data: also `bench_portfolio`'s.
BARE_DATA = """
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

root, usd = sys.argv[1], Currency.from_str("USD")

def engine_of(ids, cash):
    engine = BacktestEngine(BacktestEngineConfig(run_analysis=False, logging=LoggerConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("XNAS"), OmsType.NETTING, AccountType.MARGIN, [Money(cash, usd)], base_currency=usd,
        default_leverage=Decimal(1), latency_model=StaticLatencyModel(1),
        fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)),
    )
    for each in ids:
        engine.add_instrument(
            Equity(InstrumentId.from_str(each), Symbol(each[:-5]), usd, 4, Price.from_str("0.0001"), 0, 0)
        )
    return engine

def add(engine, instrument, name, opens):
    bars = ParquetDataCatalog(root).query_bars([name])
    files = sorted(Path(root, "data/bars", name).glob("*.parquet"))
    table = pa.concat_tables(pq.read_table(file, columns=["open", "ts_event"]) for file in files)
    count = table.num_rows
    stamps = pa.array(opens(table["ts_event"].cast(pa.int64()).to_numpy()) + 1).cast(pa.timestamp("ns", "UTC"))
    same = pa.array(np.zeros(count, np.int8))
    columns = {
        "price": table["open"].combine_chunks(),
        "size": pa.repeat(pa.scalar(10**9, pa.decimal128(22, 0)).cast(pa.decimal128(38, 16)), count),
        "aggressor_side": pa.DictionaryArray.from_arrays(same, pa.array(["NO_AGGRESSOR"])),
        "trade_id": pa.array(["open"]).take(same), "ts_event": stamps, "ts_init": stamps,
    }
    metadata = {"instrument_id": instrument, "price_precision": "4", "size_precision": "0", "type_name": "TradeTick"}
    schema = pa.schema([pa.field(n, c.type, nullable=False) for n, c in columns.items()], metadata=metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_table(pa.Table.from_arrays(list(columns.values()), schema=schema))
    engine.add_data(TradeTickDataWrangler(instrument, 4, 0).process_record_batch_bytes(sink.getvalue().to_pybytes()))
    engine.add_data(bars)

known = {}

def session_opens(closes):
    from zoneinfo import ZoneInfo
    from datetime import datetime
    if closes.tobytes() not in known:
        local = [datetime.fromtimestamp(each // 10**9, ZoneInfo("America/New_York")) for each in closes.tolist()]
        opens = [int(each.replace(hour=9, minute=30).timestamp()) * 10**9 for each in local]
        known[closes.tobytes()] = np.array(opens)
    return known[closes.tobytes()]
"""

BARE = (
    BARE_DATA
    + """
from MODULE import CROSS, CROSSConfig
name = "AAA.XNAS-1-MINUTE-LAST-EXTERNAL"
engine = engine_of(["AAA.XNAS"], 100_000)
add(engine, "AAA.XNAS", name, lambda closes: closes - 60_000_000_000)
engine.add_strategy(CROSS(CROSSConfig(InstrumentId.from_str("AAA.XNAS"), BarType.from_str(name), FAST, SLOW)))
engine.run()
print(engine.get_result().total_orders, engine.portfolio.account(Venue("XNAS")).balance_total(usd))
"""
)


def script(text: str, cross: tuple[str, str, int, int]) -> str:
    """A script of one of the strategies."""
    for name, value in zip(("MODULE", "CROSS", "FAST", "SLOW"), cross, strict=True):
        text = text.replace(name, str(value))
    return text


def filled(catalog: Path, bars: int) -> Path:
    """A catalog with so many minutes."""
    writer.write_bars(catalog, AAA, MINUTE, unbroken(bars, 1), "bench")
    writer.write_instruments(catalog, [AAA], [])
    return catalog


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = filled(Path(folder) / "catalog", BARS)
        longer = filled(Path(folder) / "longer" / "catalog", TIMES * BARS)
        held, more = (process(script(OURS, SELDOM), each).memory for each in (catalog, longer))
        sys.stdout.write(
            f"the most memory of {TIMES * BARS:,} minute bars against {BARS:,}: {more / held:.2f} (aim: at most 1.3)\n"
        )
        sys.stdout.flush()
        for cross in CROSSES:
            ours, bare = (script(text, cross) for text in (OURS, BARE))
            pairs = [(process(bare, catalog), process(ours, catalog)) for _ in range(TURNS)]
            seconds, busy = (
                statistics.median(getattr(ours, name) / getattr(bare, name) for bare, ours in pairs)
                for name in ("seconds", "processor")
            )
            sys.stdout.write(
                f"{cross[1]} of {cross[2]} and {cross[3]} on {BARS:,} minute bars: ap.backtest against a bare script "
                f"{seconds:.2f} by the clock (aim: at most 1.10), {busy:.2f} by the processors' seconds\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
