"""The process a run lives in: load, refuse or run, leave the results in the folder it was given.

Started by `alphapulse_lib.engine.process`; dies with it.
"""

from __future__ import annotations

import ctypes
import linecache
import os
import pickle
import random
import signal
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from nautilus_trader.common import logging_sync_to_disk

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, reader
from alphapulse_lib.catalog.decimals import to_floats
from alphapulse_lib.catalog.fingerprints import of_bars
from alphapulse_lib.engine import preflight
from alphapulse_lib.engine.captured import replace_captured
from alphapulse_lib.engine.configure import Blueprint, build
from alphapulse_lib.engine.corruption import Lens
from alphapulse_lib.engine.distributions import Distribution, delisting, distributions
from alphapulse_lib.engine.feed import Feed, Integers, forward
from alphapulse_lib.engine.harvest import DELISTED, decisions, harvest, marks
from alphapulse_lib.engine.nautilus import Loaded, build_engine
from alphapulse_lib.engine.preflight import Calendar
from alphapulse_lib.engine.request import NATIVE, Request, read_tables, write_outcome, write_tables
from alphapulse_lib.engine.volume_prices import VolumePrices, volume_prices
from alphapulse_lib.engine.watch import Beat, Swallowed, serving
from alphapulse_lib.errors import AlphaPulseError, StrategyUnusable
from alphapulse_lib.ingestion.records import adjusted_series
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window, moment_ns
from alphapulse_lib.query import facts

__all__ = ["Data", "answer", "die_with", "leave", "load", "main", "mute", "or_refusal"]

_PR_SET_PDEATHSIG = 1
#: Decimals of prices in units of the first day: enough for what a 3:2 or a 1:50 split makes of a traded price.
_SPLIT_PRECISION = 8


@dataclass(frozen=True, eq=False)
class Data:
    """What a run reads, which many runs may share.

    Attributes
    ----------
    events : list of CustomData
        News and scores.
    warnings : list of str
        What preflight let pass.
    facts : list of dict
        What was read besides the bars, as the record keeps it: corporate actions, news and their scores.
    series : list of dict
        What was read, as the record keeps it; empty where it is not known yet.
    weighted : dict
        Of each instrument's id, the volume-weighted prices of its bars, where orders fill at them.
    """

    feeds: list[Feed]
    events: list[Any]
    warnings: list[str]
    facts: list[dict[str, Any]]
    series: list[dict[str, Any]] = field(default_factory=list)
    weighted: dict[str, VolumePrices] = field(default_factory=dict)

    def described(self) -> list[dict[str, Any]]:
        """What was read, series by series."""
        finer = [asdict(each.source) for each in self.weighted.values()]
        return self.series or [_series(each) for each in self.feeds] + finer


def main(folder: Path, parent: int, told: int) -> None:
    """Wait for the request in ``folder``, answer it, and end the process.

    Parameters
    ----------
    folder : Path
        Holds the request; takes the tables and, last, the outcome.
    parent : int
        The process that asked. When it dies, so does this one.
    told : int
        A file descriptor for progress: one time in nanoseconds a line.
    """
    die_with(parent)
    _await_request()
    mute(folder)
    request = Request.read(folder)
    leave(folder, lambda: answer(request, load(request, _scores(request, folder)), folder, told))


def leave(folder: Path, outcome: Callable[[], dict[str, Any]]) -> NoReturn:
    """Write how it went, or why it was refused, and end the process."""
    write_outcome(folder, or_refusal(outcome))
    sys.stdout.flush()
    sys.stderr.flush()
    # Two million objects need not be taken apart one by one.
    os._exit(0)


def or_refusal(outcome: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """An outcome; where preflight refused, that."""
    try:
        return outcome()
    except AlphaPulseError as refused:
        return {
            "status": "refused",
            "kind": type(refused).__name__,
            "message": refused.message,
            "hint": refused.hint,
        }


def load(request: Request, scores: pa.Table | None) -> Data:
    """What a run reads, looked at by preflight.

    Parameters
    ----------
    scores : pyarrow.Table, optional
        Those of the spec's scorer, for a run with news.

    Raises
    ------
    PreflightError
        There are no bars, or not such as a run may be believed on.
    """
    if request.moment:
        clock.stop(request.moment)
    warnings: list[str] = []
    feeds = [_feed(request, each, warnings) for each in request.instruments]
    acts, (heard, events) = facts.actions_of(request.roots, request.spec), _events(request, feeds, scores)
    return Data(feeds, events, warnings, [*acts, *heard], weighted=_weighted(request, feeds))


def _scores(request: Request, folder: Path) -> pa.Table | None:
    """The scores that were handed over. A probe looks at these, and at the catalog, through its lens from here on."""
    scores = read_tables(folder).get("scores")
    if request.future is None:
        return scores
    lens = Lens(request.future, request.roots, folder)
    lens.install()
    return lens.scores(scores)


def _weighted(request: Request, feeds: list[Feed]) -> dict[str, VolumePrices]:
    spec = request.spec
    if spec.fill != "vwap":
        return {}
    return {
        feed.instrument.id: volume_prices(
            request.roots, feed, feed.opens(_opens(request, feed)), spec.as_of, spec.recorded_as_of
        )
        for feed in feeds
    }


def _opens(request: Request, feed: Feed) -> Integers:
    """The opens of the sessions of a feed's venue, where its bars are made of sessions."""
    return _calendar(request, feed.instrument).opens if feed.period.is_session else np.empty(0, np.int64)


def _await_request() -> None:
    """Wait until the request is written; where none is coming any more, end."""
    if not sys.stdin.readline():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())  # a strategy that asks for input gets none
    os.close(nothing)


def mute(folder: Path) -> None:
    """Keep what native code says, such as NautilusTrader of an exception it swallows, for the log; Python is heard."""
    heard = os.dup(2)
    sys.stderr = os.fdopen(heard, "w", buffering=1, errors="backslashreplace")
    native = os.open(folder / NATIVE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(native, 2)
    os.close(native)


def answer(request: Request, data: Data, folder: Path, told: int) -> dict[str, Any]:
    """Run the request in this process: its tables go to the folder, the outcome to the caller."""
    spec = request.spec
    random.seed(spec.seed)
    np.random.seed(spec.seed % 2**32)  # strategies may use the global generator
    for name, lines in request.sources.items():
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    feeds, warnings = data.feeds, list(data.warnings)
    watch = Swallowed()
    # Hashing leaves the interpreter to the strategy, so it costs no time of its own.
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(data.described)
        loaded, failed = _run(request, data, folder, told, watch)
    series = coming.result()
    if isinstance(watch.error, AlphaPulseError):
        raise watch.error
    if request.future and loaded:
        write_tables(folder, {"decisions": decisions(loaded)})
    names = dict(zip(spec.instruments, request.symbols, strict=True))
    log = _log(folder, [each.told for each in data.weighted.values()] + warnings)
    if watch.error or failed:
        write_tables(folder, {"marks": marks(tuple(feeds), names)} if loaded else {})
        return {
            "status": "failed",
            "error": _told(watch.error) if watch.error else failed,
            "traceback": watch.traceback,
            "series": series,
            "facts": data.facts,
            "log": log,
            "warnings": warnings,
        }
    tables = harvest(loaded, spec, names)
    warnings += _cut_short(loaded) + _closed(tables["fills"])
    warnings += _refusals(tables["orders"])
    write_tables(folder, tables)
    return {"status": "finished", "series": series, "facts": data.facts, "log": log, "warnings": warnings}


def _run(request: Request, data: Data, folder: Path, told: int, watch: Swallowed) -> tuple[Loaded, str]:
    """The engine after its run, and why it stopped early where NautilusTrader itself stopped it."""
    spec, feeds = request.spec, data.feeds
    plan = _unpickled(request.strategy)
    if request.future:
        replace_captured(plan.strategy, request.future)
    strategy_class = serving(plan.strategy, [feed.bar_type for feed in feeds], spec.news)
    config = build(plan, spec.parameters, spec.instruments, [feed.bar_type for feed in feeds])
    strategy = _made(strategy_class, config, watch)
    if strategy is None:
        return None, _told(watch.error)  # type: ignore[return-value]
    loaded = build_engine(
        spec,
        feeds,
        lambda feed: _opens(request, feed),
        data.events,
        folder,
        str(strategy.strategy_id),
        lambda: strategy.clock.timestamp_ns(),  # it has a clock once it is the engine's
        {name: each.prices for name, each in data.weighted.items()},
    )
    loaded.engine.add_strategy(strategy)
    failed = ""
    with watch, Beat(strategy.clock.timestamp_ns, told):
        try:
            for batch in loaded.batches():
                loaded.engine.run(start=batch.start, streaming=not batch.is_last)
                if watch.error or loaded.engine.run_finished:
                    break
        except RuntimeError as stopped:
            failed = str(stopped)
    return loaded, failed


def _made(strategy_class: type, config: Any, watch: Swallowed) -> Any:
    """The strategy; ``None`` when its ``__init__`` raised, which `watch` keeps."""
    with watch:
        try:
            strategy = strategy_class(config) if config is not None else strategy_class()
        except Exception as raised:  # noqa: BLE001  whatever a strategy raises is its owner's to see
            watch.keep(raised)
            return None
    arrived = getattr(strategy, "config", None)
    if config is not None and arrived is not None and arrived is not config and arrived != config:
        raise StrategyUnusable(
            f"{strategy_class.__name__} got another config than it was given.", "Call super().__init__(config)."
        )
    return strategy


def _feed(request: Request, instrument: Instrument, warnings: list[str]) -> Feed:
    spec = request.spec
    period, window = Period.parse(spec.period), Window(spec.start, spec.end)
    table = reader.bar_table(request.roots, instrument.id, period, window, spec.as_of, spec.recorded_as_of)
    preflight.has_bars(table, request.roots, instrument, period, spec)
    table = table.combine_chunks()
    ts = table["ts_event"].cast("int64").to_numpy()

    def calendar() -> Calendar:
        return _calendar(request, instrument)

    preflight.stamped_at_closes(ts, calendar, instrument, period)
    missing = preflight.has_no_gaps(ts, calendar, instrument, period, request.gaps)
    warnings += [missing] if missing else []
    splits: list[tuple[int, float]] = []
    paid: tuple[Distribution, ...] = ()
    gone: Distribution | None = None
    if spec.adjust == "splits":
        acted = _acted(request, instrument)
        splits = _splits(acted, instrument, window)
        mark = adjusted_series(request.roots).get(period.bar_type(instrument.id), "")
        if not request.future:  # of a future that is made up nobody claims that its prices are as traded
            preflight.is_as_traded(table, splits, instrument, mark)
        if spec.dividends:
            paid = distributions(acted, request.roots, instrument, ts, spec, warnings)
            last = to_floats(table["close"].slice(len(ts) - 1), instrument.price_precision)[0]
            gone = delisting(acted, request.roots, instrument, (int(ts[-1]), float(last)), spec, warnings)
    ratio = forward(ts, splits)
    precision = instrument.price_precision
    if spec.adjust == "splits":  # whether or not a split comes: what is known only later changes nothing before
        precision = max(precision, _SPLIT_PRECISION)
    root = request.roots.series(period.bar_type(instrument.id))
    return Feed(instrument, period, table, ratio, precision, root[0] if root else "", paid, gone)


def _acted(request: Request, instrument: Instrument) -> list[dict[str, Any]]:
    """An instrument's corporate actions; ``available_at`` in nanoseconds since 1970."""
    table = actions.read(request.roots, instrument.id, request.spec.as_of, request.spec.recorded_as_of)
    known = table["available_at"].cast(pa.int64())
    told = table.select(["kind", "ex_date", "ratio", "amount", "new_symbol"]).append_column("available_at", known)
    rows: list[dict[str, Any]] = told.to_pylist()
    return rows


def _splits(acted: list[dict[str, Any]], instrument: Instrument, window: Window) -> list[tuple[int, float]]:
    zone = instrument.venue.timezone
    dated = [(moment_ns(row["ex_date"], zone), float(row["ratio"])) for row in acted if row["kind"] == "split"]
    return [each for each in dated if window.start <= each[0] <= window.end]


def _events(request: Request, feeds: list[Feed], scores: pa.Table | None) -> tuple[list[dict[str, Any]], list[Any]]:
    """News and scores that became available while there were bars: what was read, and as events."""
    spec = request.spec
    if not spec.news:
        return [], []
    from alphapulse_lib.engine.announce import events_of

    window = Window(min(int(feed.ts[0]) for feed in feeds), max(feed.last for feed in feeds))
    heard = facts.heard(request.roots, spec, window, scores)
    return [facts.news_of(heard)], events_of(heard)


def _calendar(request: Request, instrument: Instrument) -> Calendar:
    code = instrument.venue.code
    if code not in request.calendars:
        from alphapulse_lib.catalog.sessions import sessions

        known = sessions(code)
        request.calendars[code] = Calendar(known.opens, known.closes)
    return request.calendars[code]


def _series(feed: Feed) -> dict[str, Any]:
    return {
        "name": feed.bar_type,
        "root": feed.root,
        "rows": feed.table.num_rows,
        "first": int(feed.ts[0]),
        "last": int(feed.ts[-1]),
        "fingerprint": of_bars(feed.table),
    }


def _unpickled(data: bytes) -> Blueprint:
    try:
        plan: Blueprint = pickle.loads(data)  # noqa: S301  the parent wrote it
    except (ImportError, AttributeError) as missing:
        raise StrategyUnusable(
            f"The strategy cannot be loaded in its own process: {missing}.",
            "Put what it imports beside it, or install it.",
        ) from None
    except Exception as refused:  # noqa: BLE001  kept by another version of a library, whatever that raises
        raise StrategyUnusable(
            f"The strategy cannot be loaded in its own process: {type(refused).__name__}: {refused}.",
            "Run it from its source: ap.rerun(run, strategy=Class).",
        ) from None
    return plan


def _cut_short(loaded: Loaded) -> list[str]:
    if loaded.reached >= loaded.last:
        return []
    at = np.datetime64(loaded.reached, "ns").astype("datetime64[s]")
    return [
        f"The strategy shut the run down at {at} UTC, before its data ended. What it held then is marked to the end."
    ]


def _closed(fills: Any) -> list[str]:
    rows = fills.filter(pc.equal(fills["order_id"], DELISTED))
    return [
        f"{symbol} was delisted: what was held of it was closed at {price:g}. The strategy's own portfolio holds it "
        "on, at its last price: NautilusTrader closes nothing without an order."
        for symbol, price in zip(rows["symbol"].to_pylist(), rows["price"].to_pylist(), strict=True)
    ]


def _refusals(orders: Any) -> list[str]:
    status = orders["status"].to_pylist()
    reasons = orders["reason"].to_pylist()
    refused = [reason for each, reason in zip(status, reasons, strict=True) if each in ("denied", "rejected")]
    if not refused:
        return []
    return [
        f"{len(refused)} of {len(status)} orders were refused, the first: {refused[0]}. run.orders has all of them."
    ]


def _log(folder: Path, warnings: list[str]) -> str:
    logging_sync_to_disk()  # the log is written by a thread of its own
    lines = [f"preflight: {each}" for each in warnings]
    for path in sorted(folder.glob("nautilus*.log")):
        lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines)


def _told(error: BaseException | None) -> str:
    return "".join(traceback.format_exception_only(error)).strip() if error else ""


def die_with(parent: int) -> None:
    """Be killed when the process that started this one dies; leave interrupts to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
