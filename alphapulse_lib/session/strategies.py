"""A strategy class from the name a person types: a shipped one, ``module:Class`` or ``file.py:Class``."""

from __future__ import annotations

import sys
import sysconfig
from contextlib import suppress
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from alphapulse_lib.errors import AlphaPulseError, InputError, StrategyUnusable, did_you_mean

__all__ = ["reach", "strategy_class"]

_SHIPPED = "alphapulse_lib.engine.strategies"


def strategy_class(name: str) -> type:
    """The class behind a name.

    Parameters
    ----------
    name : str
        ``"SmaCross"`` (shipped with AlphaPulse), ``"package.module:Class"`` or ``"folder/file.py:Class"``.

    Raises
    ------
    InputError
        There is no such module, file or class.
    StrategyUnusable
        The file raises when it is loaded, and the message is its own; or another file of its name is loaded here.

    Examples
    --------
    >>> strategy_class("SmaCross").__name__
    'SmaCross'
    """
    where, _, wanted = name.rpartition(":")
    if not where and Path(wanted).suffix == ".py":
        where, wanted = wanted, ""
    module = _module(where or _SHIPPED)
    found = getattr(module, wanted, None) if wanted else None
    if not isinstance(found, type):
        raise _no_such(where, wanted, _strategies_of(module))
    return found


def _no_such(where: str, wanted: str, names: list[str]) -> InputError:
    held = f"{'It' if where else 'AlphaPulse'} has {', '.join(names) or 'none'}."
    how = f"Give {where}:Class." if where else "Give one of these, module:Class or file.py:Class."
    if where and not wanted:
        return InputError(f"{where} is a file: say which strategy of it.", f"{held} {how}")
    return InputError(
        f"{where or 'AlphaPulse'} has no strategy {wanted!r}.", did_you_mean(wanted, names, f"{held} {how}")
    )


def _strategies_of(module: ModuleType) -> list[str]:
    """The names of a module's own strategies, those of a package included."""
    from alphapulse_lib.engine.configure import is_strategy

    held = {name: getattr(module, name, None) for name in (*vars(module), *getattr(module, "__all__", ()))}
    return sorted(
        name for name, value in held.items() if is_strategy(value) and value.__module__.startswith(module.__name__)
    )


def reach(strategy: object) -> None:
    """Let what stands beside a strategy's file be imported, here and in the processes that are started from now on."""
    where = strategy.rpartition(":")[0] if isinstance(strategy, str) else ""
    if not where.endswith(".py"):
        return
    from alphapulse_lib.settings import working_folder  # a third of a second, by which a run's process starts earlier

    folder = str((working_folder() / where).resolve().parent)
    if folder not in sys.path and Path(where).is_file():
        sys.path.append(folder)


def _module(where: str) -> ModuleType:
    try:
        return _from_file(Path(where)) if where.endswith(".py") else import_module(where)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("nautilus_trader.") and missing.name != where:
            what = f"{where} imports {missing.name!r}, which NautilusTrader {version('nautilus_trader')} does not have."
            raise StrategyUnusable(what, _how(where, missing)) from None
        if where.endswith(".py"):
            raise StrategyUnusable(
                f"{where} imports {missing.name!r}, which is not there.", "Install it, or put it beside the file."
            ) from None
        raise InputError(f"There is no module {missing.name!r}.", "Give module:Class or file.py:Class.") from None
    except SystemExit as left:
        raise StrategyUnusable(
            f"{where} ends the program as it is loaded: sys.exit({'' if left.code is None else left.code!r}).",
            "Put what it does as a script under `if __name__ == '__main__':`.",
        ) from None
    except AlphaPulseError:
        raise
    except Exception as refused:  # whatever a person's file raises is theirs to see
        raise StrategyUnusable(
            f"{where} cannot be loaded: {type(refused).__name__}: {refused}{_line(where, refused)}",
            _how(where, refused),
        ) from refused


def _how(where: str, raised: Exception) -> str:
    """What to write instead where a file is written for NautilusTrader 1."""
    from alphapulse_lib.engine import nautilus_one

    text = ""
    with suppress(OSError, ValueError):  # a module is known by its name
        text = Path(where).read_text("utf-8")
    return nautilus_one.advice(raised, text)


def _line(where: str, raised: Exception) -> str:
    """The last line of the file itself that was on the way to what it raised; a syntax error tells its own."""
    if isinstance(raised, SyntaxError):
        return ""
    place = str(Path(where).resolve())
    lines = [each.lineno for each in extract_tb(raised.__traceback__) if str(Path(each.filename).resolve()) == place]
    return f" (line {lines[-1]})" if lines else ""


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"There is no file {path}.", "Give module:Class or file.py:Class.")
    # What the file imports may stand beside it; neither its name nor theirs may hide a module that is there already.
    place = path.resolve()
    name = _name(path.stem)
    _require_same(name, place, f"{path} cannot be loaded")
    reach(f"{path}:")
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file.")
    module = module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module  # the strategy is pickled to its worker, and dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:  # as Python's own import does: none that is half loaded is found by its name
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    for beside in _names_beside(module, place.parent):
        _require_same(beside, place.parent / f"{beside}.py", f"{path} would run with another {beside} than its own")
    return module


def _name(stem: str) -> str:
    """What a file's module is called: a part of what the strategy is known by, so the same one whatever was loaded."""
    installed = [sysconfig.get_path(each) for each in ("purelib", "platlib")]
    taken = stem in sys.stdlib_module_names or PathFinder.find_spec(stem, installed) is not None
    return f"strategy_{stem}" if taken else stem


def _names_beside(module: ModuleType, folder: Path) -> list[str]:
    """The modules that a module's own names come from, of those with a file in its folder."""
    held = vars(module).values()
    names = {each.__name__ if isinstance(each, ModuleType) else getattr(each, "__module__", "") for each in held}
    names -= {module.__name__}
    return sorted(each for each in names if isinstance(each, str) and (folder / f"{each}.py").is_file())


def _require_same(name: str, place: Path, wrong: str) -> None:
    """Refuse a name that another file has in this process: classes are found by the names of their modules."""
    there = sys.modules.get(name)
    file = getattr(there, "__file__", None)
    if there is None or (file and Path(file).resolve() == place):
        return
    raise StrategyUnusable(
        f"{wrong}: {file or 'something else'} is loaded here under the same name, {name}.",
        "Call one of the two files otherwise, or run it in a process of its own: alphapulse backtest file.py:Class ...",
    )
