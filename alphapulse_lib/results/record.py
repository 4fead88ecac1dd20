"""From a raw result to a record in the ledger: measured, compared with its family, its files written first."""

from __future__ import annotations

import json
import platform
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.model.currency import decimals_of
from alphapulse_lib.model.instrument import VENUES, priced_in
from alphapulse_lib.model.run import Purpose, RunRecord, RunSpec
from alphapulse_lib.results.artefacts import write_artefacts
from alphapulse_lib.results.breakdown import closed_in
from alphapulse_lib.results.equity import account
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.performance import run_statistics
from alphapulse_lib.results.trades import round_trips
from alphapulse_lib.settings import settings

if TYPE_CHECKING:
    from alphapulse_lib.engine.request import RawResult

__all__ = ["Measured", "code_json", "environment", "firing", "keep", "measure", "new_run_id", "record_of"]

#: The libraries that decide results.
_LIBRARIES = ("alphapulse", "nautilus_trader", "numpy", "pyarrow", "duckdb", "pandas")


def keep(
    spec: RunSpec,
    raw: RawResult,
    ledger: Ledger,
    *,
    user: str,
    started_at: int,
    ended_at: int,
    purpose: Purpose = "trial",
    run_id: str = "",
    of: str = "",
    code: Mapping[str, str] | None = None,
) -> RunRecord:
    """Measure a raw result, write its files and its record.

    Parameters
    ----------
    spec : RunSpec
        What was run.
    raw : RawResult
        What came out. Only a finished run is measured: half an equity curve would be taken for a result.
    ledger : Ledger
        Takes the record.
    user : str
        Who ran it.
    started_at, ended_at : int
        Nanoseconds since 1970, UTC.
    purpose : {"trial", "rerun", "probe"}
        Only trials count against over-fitting.
    run_id : str
        An id of `new_run_id` that was given out before the run began; made here when empty.
    of : str
        Of a rerun or a probe, the id of the run that it repeats or looks into.
    code : mapping of str to str, optional
        What the strategy is made of besides its class's own source, by name: to be read, and compared.

    Raises
    ------
    LedgerError
        The files or the record cannot be written.
    """
    measured = measure(spec, raw)
    if code:
        measured.files["code.json"] = code_json(code)
    run_id = run_id or new_run_id()
    record = record_of(
        spec, raw, measured, run_id, user=user, started_at=started_at, ended_at=ended_at, purpose=purpose, of=of
    )
    if raw.status == "finished":
        record.statistics.update(ledger.family(spec).including(record).deflate(record.statistics, spec))
    write_artefacts({ledger.folder(run_id): measured.files})
    ledger.append(record)
    return record


@dataclass(frozen=True, eq=False)
class Measured:
    """What a run's numbers and files are.

    Attributes
    ----------
    statistics : dict
        Empty where the run did not finish.
    files : dict
        File name to content.
    """

    statistics: dict[str, Any]
    files: dict[str, pa.Table | str | bytes]


def measure(spec: RunSpec, raw: RawResult) -> Measured:
    """A raw result's statistics, but for those that depend on other trials, and its files."""
    files: dict[str, pa.Table | str | bytes] = {
        "fills.parquet": raw.fills,
        "orders.parquet": raw.orders,
        "positions.parquet": raw.positions,
        "log.txt": raw.log,
        "source.py": spec.strategy.text,
    }
    warnings = list(raw.warnings)
    statistics: dict[str, Any] = {}
    if raw.status == "finished":
        curve = account(raw.fills, raw.marks, spec.cash, raw.cash_flows)
        trades = round_trips(raw.fills, raw.marks)
        found = run_statistics(spec, curve, raw.fills, trades, raw.orders, raw.marks, raw.benchmark)
        statistics = {name: _as_kept(each) for name, each in found.items()}
        warnings += _borrowed(statistics, spec) + _lost(curve, spec, raw.environment)
        files |= {"equity.parquet": curve, "marks.parquet": raw.marks, "trades.parquet": trades}
        if raw.cash_flows.num_rows:
            files["cash_flows.parquet"] = raw.cash_flows
        if raw.benchmark.num_rows:
            files["benchmark.parquet"] = raw.benchmark
    if warnings:
        files["warnings.txt"] = "\n".join(warnings)
    return Measured(statistics, files)


def _as_kept(number: float) -> float:
    """A statistic as the ledger gives it back: JSON holds nothing that is not finite, and a rerun is to be the same."""
    return number if isfinite(number) else nan


def record_of(
    spec: RunSpec,
    raw: RawResult,
    measured: Measured,
    run_id: str,
    *,
    user: str,
    started_at: int,
    ended_at: int,
    purpose: Purpose = "trial",
    of: str = "",
) -> RunRecord:
    """The record of a run that was measured, as `keep` writes it.

    Where the clock was set back meanwhile, or a cluster's machine is behind, it ended as it started: no ledger takes a
    run that ended before that.
    """
    return RunRecord(
        id=run_id,
        spec_id=spec.id,
        spec=spec,
        status=raw.status,
        purpose=purpose,
        user=user,
        started_at=started_at,
        ended_at=max(started_at, ended_at),
        environment=environment() | raw.environment | firing(),
        series=raw.series,
        statistics=measured.statistics,
        artefacts={name.partition(".")[0]: name for name in measured.files},
        error=raw.error,
        traceback=raw.traceback,
        facts=raw.facts,
        of=of,
    )


def code_json(code: Mapping[str, str]) -> str:
    """What a strategy is made of, as a run's file keeps it."""
    return json.dumps(dict(code), indent=1, sort_keys=True)


def firing() -> dict[str, str]:
    """Which firing of a schedule the run belongs to, when it runs in one: the worker finds its runs by it."""
    found = settings().firing
    return {"firing": found} if found else {}


def _borrowed(statistics: dict[str, Any], spec: RunSpec) -> list[str]:
    """What to say of a run that traded with more than it had; a hundredth is let pass: prices move before a fill."""
    largest = statistics["max_gross_exposure"]
    if not largest > 1.01:
        return []
    free = "" if spec.costs.finance else " Borrowed money and shares cost it no interest."
    return [f"The run held up to {largest:.2f} times its equity.{free}"]


def _lost(curve: pa.Table, spec: RunSpec, told: Mapping[str, str]) -> list[str]:
    """What to say of a run that lost all it had, or more."""
    gone = pc.index(pc.less_equal(curve["equity"], 0.0), True).as_py()
    if gone < 0:
        return []
    when, left = curve["ts"][gone].as_py(), curve["equity"][gone].as_py()
    venue = VENUES.get(spec.instruments[0].rpartition(".")[2])
    day = closed_in([when], venue.timezone if venue else "UTC")[0]
    currency = told.get("currency") or (priced_in(spec.instruments[0]) if venue else "USD")
    amount = f"{left:,.{decimals_of(currency)}f} {currency}".replace("-", "\N{MINUS SIGN}")
    back = curve["equity"][-1].as_py() > 0
    after = " What came after it is nobody's: no broker lets a lost account trade on." if back else ""
    return [f"The account was lost on {day:%Y-%m-%d}: its equity fell to {amount}.{after}"]


def new_run_id() -> str:
    """Sixteen hexadecimal digits that no other run has."""
    return secrets.token_hex(8)


def environment() -> dict[str, str]:
    """Versions of Python, of AlphaPulse and of the libraries that decide results, and the platform.

    Examples
    --------
    >>> sorted(environment())[:3]
    ['alphapulse', 'duckdb', 'machine']
    """
    found = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    return found | {library: _version(library) for library in _LIBRARIES}


@cache
def _version(library: str) -> str:
    """What is installed; what this process has imported does not change while it lives."""
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
