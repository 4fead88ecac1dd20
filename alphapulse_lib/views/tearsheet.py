"""The tearsheet of a run: one HTML file, offline, light and dark, that prints on A4.

First what a reader decides by: six numbers, each with what qualifies it beside it, and equity and drawdown against buy
and hold. Then what explains it. Then what it takes to believe it: the spec in full, the rows that were read, the
source.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from alphapulse_lib.model.run import FILLS, RunSpec
from alphapulse_lib.results.parameters import left_at_default
from alphapulse_lib.results.when_known import read_as_of
from alphapulse_lib.views import (
    numbers,
    sheet_charts,
    sheet_conventions,
    sheet_groups,
    sheet_news,
    sheet_tables,
    silence,
    spent,
)
from alphapulse_lib.views.alike import folded
from alphapulse_lib.views.coded import coded

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.model.run import RunRecord
    from alphapulse_lib.results.run import Run

__all__ = ["body", "html"]

_LOG_LINES = 200
_PERIODS = {"1d": "daily", "1w": "weekly", "1m": "one-minute", "1h": "hourly"}


def html(run: Run, news: pd.DataFrame | None = None, changed: str = "") -> str:
    """The page as text.

    Parameters
    ----------
    run : Run
        Finished, failed or interrupted; of one that did not finish the page tells why.
    news : pandas.DataFrame, optional
        Of `alphapulse_lib.results.known_news.known_news`: what was known by its trades.
    changed : str
        That what it read is another by now, as `alphapulse_lib.views.changed` tells it.

    Raises
    ------
    LedgerError
        One of the run's files is gone or damaged.
    """
    environment, css, js = _templates()
    return environment.get_template("tearsheet.html").render(css=css, js=js, changed=changed, **_values(run, news))


def body(run: Run, news: pd.DataFrame | None = None, changed: str = "") -> str:
    """What a tearsheet says below the run's name, for a page that has its own frame, ``look.css`` and ``chart.js``.

    Raises
    ------
    LedgerError
        One of the run's files is gone or damaged.
    """
    environment, _, _ = _templates()
    return environment.get_template("sheet.html").render(changed=changed, **_values(run, news))


def _values(run: Run, news: pd.DataFrame | None) -> dict[str, Any]:
    values = _identity(run) | _specification(run)
    if run.status == "finished":
        return values | _result(run, news)
    return values | {"error": run.record.error, "traceback": run.record.traceback}


def _identity(run: Run) -> dict[str, Any]:
    """Who, what, when."""
    record, spec = run.record, run.spec
    zone = numbers.place(spec).timezone
    rejected = int(record.statistics.get("orders_rejected") or 0)
    warnings = [each for each in (silence.told(record), *run.warnings) if each and " orders were refused" not in each]
    return {
        "version": version("alphapulse"),
        "strategy": run.strategy,
        "strategy_name": spec.strategy.name,
        "symbols": numbers.symbols(run.symbols),
        "period": _PERIODS.get(spec.period, spec.period),
        "window": numbers.window_in_full(record),
        "run_id": record.id,
        "spec_id": record.spec_id,
        "status": record.status,
        "purpose": record.purpose,
        "user": record.user,
        "started": numbers.day(record.started_at, zone, "%Y-%m-%d %H:%M %Z"),
        "took": numbers.duration(record.ended_at - record.started_at),
        "optimistic": spec.fill == "close",
        "rejected": f"{numbers.counted(rejected, 'order')} rejected." if rejected else "",
        # The engine's own words for the same, where the run kept them, stand below the notice.
        "refused": next((each for each in run.warnings if " orders were refused" in each), ""),
        "warnings": folded(warnings, "all of them stand below"),
        "all_warnings": warnings if len(folded(warnings)) < len(warnings) else [],
        "closing": _closing(spec) if record.status == "finished" else "",
    }


def _closing(spec: RunSpec) -> str:
    """What the result leaves out."""
    absent = {
        "cash dividends": not spec.dividends,
        "borrowing fees": not spec.costs.borrow_percent,
        "market impact": not spec.costs.impact_bps,
    }
    missing = [name for name, is_absent in absent.items() if is_absent]
    told = f"Not in this result: {', '.join(missing)}. " if missing else ""
    return f"{told}What happened before need not happen again."


def _result(run: Run, news: pd.DataFrame | None) -> dict[str, Any]:
    """All that a finished run has besides."""
    shown = sheet_news.shown(news)
    drawn = sheet_charts.draw(run, shown)
    deflated, filled = run.deflated, run.conventions
    spread = sheet_conventions.spread(run, filled)
    return {
        "spread": spread,
        "numbers": sheet_tables.six(run, deflated, filled),
        "honesty": _honesty(run, deflated, spread["told"]),
        "charts": {
            name: Markup(chart) if isinstance(chart, str) else [(symbol, Markup(each)) for symbol, each in chart]  # noqa: S704  drawn by us
            for name, chart in drawn.charts.items()
        },
        "logarithmic": drawn.logarithmic,
        "span": numbers.span(run.spec.period),
        "rolling_length": drawn.rolling_length,
        "split_note": drawn.split_note,
        "fills_note": drawn.fills_note,
        "currency": numbers.currency(run.record),
        "against": numbers.against(run.spec),
        "against_in_full": numbers.against(run.spec, f"buy and hold {numbers.symbols(run.symbols)}"),
    } | (sheet_news.table(run, news, shown) | sheet_tables.tables(run) | sheet_groups.tables(run))


def _honesty(run: Run, deflated: dict[str, float], spread: tuple[str, str]) -> list[tuple[str, str, str]]:
    """What the six numbers rest on: name, value and what is said under the pointer."""
    trials = int(deflated["trials"])
    series = run.record.series
    data = [run.record.fingerprint[:12] or numbers.ratio(None)]
    data += [f"{len(series)} series"] if len(series) > 1 else []
    data.append(numbers.counted(sum(each.rows for each in series), "row"))
    read = "SHA-256 of the rows that were read"
    read += ": of each series' name and fingerprint, which stand below" if len(series) > 1 else ""
    return [
        ("Trials counted", str(trials), f"Distinct specs of {run.family.name} in the ledger, this one included"),
        ("Deflated Sharpe", numbers.probability(deflated["deflated_sharpe"]), sheet_tables.DEFLATED),
        ("Fills", numbers.fill(run.spec.fill), FILLS[run.spec.fill]),
        ("Convention spread", *spread),
        ("Data", " · ".join(data), read),
        ("Spec", run.record.spec_id[:12], run.record.spec_id),
    ]


def _specification(run: Run) -> dict[str, Any]:
    """The spec in full, the environment, the rows, the source, the log."""
    record = run.record
    zone = numbers.place(run.spec).timezone
    lines = run.log.splitlines()
    return {
        "spec_rows": sheet_tables.spec_rows(run.record),
        "environment_rows": _environment(record),
        "series": [
            (
                each.name,
                each.root,
                numbers.count(each.rows),
                numbers.day(each.first, zone, "%Y-%m-%d %H:%M"),
                numbers.day(each.last, zone, "%Y-%m-%d %H:%M"),
                each.fingerprint,
            )
            for each in (*record.series, *record.facts)
        ],
        "source": run.spec.strategy.text,
        "log": "\n".join(lines[-_LOG_LINES:]),
        "log_lines": min(len(lines), _LOG_LINES),
    }


def _environment(record: RunRecord) -> list[tuple[str, str]]:
    """What it ran in; the parameters that were left at their default as the given ones are written; what it took."""
    apart = ("took_", "estimated_")
    rows = {name: told for name, told in record.environment.items() if not name.startswith(apart)}
    if took := spent.told(record.environment):
        rows["took"] = took.removeprefix("Took ")
    if "read_as_of" in rows:
        zone = numbers.place(record.spec).timezone
        rows["read_as_of"] = numbers.day(read_as_of(record), zone, "%Y-%m-%d %H:%M:%S %Z")
    held = left_at_default(record)
    if held is not None:
        rows["defaults"] = ", ".join(f"{name} {value}" for name, value in sorted(held.items())) or "none"
    return sorted(rows.items())


@cache
def _templates() -> tuple[Environment, Markup, Markup]:
    """The template with everything escaped, and style and script as they are."""
    loader = PackageLoader("alphapulse_lib.views")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["coded"] = coded

    def source(*names: str) -> Markup:
        return Markup("\n".join(loader.get_source(environment, name)[0] for name in names))  # noqa: S704  our own

    return environment, source("look.css", "tearsheet.css"), source("chart.js", "tearsheet.js")
