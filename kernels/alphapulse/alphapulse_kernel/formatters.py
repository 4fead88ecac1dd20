"""Tells IPython which objects are shown as cards, by the names of their types: registering imports nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.formatters import DisplayFormatter

from alphapulse_kernel import charts, nautilus
from alphapulse_lib.views import cards
from alphapulse_lib.views.cards import Card

__all__ = ["register"]

#: Our own results that are plain values; a run brings its card along.
_OURS = (
    ("alphapulse_lib.ingestion.report", "Report"),
    ("alphapulse_lib.session.coverage", "SessionCoverage"),
    ("alphapulse_lib.session.comments", "SessionComments"),
    ("alphapulse_lib.session.notifications", "SessionNotifications"),
    ("alphapulse_lib.session.schedules", "SessionSchedule"),
    ("alphapulse_lib.session.schedules", "SessionSchedules"),
    ("alphapulse_lib.model.schedule", "Firing"),
    ("alphapulse_lib.model.share", "Share"),
)


def register(display: DisplayFormatter) -> None:
    """Show objects as cards (HTML, and aligned text for terminals), figures in our colours."""
    html, text = display.formatters["text/html"], display.formatters["text/plain"]
    for (module, name), card in {**nautilus.CARDS, **dict.fromkeys(_OURS, cards.card)}.items():
        html.for_type_by_name(module, name, _html(card))
        text.for_type_by_name(module, name, _text(card))
    display.ipython_display_formatter.for_type_by_name(*charts.TYPE, charts.show)


def _html(card: Callable[[Any], Card]) -> Callable[[Any], str]:
    return lambda shown: card(shown).html()


def _text(card: Callable[[Any], Card]) -> Callable[[Any, Any, bool], None]:
    def write(shown: Any, printer: Any, cycle: bool) -> None:
        # Inside a list or a dict one line each: a card there would tear the printer's layout apart.
        printer.text(repr(shown) if cycle or len(printer.stack) > 1 else card(shown).text())

    return write
