"""How far a sweep is: a card that is drawn anew in a notebook, one line in a terminal."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Any, Self

from alphapulse_lib.results.swept import Trial
from alphapulse_lib.views import sweep_board

__all__ = ["SweepMeter"]

#: Seconds between two drawings.
_PACE = 0.5


class SweepMeter:
    """Shows each trial as it ends.

    Parameters
    ----------
    title : str
        Which strategy on what.
    total : int
        How many trials there will be.
    shown : bool
        Otherwise nothing is.
    """

    def __init__(self, title: str, objective: str, total: int, *, shown: bool) -> None:
        self._title, self._objective, self._total, self._shown = title, objective, total, shown
        self.trials: list[Trial] = []
        self._best: Trial | None = None
        self._drawn = 0.0
        self._card: Any = None
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._shown and not _in_notebook():
            from tqdm import tqdm

            self._bar = tqdm(total=self._total, unit="trial", desc="sweep", leave=False, file=sys.stderr)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._shown and self.trials:
            self._draw()

    def seen(self, trial: Trial) -> None:
        """A trial ended."""
        self.trials.append(trial)
        if math.isfinite(trial.value) and (self._best is None or trial.value > self._best.value):
            self._best = trial
        if self._bar is not None:
            self._bar.set_postfix_str(sweep_board.line(self._objective, self._best), refresh=False)
            self._bar.update(1)
        elif self._shown and time.monotonic() - self._drawn > _PACE:
            self._draw()

    def _draw(self) -> None:
        from IPython.display import HTML, display

        self._drawn = time.monotonic()
        card = HTML(sweep_board.html(self._title, self._objective, self.trials, self._total))
        if self._card is None:
            self._card = display(card, display_id=True)
        else:
            self._card.update(card)


def _in_notebook() -> bool:
    """Whether somebody sees HTML: a kernel runs, and not IPython in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config
