"""The kernel's start-up, an IPython extension: `ap`, and cards in place of the long texts of objects.

It must stay instant. `alphapulse_lib` loads its parts when they are first used, and formatters are registered by the
names of their types, so that neither NautilusTrader nor pandas is imported before a cell asks for it.
"""

from __future__ import annotations

from typing import Any

import alphapulse_lib
from alphapulse_kernel import ported
from alphapulse_kernel.formatters import register

__all__ = ["load_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """Give an `InteractiveShell` the name `ap` (hidden from ``%who``), the cards, and what is said below errors."""
    shell.push({"ap": alphapulse_lib}, interactive=False)
    register(shell.display_formatter)
    shell.set_custom_exc(ported.ERRORS, ported.show)
