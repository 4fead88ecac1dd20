"""Sources of strategies as people leave them: renamed, edited, grown; and others that only look like them."""

from __future__ import annotations

import inspect
import re

from alphapulse_lib.engine.strategies import MeanReversion, SmaCross

SMA_CROSS = inspect.getsource(SmaCross)
OTHER = inspect.getsource(MeanReversion)

#: The same strategy with every name of its author's own changed, and its comments and docstrings gone.
RENAMED = re.sub(r'"""[^"]*"""|(?m:^ *#.*$)', "", SMA_CROSS)
for _before, _after in {
    "SmaCross": "MyIdea",
    "_closes": "_window",
    "_settings": "_given",
    "_fast_sum": "_short_total",
    "_slow_sum": "_long_total",
    "_above": "_was_over",
    "fast": "quick",
    "slow": "lazy",
    "quantity": "size",
}.items():
    RENAMED = re.sub(rf"\b{_before}", _after, RENAMED)

#: The same with a few lines more: a stop at a time of day.
EDITED = SMA_CROSS.replace(
    "    def on_start(self)",
    "    def on_stop(self) -> None:\n"
    "        if self._above:\n"
    "            self.log.info(f'still above at {self.clock.utc_now()}')\n"
    "        self.cancel_all_orders(self._settings.instrument_id)\n\n"
    "    def on_start(self)",
).replace("* 2", "* 3")
