"""A person's folder: what is put there before their server starts, and never taken back from them.

`given.json` remembers the content of each file as we gave it. A file the person changed or deleted stays as they
left it; one they never touched follows the project's newer version; new ones are added.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from alphapulse_lib.location import ObjectPath
from alphapulse_lib.settings import PROJECT, Settings

__all__ = ["GIVEN", "environment", "fill", "reading"]

#: The folders of ``notebooks/`` that everybody gets a copy of.
GIVEN = ("tutorials", "backtests", "dashboards")

#: The configuration of every workspace's Jupyter server.
_CONFIG = Path(__file__).parent / "jupyter"
#: Where Jupyter finds our kernel (``kernels/``) and Voila its template (``voila/templates/``).
#: What says where an object store is, and nothing of who asks.
_STORE = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST")
_DATA = (PROJECT, PROJECT / "notebooks" / "dashboards")


def environment(chosen: Settings, folder: Path, api: str) -> dict[str, str]:
    """The variables that tell a workspace whose it is and where the data lives.

    Parameters
    ----------
    chosen : Settings
        The hub's settings.
    folder : Path
        The person's folder.
    api : str
        Where the REST API is reached from the workspace.
    """
    return reading(chosen) | {
        "ALPHAPULSE_API_URL": api,
        "ALPHAPULSE_HOME": str(chosen.home_root),
        "ALPHAPULSE_CATALOG": str(chosen.catalog_root),
        "ALPHAPULSE_PERSONAL_CATALOG": str(folder / "catalog"),
        "ALPHAPULSE_DATASETS": str(chosen.datasets or ""),
        "ALPHAPULSE_LEDGER": str(folder / "ledger"),
        "ALPHAPULSE_SCORER": chosen.scorer,
        "ALPHAPULSE_IDLE_MINUTES": str(chosen.idle_minutes),
        "ALPHAPULSE_DISK_LIMIT": str(chosen.disk_limit),
        "JUPYTER_PATH": os.pathsep.join(map(str, _DATA)),
        "JUPYTER_CONFIG_PATH": str(_CONFIG),
    }


def reading(chosen: Settings) -> dict[str, str]:
    """Where the team's object store is, and the key that reads it; the keys that write it stay with the worker."""
    if not isinstance(chosen.catalog_root, ObjectPath):
        return {}
    where = {name: os.environ[name] for name in _STORE if os.environ.get(name)}
    key = {"AWS_ACCESS_KEY_ID": chosen.reader_key, "AWS_SECRET_ACCESS_KEY": chosen.reader_secret}
    return where | (key if chosen.reader_key else {})


def fill(folder: Path, notebooks: Path = PROJECT / "notebooks") -> list[str]:
    """Make a person's folder and give it the notebooks it lacks.

    Parameters
    ----------
    folder : Path
        The person's folder; made when missing, readable by this account alone.
    notebooks : Path
        Where the notebooks come from.

    Returns
    -------
    list of str
        The files written, relative to the folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    memory = folder / ".alphapulse" / "given.json"
    memory.parent.mkdir(exist_ok=True)
    given: dict[str, str] = json.loads(memory.read_text(encoding="utf-8")) if memory.exists() else {}
    written = []
    for source in _sources(notebooks):
        name = source.relative_to(notebooks).as_posix()
        target, content = folder / name, _content(source)
        untouched = target.is_file() and _content(target) == given.get(name)
        if given.get(name) != content and (untouched or (name not in given and not target.exists())):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            given[name] = content
            written.append(name)
    beside = memory.with_suffix(".partial")
    beside.write_text(json.dumps(given, indent=1, sort_keys=True), encoding="utf-8")
    beside.replace(memory)
    return written


def _sources(notebooks: Path) -> list[Path]:
    found = (path for name in GIVEN for path in sorted((notebooks / name).rglob("*")))
    hidden = ("__pycache__", ".ipynb_checkpoints", "voila")
    return [path for path in found if path.is_file() and not any(part in hidden for part in path.parts)]


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
