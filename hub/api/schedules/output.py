"""Where an executed notebook goes: a path inside the workspace with a few names to be filled in."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePosixPath
from string import Formatter
from zoneinfo import ZoneInfo

from alphapulse_lib.errors import did_you_mean
from alphapulse_lib.model.shipped import SHIPPED

__all__ = [
    "DEFAULT",
    "NAMES",
    "TEMPLATE",
    "require_notebook",
    "require_other",
    "require_output",
    "require_strategy",
    "seen_from",
    "written",
]

#: The notebook that runs a strategy by its name; every workspace is given it.
TEMPLATE = "backtests/strategy.ipynb"

#: No two firings share it.
DEFAULT = "scheduled/{notebook}-{date}-{time}-{firing}.ipynb"
#: What a template may name: the notebook's name, the slot by the schedule's clock, the firing's id.
NAMES = ("notebook", "date", "time", "firing")
_FILLED = {"date": r"\d{4}-\d{2}-\d{2}", "time": r"\d{6}", "firing": "[0-9a-f]{8}"}
_LONGEST = 255  # bytes of a name in a folder


def require_notebook(path: str) -> str:
    """The same path, when it is one of a notebook inside a workspace.

    Raises
    ------
    ValueError
        It leads out of the workspace, into a hidden folder, or to something else.
    """
    parts = PurePosixPath(path).parts
    if path.startswith("/") or "\\" in path or ".." in parts:
        raise ValueError(f"{path!r} leads out of the workspace; give a path inside it, such as backtests/sma.ipynb")
    if not path.endswith(".ipynb") or PurePosixPath(path).name == ".ipynb":
        raise ValueError(f"{path!r} is no notebook; its name must end in .ipynb")
    if any(part.startswith(".") for part in parts) or any(
        ord(each) < 32 or 0xD800 <= ord(each) <= 0xDFFF for each in path
    ):
        raise ValueError(f"{path!r} is hidden or holds control characters; give a path such as backtests/sma.ipynb")
    return str(PurePosixPath(path))


def require_strategy(name: str) -> str:
    """The same name, when it is one that `ap.backtest` could look up in a workspace.

    Raises
    ------
    ValueError
        It names no class, a file outside of the workspace, or by its class alone one that is not shipped.
    """
    where, _, wanted = name.rpartition(":")
    if not wanted.isidentifier():
        raise ValueError(f"{name!r} names no class; give SmaCross, module:Class or file.py:Class")
    if not where and wanted not in SHIPPED:
        known = f"It has {', '.join(SHIPPED)}; or give module:Class or file.py:Class"
        raise ValueError(f"AlphaPulse has no strategy {wanted!r}. {did_you_mean(wanted, SHIPPED, known)}")
    if where.endswith(".py"):
        require_notebook(where.removesuffix(".py") + ".ipynb")  # the same rules hold for its path
    elif where and not all(part.isidentifier() for part in where.split(".")):
        raise ValueError(f"{where!r} is no module and no file; give SmaCross, module:Class or file.py:Class")
    return name


def seen_from(notebook: str, strategy: str) -> str:
    """A strategy's name as a notebook needs it, which looks for files from its own folder.

    Examples
    --------
    >>> seen_from("backtests/strategy.ipynb", "strategies/mine.py:Mine")
    '../strategies/mine.py:Mine'
    >>> seen_from("backtests/strategy.ipynb", "SmaCross")
    'SmaCross'
    """
    is_file = strategy.rpartition(":")[0].endswith(".py")
    return "../" * (len(PurePosixPath(notebook).parts) - 1) + strategy if is_file else strategy


def require_output(template: str) -> str:
    """The same template, when every filling of it is a notebook's path inside a workspace.

    Raises
    ------
    ValueError
        It names what we do not fill in, or leads out of the workspace.
    """
    try:
        named = [(name, spec, how) for _, name, spec, how in Formatter().parse(template) if name is not None]
    except ValueError as wrong:
        raise ValueError(f"{template!r} is no template: {wrong}") from None
    for name, spec, how in named:
        if name not in NAMES or spec or how:
            raise ValueError(f"{{{name}}} is not filled in; a template may name {', '.join(f'{{{n}}}' for n in NAMES)}")
    require_notebook(written(template, "notebook.ipynb", 0, "UTC", "0" * 16))
    return template


def require_other(notebook: str, output: str) -> None:
    """Refuse an output that can be the notebook itself, or that no folder can hold.

    Raises
    ------
    ValueError
        The executed notebook could replace its source, or a name of its path is too long.
    """
    names = _FILLED | {"notebook": re.escape(PurePosixPath(notebook).stem)}
    parts = Formatter().parse(str(PurePosixPath(output)))
    can_be = "".join(re.escape(text) + ("" if name is None else names[name]) for text, name, _, _ in parts)
    if re.fullmatch(can_be, str(PurePosixPath(notebook)), re.ASCII):
        raise ValueError(f"output={output!r} would replace the notebook itself; take another name")
    for part in PurePosixPath(written(output, notebook, 0, "UTC", "0" * 16)).parts:
        if len(part.encode()) > _LONGEST:
            raise ValueError(f"output={output!r} gives a name longer than {_LONGEST} bytes: {part[:40]!r}...")


def written(template: str, notebook: str, slot: int, timezone: str, firing: str) -> str:
    """The path that a template gives for one firing.

    Examples
    --------
    >>> written(DEFAULT, "backtests/sma.ipynb", 0, "UTC", "0123456789abcdef")
    'scheduled/sma-1970-01-01-000000-01234567.ipynb'
    """
    at = datetime.fromtimestamp(slot // 10**9, UTC).astimezone(ZoneInfo(timezone))
    filled = template.format(
        notebook=PurePosixPath(notebook).stem, date=f"{at:%Y-%m-%d}", time=f"{at:%H%M%S}", firing=firing[:8]
    )
    return str(PurePosixPath(filled))
