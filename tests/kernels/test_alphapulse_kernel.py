"""The AlphaPulse kernel, started by Jupyter's own machinery from its kernelspec."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from api_server import RunningApi
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

from alphapulse_lib.settings import Settings

REPOSITORY = Path(__file__).parents[2]

type Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run cells in one kernel, started from a clone at a path with a space in it; gives the last cell's outputs."""
    clone = tmp_path_factory.mktemp("a clone")
    shutil.copytree(REPOSITORY / "kernels", clone / "kernels")
    workspace = tmp_path_factory.mktemp("workspace")
    specs = KernelSpecManager(kernel_dirs=[str(clone / "kernels")], ensure_native_kernel=False)
    manager = KernelManager(kernel_name="alphapulse", kernel_spec_manager=specs)
    notebook = nbformat.v4.new_notebook()
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=240,
        startup_timeout=240,
        allow_errors=True,
        resources={"metadata": {"path": str(workspace)}},
    )

    def execute(*cells: str) -> list[dict[str, Any]]:
        for source in cells:
            notebook.cells.append(nbformat.v4.new_code_cell(source))
            client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)
        return notebook.cells[-1].outputs

    with client.setup_kernel(cwd=str(workspace)):
        execute(f"import os\nos.environ['ALPHAPULSE_HOME'] = {str(workspace / 'home')!r}")
        yield execute


def shown(outputs: list[dict[str, Any]], kind: str = "text/plain") -> str:
    """What the cell's result looks like."""
    return next(str(output["data"][kind]) for output in outputs if output["output_type"] == "execute_result")


def test_the_start_up_gives_ap_and_loads_nothing_heavy(run: Run) -> None:
    heavy = "{'numpy', 'pandas', 'pyarrow', 'duckdb', 'nautilus_trader', 'plotly', 'polars'}"
    assert shown(run(f"import sys\nsorted({heavy} & set(sys.modules))")) == "[]"
    assert shown(run("ap.__name__")) == "'alphapulse_lib'"
    assert "ap" not in shown(run("%who_ls"))


def test_the_workspace_comes_before_the_kernel_s_own_folder(run: Run) -> None:
    assert shown(run("open('card.py', 'w').write('mine = True')\nimport card\ncard.mine")) == "True"
    assert shown(run("sys.path[-1].endswith('kernels/alphapulse')")) == "True"


def test_an_error_of_ours_is_its_message_without_a_traceback(run: Run) -> None:
    (output,) = run("def outer():\n    ap.bars('AAPL', '1 fortnight')\nouter()")
    assert output["output_type"] == "error"
    assert output["ename"] == "UnknownPeriod"
    assert output["traceback"] == [
        "UnknownPeriod: Unknown period '1 fortnight'.\n"
        "A period is a number and s, m, h, d, w or mo, such as '1m', '15m', '1h', '1d' or '1mo'."
    ]


def test_an_error_of_the_user_s_keeps_its_traceback(run: Run) -> None:
    (output,) = run("def outer():\n    return 1 / 0\nouter()")
    assert "outer" in "\n".join(output["traceback"])


OBJECTS = """
from nautilus_trader.model import Bar, BarType, Currency, Equity, InstrumentId, Price, Quantity, Symbol
name = InstrumentId.from_str("AAPL.XNAS")
equity = Equity(name, Symbol("AAPL"), Currency.from_str("USD"), 4, Price.from_str("0.0001"), 0, 0)
close = 1367352000 * 10**9   # 2013-04-30 20:00 UTC, 16:00 in New York
prices = [Price.from_str(text) for text in ("435.1000", "445.2500", "432.0700", "442.7800")]
bar = Bar(BarType.from_str("AAPL.XNAS-1-DAY-LAST-EXTERNAL"), *prices, Quantity.from_int(24697800), close, close)
"""


@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        (
            "from nautilus_trader.model.identifiers import InstrumentId\nfrom nautilus_trader.trading import Strategy",
            "It is written for NautilusTrader 1. Write `from nautilus_trader.model import InstrumentId`.",
        ),
        (
            "from nautilus_trader.config import StrategyConfig\nfrom nautilus_trader.model.data import Bar, BarType",
            "It is written for NautilusTrader 1. Write `from nautilus_trader.model import Bar, BarType`.",
        ),
        (
            "from nautilus_trader.trading import StrategyConfig\nclass CrossConfig(StrategyConfig, frozen=True): ...",
            "NautilusTrader 2 takes no frozen=True there: write `@dataclass(frozen=True)` over the configuration.",
        ),
    ],
)
def test_a_cell_of_nautilustrader_1_is_told_what_to_write(run: Run, cell: str, advice: str) -> None:
    (output,) = run(cell)
    assert output["output_type"] == "error"
    assert output["ename"] in {"ModuleNotFoundError", "ImportError", "TypeError"}
    told = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output["traceback"]))
    assert told.rstrip().endswith(advice)
    assert cell.splitlines()[-1].partition(" import ")[0] in told


def test_a_module_of_nautilustrader_1_is_told_so_too_and_others_are_not(run: Run) -> None:
    (output,) = run("open('old.py', 'w').write('from nautilus_trader.model.enums import OrderSide')\nimport old")
    assert "Write `from nautilus_trader.model import OrderSide`." in output["traceback"][-1]
    for cell in ("import nautilus_tradr", "# nautilus_trader\nlen(1)", "1 + ''"):
        (output,) = run(cell)
        assert "It is written for" not in "".join(output["traceback"])


def test_a_bar_is_a_card(run: Run) -> None:
    outputs = run(OBJECTS, "bar")
    assert shown(outputs) == (
        "AAPL.XNAS · 1d bar\n"
        "  2013-04-30 16:00:00 EDT\n"
        "  Open      435.1000\n"
        "  High      445.2500\n"
        "  Low       432.0700\n"
        "  Close     442.7800  +1.77% from the open\n"  # 442.78 / 435.10 = 1.01765
        "  Volume  24,697,800"
    )
    assert '<div class="ap-card">' in shown(outputs, "text/html")
    assert "24,697,800" in shown(outputs, "text/html")


def test_inside_a_list_objects_stay_on_one_line_each(run: Run) -> None:
    assert shown(run(OBJECTS, "[equity, equity]")).count("\n") <= 1


IMPORT = """
with open("acme.csv", "w") as file:
    file.write("date,open,high,low,close,volume\\n2012-03-01,20,21,19,20.5,100\\n2012-03-05,20,19,19,19.5,100\\n")
report = ap.ingest("files", "acme.csv", symbol="ACME", venue="XNAS", period="1d")
"""


def test_an_import_s_report_and_a_coverage_are_cards(run: Run) -> None:
    report, coverage = run(IMPORT, "report"), run("ap.coverage('ACME', '1d')")
    assert shown(report).startswith("Import of acme.csv")
    assert "Set aside" in shown(report)
    assert shown(coverage).startswith("ACME.XNAS · 1d")
    for outputs in (report, coverage):
        assert '<div class="ap-card">' in shown(outputs, "text/html")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningApi]:
    running = RunningApi(Settings(home=tmp_path / "hub", catalog=tmp_path / "catalog")).start()
    yield running
    running.stop()


def test_comments_and_schedules_are_cards(run: Run, hub: RunningApi) -> None:
    run(f"os.environ |= {{'ALPHAPULSE_API_URL': {hub.url!r}, 'JUPYTERHUB_API_TOKEN': 'ada'}}")
    comments = run("about = ap.comments('notebook:a/b.ipynb')\n_ = about.write('so <b>it</b> is')", "about")
    schedule = run("ap.schedule('a/b.ipynb', '0 7 * * *', parameters={'fast': 5})")
    assert "so <b>it</b> is" in shown(comments)
    assert "so &lt;b&gt;it" in shown(comments, "text/html")
    assert "0 7 * * *" in shown(schedule)
    assert "a/b.ipynb" in shown(run("ap.schedules()"))
    assert shown(run("[about]")) == "[<Comments on notebook:a/b.ipynb>]"
    firing = run("ap.schedule('a/b.ipynb', '0 7 * * *').fire()")
    assert shown(firing).startswith("a/b.ipynb  [due]")
    for outputs in (comments, schedule, firing):
        assert '<div class="ap-card">' in shown(outputs, "text/html")
    run("del os.environ['ALPHAPULSE_API_URL']")
    (refused,) = run("ap.schedules()")
    assert "make up" in refused["traceback"][0]


BACKTEST = """
from dataclasses import dataclass
from decimal import Decimal
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import AccountType, Money, OmsType, OrderSide, Venue
from nautilus_trader.trading import Strategy

@dataclass(frozen=True)
class Config:
    order_id_tag: str = "1"

class BuyThenSell(Strategy):
    def __init__(self, config):
        super().__init__(config)
        self.seen = 0
    def on_start(self):
        self.subscribe_bars(bar.bar_type)
    def on_bar(self, bar):
        self.seen += 1
        side = {1: OrderSide.BUY, 3: OrderSide.SELL}.get(self.seen)
        if side is not None:
            self.submit_order(self.order_factory.market(name, side, Quantity.from_int(10)))
    def on_order_filled(self, event):
        self.fill = event

day = 86_400 * 10**9
engine = BacktestEngine(BacktestEngineConfig())
dollars = Currency.from_str("USD")
engine.add_venue(Venue("XNAS"), OmsType.NETTING, AccountType.CASH, [Money(10_000, dollars)], base_currency=dollars,
                 fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)))
engine.add_instrument(equity)
engine.add_data([Bar(bar.bar_type, *[Price(price, 4)] * 4, Quantity.from_int(1000), close + n * day, close + n * day)
                 for n, price in enumerate((100, 110, 125, 120))])
strategy = BuyThenSell(Config())
engine.add_strategy(strategy)
engine.run()
"""


@pytest.fixture(scope="module")
def traded(run: Run) -> Run:
    """The same kernel, after a bare engine bought ten shares at 100 and sold them at 125."""
    run(OBJECTS, BACKTEST)
    return run


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("equity", ["AAPL.XNAS", "equity", "Price step"]),
        ("engine.cache.orders()[0]", ["BUY 10 AAPL.XNAS", "market order", "[filled]", "10 of 10", "at 100.00"]),
        ("strategy.fill", ["SELL 10 AAPL.XNAS at 125.0000", "1,250.00 USD", "0.00 USD"]),
        ("engine.cache.positions()[0]", ["[closed]", "+250.00 USD", "+25.00%", "closed 2013-05-02 16:00:00 EDT"]),
        ("engine.cache.account_for_venue(Venue('XNAS'))", ["XNAS-001", "cash account", "10,250.00 free"]),
        ("engine.get_result()", ["2013-04-30 to 2013-05-03", "+250.00", "Orders", "2"]),
    ],
)
def test_a_bare_engine_s_objects_are_cards(traded: Run, expression: str, says: list[str]) -> None:
    outputs = traded(expression)
    assert not [part for part in says if part not in shown(outputs)]
    assert '<div class="ap-card">' in shown(outputs, "text/html")


def test_a_figure_without_a_template_is_readable_on_any_ground_and_stays_itself(run: Run) -> None:
    (output,) = run("import plotly.express as px\nfigure = px.line(x=[1, 2], y=[3, 4])\nfigure")
    layout = output["data"]["application/vnd.plotly.v1+json"]["layout"]
    assert layout["template"]["layout"]["paper_bgcolor"] == "rgba(0, 0, 0, 0)"
    assert shown(run("figure.layout.template.layout.paper_bgcolor")) == "'white'"


def test_candles_have_no_line_colour_and_are_shown_all_the_same(run: Run) -> None:
    sticks = "x=[1, 2], open=[1, 2], high=[3, 3], low=[0, 1], close=[2, 1.5]"
    (output,) = run(f"import plotly.graph_objects as go\ngo.Figure(go.Candlestick({sticks}))")
    assert output["data"]["application/vnd.plotly.v1+json"]["data"][0]["type"] == "candlestick"


def test_a_template_that_somebody_chose_is_kept(run: Run) -> None:
    (output,) = run("import plotly.express as px\npx.line(x=[1, 2], y=[3, 4], template='plotly_dark')")
    layout = output["data"]["application/vnd.plotly.v1+json"]["layout"]
    assert layout["template"]["layout"]["paper_bgcolor"] == "rgb(17,17,17)"


def test_of_a_sweep_that_is_done_a_line_is_left_beside_its_card(run: Run) -> None:
    """As the notebook is saved: the card that was drawn anew while it ran told the same as the result's."""
    common = "grid={'fast': [5, 10], 'slow': [20, 50]}, workers=1"
    run("ap.ingest('sample')")
    outputs = [each for each in run(f"ap.sweep('SmaCross', 'GOOG', {common})") if "data" in each]
    assert [each["output_type"] for each in outputs] == ["display_data", "execute_result"]
    line, card = outputs[0]["data"], outputs[1]["data"]
    assert re.fullmatch(r"SmaCross on GOOG 1d: 4 trials took [\d.]+ s\.", line["text/plain"])
    assert line["text/html"] == f"<div>{line['text/plain']}</div>"
    assert '<div class="ap-card">' in card["text/html"]
    (line, _) = (
        each
        for each in run(
            f"ap.walk_forward('SmaCross', 'GOOG', '1d', '2010-01-01', '2011-12-31', {common}, train=252, test=120)"
        )
        if "data" in each
    )
    assert line["data"]["text/plain"].startswith("SmaCross on GOOG 1d, walking forward: 10 trials took ")


def test_of_a_sweep_that_was_stopped_its_card_stays(run: Run) -> None:
    """After its first trial, as by the stop button: how far it came is said nowhere else."""
    stops = (
        "from alphapulse_lib.session import sweep_meter\n"
        "class Stopping(sweep_meter.SweepMeter):\n"
        "    def seen(self, trial):\n"
        "        super().seen(trial)\n"
        "        raise KeyboardInterrupt\n"
        "import alphapulse_lib.session.sweeps\n"
        "alphapulse_lib.session.sweeps.SweepMeter = Stopping\n"
    )
    made = "ap.sweep('SmaCross', 'GOOG', grid={'fast': [6, 7]}, workers=1)"
    outputs = run(
        f"{stops}try:\n    {made}\nfinally:\n    alphapulse_lib.session.sweeps.SweepMeter = sweep_meter.SweepMeter"
    )
    (card,) = (each for each in outputs if each["output_type"] == "display_data")
    assert "1 of 2 trials" in card["data"]["text/html"]


def test_of_a_sweep_that_failed_whole_a_line_counts_it_beside_the_error(run: Run) -> None:
    strategy = (
        "from nautilus_trader.trading import Strategy\n"
        "from alphapulse_lib.engine.strategies.sma_cross import SmaCrossConfig\n"
        "class Fails(Strategy):\n"
        "    def __init__(self, config: SmaCrossConfig) -> None:\n"
        "        raise ValueError('no')\n"
    )
    made = "ap.sweep(Fails, 'GOOG', '1d', '2010-01-01', '2010-12-31', grid={'fast': [5, 6]}, workers=1)"
    line, error = run(strategy, made)
    assert re.fullmatch(r"Fails on GOOG 1d: 2 trials took [\d.]+ s, 2 failed\.", line["data"]["text/plain"])
    assert "All 2 trials failed, the first: ValueError: no." in str(error)
