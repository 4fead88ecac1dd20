"""What one spec returned under each fill convention, and when that range is wide.

A convention is nobody's finding: bars do not tell what an order would have paid, so the same decisions have as many
results as there are conventions. The range is WIDE where a reader would decide otherwise by another of them: where one
earns and another loses, where one beats buying and holding and another does not, or where a quarter of the better (or
worse) result hangs on it. A range of less than a tenth of a per cent of the cash is not, whatever it crosses: no two
accounts pay alike to that. An account that was lost and came back counts as one that lost all: no broker lets it trade
on, so nobody would have had what it came to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from alphapulse_lib.model.lost import came_back
from alphapulse_lib.model.run import FILLS, Fill, RunRecord, RunSpec

__all__ = ["CONVENTION", "Conventions", "conventions_of", "spec_filled"]

#: What the record of a probe says it was made for (``environment["probe"]``), where that was another convention.
CONVENTION = "another fill convention"

#: Shares of the cash, and of the larger result.
_TOLD_APART = 0.001
_QUARTER = 0.25


@dataclass(frozen=True, slots=True)
class Conventions:
    """Finished runs of one spec on the same rows, one a fill convention.

    Attributes
    ----------
    records : dict of str to RunRecord
        In the order of `FILLS`. One alone tells of no range.
    """

    records: dict[Fill, RunRecord]

    @property
    def returns(self) -> dict[Fill, float]:
        """The total return under each; -1 where the account was lost and came back."""
        return {fill: _total_return(each) for fill, each in self.records.items()}

    @property
    def worst(self) -> RunRecord:
        """The run of the lowest total return."""
        return min(self.records.values(), key=_total_return)

    @property
    def best(self) -> RunRecord:
        """The run of the highest total return."""
        return max(self.records.values(), key=_total_return)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest total return, as shares of the cash."""
        returns = self.returns.values()
        return min(returns), max(returns)

    @property
    def why_wide(self) -> str:
        """What another convention would make a reader decide otherwise; empty where the range is not wide."""
        low, high = self.range
        if high - low < _TOLD_APART:
            return ""
        if low < 0 < high:
            return f"one earns where another loses{' its account' if low <= -1 else ''}"
        held = self.best.statistics.get("benchmark_return")
        if held is not None and low <= held < high:
            against = self.best.spec.benchmark.rpartition(".")[0] or "buying and holding"
            return f"one beats {against} where another does not"
        if high - low > _QUARTER * max(abs(low), abs(high)):
            return "more than a quarter of the result hangs on it"
        return ""


def _total_return(record: RunRecord) -> float:
    total, deepest = (record.statistics.get(name) for name in ("total_return", "max_drawdown"))
    return -1.0 if came_back(total, deepest) else float(record.statistics["total_return"])


def spec_filled(spec: RunSpec, fill: Fill) -> RunSpec:
    """The same spec under a fill convention."""
    return replace(spec, fill=fill)


def conventions_of(record: RunRecord, of_spec: Callable[[str], Iterable[RunRecord]]) -> Conventions:
    """What the ledger holds of a finished run's spec under each convention, the run itself included.

    Parameters
    ----------
    of_spec : callable
        All runs of a spec's id, the newest first. Counted are those, of whatever purpose, that read the same rows as
        the run did; probes that were shown another future did not.
    """
    records: dict[Fill, RunRecord] = {}
    for fill in FILLS:
        if fill == record.spec.fill:
            records[fill] = record
            continue
        found = of_spec(spec_filled(record.spec, fill).id)
        alike = next((each for each in found if _comparable(record, each)), None)
        if alike is not None:
            records[fill] = alike
    return Conventions(records)


def _comparable(record: RunRecord, other: RunRecord) -> bool:
    if other.status != "finished" or other.environment.get("probe", CONVENTION) != CONVENTION:
        return False
    mine, theirs = ({each.name: each.fingerprint for each in (*one.series, *one.facts)} for one in (record, other))
    # A convention may read more than another: the volume-weighted one what is finer than the bars.
    return all(mine[name] == theirs[name] for name in mine.keys() & theirs.keys())
