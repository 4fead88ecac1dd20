"""A compact card: a title, a line under it and a few facts, as HTML and as plain text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from zoneinfo import ZoneInfo

from alphapulse_lib.model.instrument import VENUES

__all__ = ["Card", "Fact", "moment"]

_STYLE = """
<style>
.ap-object { --ap-ink: #1c2128; --ap-quiet: #59636e; --ap-rule: #d1d9e0; --ap-up: #0b5cad; --ap-down: #a84300;
  display: inline-block; max-width: 100%; box-sizing: border-box; padding: 8px 16px; margin: 4px 0;
  border: 1px solid var(--ap-rule); border-radius: 4px; color: var(--ap-ink); font: 14px/1.4 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
.ap-object header { font-weight: 600; }
.ap-object .ap-quiet, .ap-object dt { color: var(--ap-quiet); font-weight: 400; }
.ap-object dl { display: flex; flex-wrap: wrap; gap: 4px 24px; margin: 4px 0 0; }
.ap-object dl div { display: block; }
.ap-object dt { font-size: 12px; }
.ap-object dd { margin: 0; }
.ap-object .ap-up { color: var(--ap-up); }
.ap-object .ap-down { color: var(--ap-down); }
[data-jp-theme-light="false"] .ap-object { --ap-ink: #e6edf3; --ap-quiet: #9da7b3; --ap-rule: #3d444d; --ap-up: #6cb6ff;
  --ap-down: #f0954d; }
@media (prefers-color-scheme: dark) { body:not([data-jp-theme-light]) .ap-object { --ap-ink: #e6edf3;
  --ap-quiet: #9da7b3; --ap-rule: #3d444d; --ap-up: #6cb6ff; --ap-down: #f0954d; } }
</style>
""".strip()


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and its value. ``sign`` colours a gain (above zero) or a loss; the text must carry the sign too."""

    label: str
    text: str
    sign: float = 0.0
    hover: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """What a card says, before it is HTML or text."""

    title: str
    subtitle: str = ""
    facts: tuple[Fact, ...] = ()

    def html(self) -> str:
        """The card for a notebook; follows JupyterLab's theme, and the system's elsewhere."""
        rows = "".join(
            f'<div title="{escape(fact.hover)}"><dt>{escape(fact.label)}</dt>'
            f'<dd class="{_tone(fact.sign)}">{escape(fact.text)}</dd></div>'
            for fact in self.facts
        )
        under = f'<div class="ap-quiet">{escape(self.subtitle)}</div>' if self.subtitle else ""
        return f'{_STYLE}<div class="ap-object"><header>{escape(self.title)}</header>{under}<dl>{rows}</dl></div>'

    def text(self) -> str:
        """The card for a terminal: the labels in one column, the values in another."""
        width = max((len(fact.label) for fact in self.facts), default=0)
        head = f"{self.title}  ({self.subtitle})" if self.subtitle else self.title
        return "\n".join([head, *(f"  {fact.label:<{width}}  {fact.text}" for fact in self.facts)])


def moment(label: str, nanoseconds: int, instrument_id: str = "") -> Fact:
    """A time in the zone of the instrument's exchange, which it names; UTC on hover, and where the venue is unknown."""
    known = VENUES.get(instrument_id.rpartition(".")[2])
    told = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    local = told.astimezone(ZoneInfo(known.timezone)) if known else told
    return Fact(label, f"{local:%Y-%m-%d %H:%M:%S %Z}", hover=f"{told:%Y-%m-%d %H:%M:%S} UTC")


def _tone(sign: float) -> str:
    return "ap-up" if sign > 0 else "ap-down" if sign < 0 else ""
