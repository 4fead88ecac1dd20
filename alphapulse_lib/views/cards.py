"""Compact cards for notebooks, of runs, imports and whatever else `ap` returns; the same as text for terminals.

`html` and `text` take the object itself, find its card by the name of its class and import nothing for it, so a kernel
can register them at no cost. Cards follow JupyterLab's theme, and the system's where there is no JupyterLab.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.run import FILLED, RunRecord
from alphapulse_lib.views import changed, headline, kept, numbers, schedule_cards, silence, spent
from alphapulse_lib.views.alike import folded
from alphapulse_lib.views.card import SHOWN, STYLE, Card, Fact

if TYPE_CHECKING:
    from alphapulse_lib.model.share import Share

__all__ = ["STYLE", "Card", "Fact", "card", "html", "text"]


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
        "Runs, import reports, coverages, comments, schedules, firings and notifications have one.",
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
    drawing, unread = kept.spark(run)
    warned, took = kept.warned(run), spent.told(record.environment)
    notes += (((quiet, True),) if quiet else ()) + _rejections(record.statistics, warned)
    notes += (
        tuple((each, True) for each in folded(told for told, _ in warned)) + unread + (((took, False),) if took else ())
    )
    return Card(title, subtitle, tuple(badges), _run_facts(run), notes, drawing=drawing)


def _renamed(record: RunRecord) -> tuple[tuple[str, bool], ...]:
    """What instruments are called that the run was asked for by what they were called before."""
    both = zip(record.symbols, record.tickers, strict=True)
    return tuple((f"{symbol} was called {ticker} when it ran.", False) for symbol, ticker in both if symbol != ticker)


def _run_facts(run: Any) -> tuple[Fact, ...]:
    stats, deflated = run.stats, run.deflated
    trials = int(deflated["trials"])
    result, tone = headline.total_return(stats["total_return"], stats["max_drawdown"])
    end = f"to {numbers.money(stats['end_equity'], numbers.currency(run.record))}"
    return (
        Fact("Total return", result, headline.AFTER if result == headline.LOST else end, tone),
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
        Fact(
            "Commission",
            numbers.money(stats["commission"], numbers.currency(run.record), named=False),
            f"{numbers.currency(run.record)}, slippage {run.spec.costs.slippage_bps:g} bp",
        ),
    )


def _convention_spread(found: Any) -> Card:
    run, low_high = found.run, " to ".join(headline.low_high(found.conventions))
    facts = [
        Fact(
            FILLED[fill].capitalize(),
            result,
            f"Sharpe ratio {numbers.ratio(each.stats['sharpe'])} · run {each.id[:8]}",
            tone,
        )
        for fill, each in found.runs.items()
        for result, tone in (headline.total_return(each.stats["total_return"], each.stats["max_drawdown"]),)
    ]
    notes = [(f"Wide: {found.why_wide}.", True)] if found.wide else []
    notes += [(f"Not {FILLED[fill]}: {why}", False) for fill, why in found.refused.items()]
    title = f"{run.strategy} · {numbers.symbols(run.symbols)} · {run.spec.period}"
    subtitle = f"total return {low_high} by fill convention · {numbers.window(run.record)}"
    return Card(title, subtitle, (("convention spread", False),), tuple(facts), tuple(notes))


def _why(record: Any) -> tuple[tuple[str, bool], ...]:
    said = record.error or ("It was stopped before its end." if record.status == "interrupted" else "")
    return ((said, True),) if said else ()


def _rejections(stats: dict[str, Any], warned: tuple[tuple[str, bool], ...]) -> tuple[tuple[str, bool], ...]:
    """That orders were rejected, unless a warning says so with the reason."""
    if any(" orders were refused" in each for each, _ in warned):
        return ()
    rejected = int(stats.get("orders_rejected") or 0)
    return ((f"{numbers.counted(rejected, 'order')} rejected: run.orders and run.log say why.", True),)[
        : bool(rejected)
    ]


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
    day = partial(numbers.bar_day if held.period[-1] in "dwo" else _bar_close, zone=zone)
    facts = (
        Fact("Bars" if held.period[0].isdigit() else held.period.capitalize(), numbers.count(held.bars)),
        *(Fact(name, day(moment.value)) for name, moment in (("First", held.first), ("Last", held.last)) if held.bars),
        Fact(
            "Gaps",
            numbers.count(len(held.gaps)),
            f"{numbers.counted(held.missing_sessions, 'whole session')}" if held.missing_sessions else "",
            "" if held.complete else "down",
        ),
    )
    notes = [(_gap(each, day), False) for each in held.gaps.head(3).to_dict("records")]
    if len(held.gaps) > 3:
        notes.append((f"and {numbers.count(len(held.gaps) - 3)} more in coverage.gaps", False))
    if held.off_session:
        notes.append((f"{numbers.counted(held.off_session, 'bar')} outside of the venue's sessions", False))
    return Card(f"{held.instrument_id} · {held.period}", f"{held.root} catalog", facts=facts, notes=tuple(notes))


def _comments(shown: Any) -> Card:
    last = shown.newest(SHOWN + 1)
    notes = [(_said(each), False) for each in last[-SHOWN:]]
    if len(last) > SHOWN:
        notes.insert(0, (f"the newest {SHOWN}; .frame() has all", False))
    if not last:
        notes = [("Nobody has said anything yet: .write('...') begins.", False)]
    return Card(f"Comments on {shown.target}", ".write(text, parent=None) adds one", notes=tuple(notes))


def _said(each: Any) -> str:
    words = "(deleted)" if each.deleted else " ".join(each.body.split())
    by = f" by {each.edited_by}" if each.edited_by else ""
    edited = f" (edited{by})" if each.edited_at and not each.deleted else ""
    answer = f" to {each.parent[:6]}" if each.parent else ""
    return f"{each.id[:6]}  {each.author}{answer}, {each.created_at:%Y-%m-%d %H:%M} UTC: {words}{edited}"


def _notifications(shown: Any) -> Card:
    found = list(shown.newest(SHOWN + 1))
    notes = [
        (f"{each.created_at:%Y-%m-%d %H:%M} UTC  {each.text}{'' if each.read_at else ' (new)'}", _warns(each))
        for each in found[:SHOWN]
    ]
    if not found:
        notes = [("Nothing. It tells of mentions, answers and scheduled notebooks.", False)]
    if len(found) > SHOWN:
        notes.append(("and more in .frame()", False))
    return Card("Notifications", ".read() marks all as read", notes=tuple(notes))


def _warns(notification: Any) -> bool:
    return bool(notification.kind == "firing-failed")


def _share(shown: Share) -> Card:
    kind = "notebook" if shown.kind == "rendering" else shown.kind
    facts = (Fact("With", shown.whom), Fact("Since", f"{shown.made_at:%Y-%m-%d %H:%M}", "UTC"))
    notes = ((f"ap.shares().take_back('{shown.id}') takes it back", False),)
    return Card(shown.title, f"share {shown.id} · {shown.owner}", ((f"{kind}, shared", False),), facts, notes)


def _bar_close(close: int, zone: str) -> str:
    return numbers.day(close, zone, "%Y-%m-%d %H:%M")


def _gap(gap: dict[str, Any], told: Callable[[int], str]) -> str:
    start, end = (told(gap[edge].value) for edge in ("first", "last"))
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
    ("alphapulse_lib.session.schedules", "SessionSchedule"): schedule_cards.schedule,
    ("alphapulse_lib.session.schedules", "SessionSchedules"): schedule_cards.schedules,
    ("alphapulse_lib.model.schedule", "Firing"): schedule_cards.firing,
    ("alphapulse_lib.model.share", "Share"): _share,
}
