"""Tells IPython which objects are shown as cards, by the names of their types: registering imports nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.formatters import DisplayFormatter

from alphapulse_kernel.nautilus import CARDS

__all__ = ["register"]


def register(display: DisplayFormatter) -> None:
    """Show NautilusTrader's objects as cards: HTML in a notebook, aligned text in a terminal."""
    html, text = display.formatters["text/html"], display.formatters["text/plain"]
    for (module, name), card in CARDS.items():
        html.for_type_by_name(module, name, _html(card))
        text.for_type_by_name(module, name, _text(card))


def _html(card: Callable[[Any], Any]) -> Callable[[Any], str]:
    return lambda shown: card(shown).html()


def _text(card: Callable[[Any], Any]) -> Callable[[Any, Any, bool], None]:
    def write(shown: Any, printer: Any, cycle: bool) -> None:
        # Inside a list or a dict one line each: a card there would tear the printer's layout apart.
        printer.text(repr(shown) if cycle or len(printer.stack) > 1 else card(shown).text())

    return write
