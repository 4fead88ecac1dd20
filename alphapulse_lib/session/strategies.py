"""A strategy class from the name a person types: a shipped one, ``module:Class`` or ``file.py:Class``."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from alphapulse_lib.errors import AlphaPulseError, InputError, StrategyUnusable, did_you_mean

__all__ = ["strategy_class"]

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
        The file raises when it is loaded; the message is its own.

    Examples
    --------
    >>> strategy_class("SmaCross").__name__
    'SmaCross'
    """
    where, _, wanted = name.rpartition(":")
    module = _module(where or _SHIPPED)
    found = getattr(module, wanted, None)
    if not isinstance(found, type):
        classes = [each for each, value in vars(module).items() if isinstance(value, type)]
        raise InputError(
            f"{where or 'AlphaPulse'} has no strategy {wanted!r}.",
            did_you_mean(wanted, classes, "Give a shipped one, module:Class or file.py:Class."),
        )
    return found


def _module(where: str) -> ModuleType:
    try:
        return _from_file(Path(where)) if where.endswith(".py") else import_module(where)
    except ModuleNotFoundError as missing:
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
        raise StrategyUnusable(f"{where} cannot be loaded: {type(refused).__name__}: {refused}") from refused


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"There is no file {path}.", "Give module:Class or file.py:Class.")
    # What the file imports may stand beside it; neither its name nor theirs may hide a module that is there already.
    place = path.resolve()
    there = sys.modules.get(path.stem)
    # The name is part of what the strategy is known by: the same file has the same one each time that it is loaded.
    free = there is None or Path(getattr(there, "__file__", None) or "").resolve() == place
    name = path.stem if free else f"strategy_{path.stem}"
    if str(place.parent) not in sys.path:
        sys.path.append(str(place.parent))
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file.")
    module = module_from_spec(spec)
    sys.modules[name] = module  # the strategy is pickled to its worker, and dataclasses look their module up
    spec.loader.exec_module(module)
    return module
