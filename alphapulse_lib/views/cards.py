"""Compact cards for notebooks, of runs, imports and whatever else `ap` returns; the same as text for terminals.

`html` and `text` take the object itself, find its card by the name of its class and import nothing for it, so a kernel
can register them at no cost. Cards follow JupyterLab's theme, and the system's where there is no JupyterLab.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.run import FILLED, RunRecord
from alphapulse_lib.results.estimate import seconds
from alphapulse_lib.views import changed, kept, numbers, silence

__all__ = ["STYLE", "Card", "Fact", "card", "html", "text"]

STYLE = """
<style>
.ap-card { --ap-ink: #1c2128; --ap-quiet: #59636e; --ap-rule: #d1d9e0; --ap-up: #0b5cad; --ap-down: #a84300;
  display: inline-block; max-width: 100%; box-sizing: border-box; padding: 12px 16px; margin: 4px 0;
  border: 1px solid var(--ap-rule); border-radius: 4px; color: var(--ap-ink); font: 14px/1.4 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
.ap-card .ap-head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: flex-start;
  gap: 4px 32px; }
.ap-card .ap-title { font-weight: 600; font-size: 15px; }
.ap-card .ap-badge { font-weight: 500; font-size: 12px; margin-left: 8px; padding: 0 8px; border-radius: 10px;
  border: 1px solid var(--ap-rule); color: var(--ap-quiet); }
.ap-card .ap-badge.ap-warn { color: var(--ap-down); border-color: var(--ap-down); }
.ap-card .ap-quiet, .ap-card dt { color: var(--ap-quiet); font-size: 12.5px; }
.ap-card svg { color: var(--ap-up); display: block; }
.ap-card dl { display: flex; flex-wrap: wrap; gap: 8px 28px; width: auto; margin: 8px 0 0; }
.ap-card dl > div { max-width: 100%; }
.ap-card dt, .ap-card dd { display: block; float: none; clear: none; width: auto; margin: 0; padding: 0; }
.ap-card dt { font-weight: 400; }
.ap-card dd { font-size: 16px; font-weight: 600; white-space: nowrap; }
.ap-card dd.ap-beside { font-size: 12.5px; font-weight: 400; color: var(--ap-quiet); }
.ap-card .ap-up { color: var(--ap-up); }
.ap-card .ap-down { color: var(--ap-down); }
.ap-card ul.ap-notes { margin: 8px 0 0 !important; padding: 0 !important; list-style: none; font-size: 13px; }
.ap-card .ap-notes li { margin: 2px 0 0; }
.ap-card pre { margin: 8px 0 0; font-size: 12px; white-space: pre-wrap; color: inherit; background: none; }
[data-jp-theme-light="false"] .ap-card { --ap-ink: #e6edf3; --ap-quiet: #9da7b3; --ap-rule: #3d444d; --ap-up: #6cb6ff;
  --ap-down: #f0954d; }
@media (prefers-color-scheme: dark) { body:not([data-jp-theme-light]) .ap-card { --ap-ink: #e6edf3;
  --ap-quiet: #9da7b3; --ap-rule: #3d444d; --ap-up: #6cb6ff; --ap-down: #f0954d; } }
</style>
""".strip()


#: Lines of a list that a card shows.
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with its name; ``beside`` qualifies it, ``tone`` is ``"up"``, ``"down"`` or empty."""

    name: str
    value: str
    beside: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """What a card says, before it is HTML or text.

    Attributes
    ----------
    badges : tuple of (str, bool)
        Words beside the title; True for those that warn.
    notes : tuple of (str, bool)
        Lines below the facts; True for those that warn.
    drawing : str
        HTML that stands beside the title.
    """

    title: str
    subtitle: str = ""
    badges: tuple[tuple[str, bool], ...] = ()
    facts: tuple[Fact, ...] = ()
    notes: tuple[tuple[str, bool], ...] = ()
    excerpt: str = ""
    drawing: str = ""

    def html(self) -> str:
        """The card for a notebook."""
        badges = "".join(
            f'<span class="ap-badge{" ap-warn" if warns else ""}">{escape(word)}</span>' for word, warns in self.badges
        )
        facts = "".join(
            f'<div><dt>{escape(fact.name)}</dt><dd class="{f"ap-{fact.tone}" if fact.tone else ""}">'
            f'{escape(fact.value)}</dd><dd class="ap-beside">{escape(fact.beside)}</dd></div>'
            for fact in self.facts
        )
        notes = "".join(f'<li class="{"ap-down" if warns else ""}">{escape(note)}</li>' for note, warns in self.notes)
        return (
            f'{STYLE}<div class="ap-card"><div class="ap-head"><div><span class="ap-title">{escape(self.title)}</span>'
            f'{badges}<div class="ap-quiet">{escape(self.subtitle)}</div></div>{self.drawing}</div>'
            + (f"<dl>{facts}</dl>" if facts else "")
            + (f'<ul class="ap-notes">{notes}</ul>' if notes else "")
            + (f"<pre>{escape(self.excerpt)}</pre>" if self.excerpt else "")
            + "</div>"
        )

    def text(self) -> str:
        """The card for a terminal: names in one column, values in the next, what qualifies them in a third."""
        names = max((len(fact.name) for fact in self.facts), default=0)
        values = max((len(fact.value) for fact in self.facts), default=0)
        badges = "".join(f"  [{word}]" for word, _ in self.badges)
        lines = [f"{self.title}{badges}", f"  {self.subtitle}" if self.subtitle else ""]
        lines += [f"  {fact.name:<{names}}  {fact.value:>{values}}  {fact.beside}".rstrip() for fact in self.facts]
        lines += [f"  {'! ' if warns else ''}{note}" for note, warns in self.notes]
        lines += [f"  {line}" for line in self.excerpt.splitlines()]
        return "\n".join(line for line in lines if line)


def html(shown: Any) -> str:
    """The card of a run, an import's report or a coverage, as HTML.

    Raises
    ------
    InputError
        There is no card for such an object.
    """
    return card(shown).html()


def text(shown: Any) -> str:
    """The same as plain text, without a line's end.

    Raises
    ------
    InputError
        There is no card for such an object.
    """
    return card(shown).text()


def card(shown: Any) -> Card:
    """The card of an object, found by the name of its class or of one that it inherits from.

    Raises
    ------
    InputError
        There is none.
    """
    for known in type(shown).__mro__:
        make = _MAKERS.get((known.__module__, known.__name__))
        if make is not None:
            return make(shown)
    raise InputError(
        f"There is no card for a {type(shown).__name__}.",
        "Runs, import reports, coverages, comments, schedules and notifications have one.",
    )


def _run(run: Any) -> Card:
    spec, record = run.spec, run.record
    subtitle = f"{numbers.window_in_full(record)} · run {run.id[:8]}"
    badges = [(record.status, True)] if record.status != "finished" else []
    badges += [(record.purpose, False)] if record.purpose != "trial" else []
    badges += [("fills at the signal's close", True)] if spec.fill == "close" else []
    title = f"{run.strategy} · {numbers.symbols(run.symbols)} · {spec.period}"
    since = changed.told(record, getattr(run, "changes", ()))
    notes: tuple[tuple[str, bool], ...] = ((since, True),) if since else ()
    if record.status != "finished":
        return Card(title, subtitle, tuple(badges), notes=notes + _why(record), excerpt=_tail(record.traceback))
    quiet = silence.told(record)
    notes += _renamed(record)
    notes += (((quiet, True),) if quiet else ()) + _rejections(record.statistics)
    drawing, unread = kept.spark(run)
    notes += kept.warned(run) + unread + _spent(record.environment)
    return Card(title, subtitle, tuple(badges), _run_facts(run), notes, drawing=drawing)


def _renamed(record: RunRecord) -> tuple[tuple[str, bool], ...]:
    """What instruments are called that the run was asked for by what they were called before."""
    both = zip(record.symbols, record.tickers, strict=True)
    return tuple((f"{symbol} was called {ticker} when it ran.", False) for symbol, ticker in both if symbol != ticker)


def _run_facts(run: Any) -> tuple[Fact, ...]:
    stats, deflated = run.stats, run.deflated
    trials = int(deflated["trials"])
    return (
        Fact(
            "Total return",
            numbers.percent(stats["total_return"]),
            f"to {numbers.money(stats['end_equity'], numbers.place(run.spec).currency)}",
            numbers.tone(stats["total_return"]),
        ),
        Fact(
            numbers.against(run.spec),
            numbers.percent(stats["benchmark_return"]),
            "",
            numbers.tone(stats["benchmark_return"]),
        ),
        Fact(
            "Sharpe ratio",
            numbers.ratio(stats["sharpe"]),
            f"deflated {numbers.probability(deflated['deflated_sharpe'])}, {numbers.counted(trials, 'trial')}",
        ),
        Fact("Deepest drawdown", numbers.percent(stats["max_drawdown"]), "", numbers.tone(stats["max_drawdown"])),
        Fact(
            "Round trips",
            numbers.count(stats["trades"]),
            f"{numbers.percent(stats['hit_rate'], 0, signed=False)} won" if stats["trades"] else "",
        ),
        Fact("Commission", numbers.money(stats["commission"]), f"slippage {run.spec.costs.slippage_bps:g} bp"),
    )


def _convention_spread(found: Any) -> Card:
    run, low_high = found.run, " to ".join(map(numbers.percent, found.range))
    facts = [
        Fact(
            FILLED[fill].capitalize(),
            numbers.percent(each.stats["total_return"]),
            f"Sharpe ratio {numbers.ratio(each.stats['sharpe'])} · run {each.id[:8]}",
            numbers.tone(each.stats["total_return"]),
        )
        for fill, each in found.runs.items()
    ]
    notes = [(f"Wide: {found.why_wide}.", True)] if found.wide else []
    notes += [(f"Not {FILLED[fill]}: {why}", False) for fill, why in found.refused.items()]
    title = f"{run.strategy} · {numbers.symbols(run.symbols)} · {run.spec.period}"
    subtitle = f"total return {low_high} by fill convention · {numbers.window(run.record)}"
    return Card(title, subtitle, (("convention spread", False),), tuple(facts), tuple(notes))


def _why(record: Any) -> tuple[tuple[str, bool], ...]:
    said = record.error or ("It was stopped before its end." if record.status == "interrupted" else "")
    return ((said, True),) if said else ()


def _rejections(stats: dict[str, Any]) -> tuple[tuple[str, bool], ...]:
    rejected = int(stats.get("orders_rejected") or 0)
    return ((f"{numbers.counted(rejected, 'order')} rejected: run.orders and run.log say why.", True),)[
        : bool(rejected)
    ]


def _spent(told: dict[str, str]) -> tuple[tuple[str, bool], ...]:
    """What it took beside what was estimated; runs of before say neither, and trials of a sweep no estimate."""
    if "took_seconds" not in told or "estimated_seconds" not in told:
        return ()
    took, guess = (
        f"{seconds(float(told[f'{name}_seconds']))} and {float(told[f'{name}_megabytes']):,.0f} MB"
        for name in ("took", "estimated")
    )
    return ((f"Took {took}; about {guess} were estimated.", False),)


def _tail(traceback: str, lines: int = 6) -> str:
    return "\n".join(traceback.strip().splitlines()[-lines:])


def _report(report: Any) -> Card:
    aside = len(report.quarantined)
    facts = [Fact("Written", numbers.count(report.written), "rows")]
    facts += [Fact("Unchanged", numbers.count(report.unchanged))] if report.unchanged else []
    facts += [Fact("Restated", numbers.count(report.restated))] if report.restated else []
    facts += [Fact("Set aside", numbers.count(aside), "report.quarantined" if aside else "", "down" if aside else "")]
    facts += [Fact("Splits and dividends", numbers.count(report.actions), "recovered")] if report.actions else []
    facts += [Fact("Instruments", numbers.count(len(report.instruments)), _names(report.instruments))]
    notes = [(each, True) for each in report.warnings] + [(each, False) for each in report.notes]
    if aside:
        reasons = report.quarantined["reason"].value_counts().head(3)
        notes += [(f"{numbers.count(number)} x {reason}", False) for reason, number in reasons.items()]
    return Card(
        f"Import of {report.source}",
        f"{report.kind} · ap.revert({report.id!r}) takes it back",
        facts=tuple(facts),
        notes=tuple(notes),
    )


def _coverage(held: Any) -> Card:
    zone = numbers.venue_of(held.instrument_id).timezone
    pattern = "%Y-%m-%d" if held.period[-1] in "dw" else "%Y-%m-%d %H:%M"
    facts = (
        Fact("Bars" if held.period[0].isdigit() else held.period.capitalize(), numbers.count(held.bars)),
        *(
            Fact(name, numbers.day(moment.value, zone, pattern))
            for name, moment in (("First", held.first), ("Last", held.last))
            if held.bars
        ),
        Fact(
            "Gaps",
            numbers.count(len(held.gaps)),
            f"{numbers.counted(held.missing_sessions, 'whole session')}" if held.missing_sessions else "",
            "" if held.complete else "down",
        ),
    )
    notes = [(_gap(each, zone, pattern), False) for each in held.gaps.head(3).to_dict("records")]
    if len(held.gaps) > 3:
        notes.append((f"and {numbers.count(len(held.gaps) - 3)} more in coverage.gaps", False))
    if held.off_session:
        notes.append((f"{numbers.counted(held.off_session, 'bar')} outside of the venue's sessions", False))
    return Card(f"{held.instrument_id} · {held.period}", f"{held.root} catalog", facts=facts, notes=tuple(notes))


def _comments(shown: Any) -> Card:
    last = shown.newest(_SHOWN + 1)
    notes = [(_said(each), False) for each in last[-_SHOWN:]]
    if len(last) > _SHOWN:
        notes.insert(0, (f"the newest {_SHOWN}; .frame() has all", False))
    if not last:
        notes = [("Nobody has said anything yet: .write('...') begins.", False)]
    return Card(f"Comments on {shown.target}", ".write(text, parent=None) adds one", notes=tuple(notes))


def _said(each: Any) -> str:
    words = "(deleted)" if each.deleted else " ".join(each.body.split())
    by = f" by {each.edited_by}" if each.edited_by else ""
    edited = f" (edited{by})" if each.edited_at and not each.deleted else ""
    answer = f" to {each.parent[:6]}" if each.parent else ""
    return f"{each.id[:6]}  {each.author}{answer}, {each.created_at:%Y-%m-%d %H:%M} UTC: {words}{edited}"


def _schedule(shown: Any) -> Card:
    value = shown.value
    zone = ZoneInfo("UTC" if value.fault else value.timezone)  # the zone may be its fault
    facts = [Fact("Cron", value.cron, value.timezone)]
    facts += [Fact("Next", f"{value.next[0].astimezone(zone):%Y-%m-%d %H:%M}", value.timezone)] if value.next else []
    if value.last:
        at = (value.last.slot or value.last.created_at).astimezone(zone)
        failed = value.last.ended and value.last.state != "finished"
        facts.append(Fact("Last", value.last.state, f"{at:%Y-%m-%d %H:%M}", "down" if failed else ""))
    facts += [Fact(name, str(held)) for name, held in value.parameters.items()]
    badges = (("paused", True),) if value.paused else ()
    notes = ((value.last.detail, True),) if value.last and value.last.detail else ()
    notes = ((f"It cannot fire: {value.fault}", True), *notes) if value.fault else notes
    return Card(value.what, f"schedule {value.id} · {value.owner}", badges, tuple(facts), notes)


def _schedules(shown: Any) -> Card:
    found = list(shown.values(limit=_SHOWN + 1))
    notes = [(_slot(each), False) for each in found[:_SHOWN]]
    if not found:
        notes = [("None yet: ap.schedule('backtests/sma.ipynb', '0 7 * * 1-5') makes one.", False)]
    if len(found) > _SHOWN:
        notes.append(("and more in .frame()", False))
    return Card("Schedules", "ap.schedules()['id'] is one of them", notes=tuple(notes))


def _notifications(shown: Any) -> Card:
    found = list(shown.newest(_SHOWN + 1))
    notes = [
        (f"{each.created_at:%Y-%m-%d %H:%M} UTC  {each.text}{'' if each.read_at else ' (new)'}", _warns(each))
        for each in found[:_SHOWN]
    ]
    if not found:
        notes = [("Nothing. It tells of mentions, answers and scheduled notebooks.", False)]
    if len(found) > _SHOWN:
        notes.append(("and more in .frame()", False))
    return Card("Notifications", ".read() marks all as read", notes=tuple(notes))


def _warns(notification: Any) -> bool:
    return bool(notification.kind == "firing-failed")


def _slot(value: Any) -> str:
    following = "paused" if value.paused else f"cannot fire: {value.fault}"
    if value.next:
        following = f"next {value.next[0].astimezone(ZoneInfo(value.timezone)):%Y-%m-%d %H:%M}"
    last = f", last {value.last.state}" if value.last else ""
    return f"{value.id[:6]}  {value.what} ({value.owner}): {value.cron} {value.timezone}, {following}{last}"


def _gap(gap: dict[str, Any], zone: str, pattern: str) -> str:
    start, end = (numbers.day(gap[edge].value, zone, pattern) for edge in ("first", "last"))
    return f"missing {start}{'' if start == end else f' to {end}'}: {numbers.counted(gap['bars'], 'bar')}"


def _names(ids: tuple[str, ...]) -> str:
    return ", ".join(each.rpartition(".")[0] for each in ids[:4]) + (" ..." if len(ids) > 4 else "")


#: Module and name of a class -> what makes its card.
_MAKERS: dict[tuple[str, str], Callable[[Any], Card]] = {
    ("alphapulse_lib.results.run", "Run"): _run,
    ("alphapulse_lib.session.convention_spreads", "ConventionSpread"): _convention_spread,
    ("alphapulse_lib.ingestion.report", "Report"): _report,
    ("alphapulse_lib.session.coverage", "SessionCoverage"): _coverage,
    ("alphapulse_lib.session.comments", "SessionComments"): _comments,
    ("alphapulse_lib.session.notifications", "SessionNotifications"): _notifications,
    ("alphapulse_lib.session.schedules", "SessionSchedule"): _schedule,
    ("alphapulse_lib.session.schedules", "SessionSchedules"): _schedules,
}
