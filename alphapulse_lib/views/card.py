"""What a card says, and how it is HTML for a notebook and text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from alphapulse_lib.views.coded import coded

__all__ = ["SHOWN", "STYLE", "Card", "Fact", "facts"]

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
.ap-card .ap-notes code { font-size: 12.5px; padding: 0; color: inherit; background: none; }
.ap-card pre { margin: 8px 0 0; font-size: 12px; white-space: pre-wrap; color: inherit; background: none; }
[data-jp-theme-light="false"] .ap-card { --ap-ink: #e6edf3; --ap-quiet: #9da7b3; --ap-rule: #3d444d; --ap-up: #6cb6ff;
  --ap-down: #f0954d; }
@media (prefers-color-scheme: dark) { body:not([data-jp-theme-light]) .ap-card { --ap-ink: #e6edf3;
  --ap-quiet: #9da7b3; --ap-rule: #3d444d; --ap-up: #6cb6ff; --ap-down: #f0954d; } }
</style>
""".strip()

#: Lines of a list that a card shows.
SHOWN = 8


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
        Lines below the facts; True for those that warn. A command between backticks is code in HTML.
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
        notes = "".join(f'<li class="{"ap-down" if warns else ""}">{coded(note)}</li>' for note, warns in self.notes)
        return (
            f'{STYLE}<div class="ap-card"><div class="ap-head"><div><span class="ap-title">{escape(self.title)}</span>'
            f'{badges}<div class="ap-quiet">{escape(self.subtitle)}</div></div>{self.drawing}</div>'
            + facts(self.facts)
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


def facts(shown: Iterable[Fact]) -> str:
    """Facts side by side, as HTML; nothing of none."""
    told = "".join(
        f'<div><dt>{escape(fact.name)}</dt><dd class="{f"ap-{fact.tone}" if fact.tone else ""}">'
        f'{escape(fact.value)}</dd><dd class="ap-beside">{escape(fact.beside)}</dd></div>'
        for fact in shown
    )
    return f"<dl>{told}</dl>" if told else ""
