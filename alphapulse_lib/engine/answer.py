"""One run, from its request to its outcome, in the process that it was given: the strategy made, run, and told of."""

from __future__ import annotations

import linecache
import pickle
import random
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from alphapulse_lib.engine.captured import replace_captured
from alphapulse_lib.engine.configure import Blueprint, build, defaults
from alphapulse_lib.engine.data import Data, calendar_of, opens
from alphapulse_lib.engine.ended import ended
from alphapulse_lib.engine.entries import unguarded
from alphapulse_lib.engine.fills import none_left_out
from alphapulse_lib.engine.harvest import DELISTED, decisions, harvest, marks, strangers
from alphapulse_lib.engine.late import uncounted
from alphapulse_lib.engine.native_log import NativeLog
from alphapulse_lib.engine.nautilus import Loaded, build_engine
from alphapulse_lib.engine.nautilus_one import advice, unheard
from alphapulse_lib.engine.own_log import logging_to, together
from alphapulse_lib.engine.printed import shortened
from alphapulse_lib.engine.request import Request
from alphapulse_lib.engine.source import ELSEWHERE
from alphapulse_lib.engine.spoken import stale_worth
from alphapulse_lib.engine.warm_ups import declared, require
from alphapulse_lib.engine.watch import Beat, Swallowed, serving
from alphapulse_lib.errors import AlphaPulseError, StrategyUnusable
from alphapulse_lib.model.period import Period

__all__ = ["answer", "unpickled"]

#: Characters that a record keeps of an exception and of its traceback, and a log of a longer one.
_MESSAGE, _TRACEBACK, _WHOLE = 2_000, 20_000, 10_000_000


def answer(request: Request, data: Data, folder: Path, told: int) -> dict[str, Any]:
    """Run the request in this process; the outcome has its ``tables``."""
    spec = request.spec
    random.seed(spec.seed)
    np.random.seed(spec.seed % 2**32)  # strategies may use the global generator
    for name, lines in request.sources.items():
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    feeds, warnings = data.feeds, list(data.warnings)
    watch, untold = Swallowed(), dict[str, Any]()
    # Hashing leaves the interpreter to the strategy, so it costs no time of its own. A trial finds it done.
    with ThreadPoolExecutor(1) as beside:
        coming = None if data.series else beside.submit(data.described)
        loaded, failed = _run(request, data, folder, told, watch, warnings, untold)
    series = coming.result() if coming else data.series
    if isinstance(watch.error, AlphaPulseError):
        raise watch.error
    tables = {"decisions": decisions(loaded)} if request.future and loaded else {}
    names = dict(zip(spec.instruments, request.symbols, strict=True))
    said = NativeLog.of(folder)
    log = "\n".join([*(f"preflight: {each}" for each in data.told()), *together(said.lines, folder)])
    if watch.error or failed or said.raised:
        return {
            "status": "failed",
            "tables": tables | ({"marks": marks(tuple(feeds), names)} if loaded else {}),
            **_raised(_told(watch.error) or failed or said.raised, watch.traceback or said.where, log),
            "series": series,
            "facts": data.facts,
            "warnings": warnings,
            "defaults": untold,
        }
    none_left_out(log)
    tables |= harvest(loaded, spec, names, lambda feed: calendar_of(request, feed.instrument.venue.code).closes)
    warnings += _cut_short(loaded) + (_closed(tables["fills"]) if loaded.book.ended else [])
    warnings += [*ended(loaded, tables, names), *_refusals(tables["orders"]), *_too_late(tables), *_unknown(loaded)]
    warnings += [*unguarded(loaded, tables["fills"]), *said.warnings]
    if spec.benchmark:
        tables["benchmark"] = data.benchmark
    return {
        "status": "finished",
        "tables": tables,
        "series": series,
        "facts": data.facts,
        "log": log,
        "warnings": warnings,
        "defaults": untold,
    }


def _run(
    request: Request,
    data: Data,
    folder: Path,
    told: int,
    watch: Swallowed,
    warnings: list[str],
    untold: dict[str, Any],
) -> tuple[Loaded, str]:
    """The engine after its run, and why it stopped early where NautilusTrader itself stopped it.

    What there is to be warned of is added to ``warnings``, what parameters hold that were not given to ``untold``.
    """
    spec, feeds = request.spec, data.feeds
    plan = unpickled(request.strategy)
    modules = set(sys.modules)
    if request.future:
        replace_captured(plan.strategy, request.future)
    heard = {name: {each.kind for each in series} for name, series in data.ticks.items()}
    # Of an instrument whose bars last for less than a longer period none of that is told: it may be asked for.
    counted = {Period.parse(period).bar_type(each): 0 for period in spec.also for each in spec.instruments}
    counted |= {feed.bar_type: len(feed.moments) for feed in (*feeds, *data.also)}
    warnings += [*unheard(plan.strategy), *stale_worth(plan.strategy, spec.fill)]
    strategy_class = serving(plan.strategy, counted, spec.news, heard, warnings)
    config = build(plan, spec.parameters, spec.instruments, [feed.bar_type for feed in feeds])
    untold |= defaults(plan, config, spec.parameters)
    for each in declared(plan.strategy, config):
        require(each, counted)
    strategy_class.log = logging_to(folder)  # type: ignore[attr-defined]  # every Strategy has it
    strategy = _made(strategy_class, config, watch)
    if strategy is None:
        return None, _told(watch.error)  # type: ignore[return-value]
    loaded = build_engine(
        spec,
        feeds,
        lambda feed: opens(request, feed),
        data.events,
        folder,
        str(strategy.strategy_id),
        lambda: strategy.clock.timestamp_ns(),  # it has a clock once it is the engine's
        {name: each.prices for name, each in data.weighted.items()},
        data.ticks,
        data.also,
    )
    _add(loaded, strategy)
    watch.stop = strategy.shutdown_system
    failed = ""
    with watch, Beat(strategy.clock.timestamp_ns, told):
        try:
            for batch in loaded.batches():
                loaded.engine.run(start=batch.start, streaming=not batch.is_last)
                if watch.error or loaded.engine.run_finished:
                    break
        except RuntimeError as stopped:
            failed = str(stopped)
    warnings += uncounted(modules, ELSEWHERE)
    return loaded, failed


def _made(strategy_class: type, config: Any, watch: Swallowed) -> Any:
    """The strategy; ``None`` when its ``__init__`` raised, which `watch` keeps."""
    with watch:
        try:
            strategy = strategy_class(config) if config is not None else strategy_class()
        except BaseException as raised:  # noqa: BLE001  whatever a strategy raises is its owner's to see
            name = strategy_class.__name__
            if isinstance(raised, ValueError) and not name.isascii() and f"'{name}-" in str(raised):
                raise StrategyUnusable(
                    f"NautilusTrader calls a strategy by its class, and takes no other letters than ASCII's: {name}.",
                    "Rename the class; its trials stay those of its family. What it displays may be called anything.",
                ) from None
            watch.keep(raised)
            return None
    arrived = getattr(strategy, "config", None)
    if config is not None and arrived is not None and arrived is not config and arrived != config:
        raise StrategyUnusable(
            f"{strategy_class.__name__} got another config than it was given.", "Call super().__init__(config)."
        )
    return strategy


def _add(loaded: Loaded, strategy: Any) -> None:
    """Give the engine its strategy, which it may refuse."""
    try:
        loaded.engine.add_strategy(strategy)
    except (RuntimeError, ValueError, TypeError) as refused:
        raise StrategyUnusable(
            f"NautilusTrader does not take the strategy: {refused}.",
            "Look at its StrategyConfig and at what its __init__ sets.",
        ) from None


def unpickled(data: bytes) -> Blueprint:
    """A strategy as it was packed.

    Raises
    ------
    StrategyUnusable
        It cannot be loaded here.
    """
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


def _too_late(tables: dict[str, Any]) -> list[str]:
    """Of a run without any fill, what was sent on its last bar: a run may be of one day, or of one bar too few."""
    late = pc.sum(pc.equal(tables["orders"]["status"], "unfilled")).as_py()
    if tables["fills"].num_rows or not late:
        return []
    many = "An order was" if late == 1 else f"{late} orders were"
    return [
        f"Nothing filled. {many} sent on the last bar, after which there is none to fill on: let the run end later."
    ]


def _unknown(loaded: Loaded) -> list[str]:
    orders = strangers(loaded)
    if not orders:
        return []
    names = ", ".join(sorted({str(each.instrument_id) for each in orders}))
    many = "An order was" if len(orders) == 1 else f"{len(orders)} orders were"
    return [
        f"{many} sent for {names}, not among the run's instruments, and refused: run.orders has nothing of that. "
        "Name it in symbols."
    ]


def _raised(error: str, where: str, log: str) -> dict[str, str]:
    """An exception as the record keeps it: of a long one the two ends, and all of it in the log."""
    more = ": run.log has them"
    kept = {"error": shortened(error, _MESSAGE, more), "traceback": shortened(where, _TRACEBACK, more)}
    if kept != {"error": error, "traceback": where}:
        whole = where if error in where else f"{where}{error}"
        log = "\n".join((log, "What was raised, all of it:", shortened(whole, _WHOLE)))
    return kept | {"log": log}


def _told(error: BaseException | None) -> str:
    if error is None:
        return ""
    said = "".join(traceback.format_exception_only(error)).strip()
    told = advice(error, "").rstrip(".")
    return f"{said.partition('. Did you mean: ')[0]}. {told}" if told else said  # Python guesses by the letters
