"""HTML out of templates that escape everything; what may stay as it is says so itself."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from alphapulse_lib.model.run import FILLS
from alphapulse_lib.views import numbers
from alphapulse_lib.views.coded import coded
from hub.dashboards import times, web

__all__ = ["render"]


def render(template: str, **values: Any) -> str:
    """A template with its values in it."""
    return _environment().get_template(f"{template}.html").render(**values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("hub.dashboards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["coded"] = coded
    made.globals |= {"fills": FILLS, "numbers": numbers, "times": times, "web": web}
    return made
