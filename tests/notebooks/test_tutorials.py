"""Every tutorial runs from top to bottom, as nbval runs it, and is committed clean."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Workspace

REPOSITORY = Path(__file__).parents[2]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").rglob("*.ipynb"))
TUTORIALS = [path for path in NOTEBOOKS if path.parent.name == "tutorials"]


def cells(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, each with its source as one text."""
    return [cell | {"source": "".join(cell["source"])} for cell in json.loads(path.read_text())["cells"]]


@pytest.mark.parametrize("notebook", TUTORIALS, ids=lambda path: path.stem)
def test_it_runs(notebook: Path, workspace: Workspace) -> None:
    copy = f"{notebook.parent.name}/{notebook.name}"
    before = sorted(path.name for path in (workspace.folder / "tutorials").iterdir())
    done = workspace.run(
        "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ".", copy
    )
    assert done.returncode == 0, done.stdout[-6000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) == sum(cell["cell_type"] == "code" for cell in cells(notebook))
    assert sorted(path.name for path in (workspace.folder / "tutorials").iterdir()) == before


def test_the_tutorials_leave_the_catalog_as_they_found_it(workspace: Workspace) -> None:
    names = workspace.run("-c", "import alphapulse_lib as ap; print(sorted(ap.instruments().index))")
    assert names.returncode == 0, names.stderr
    assert "ACME" not in names.stdout
    assert "GIZMO" not in names.stdout


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_clean_and_with_the_kernel_s_name(notebook: Path) -> None:
    assert json.loads(notebook.read_text())["metadata"]["kernelspec"]["name"] == "alphapulse"
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells(notebook))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_uses_public_names_only(notebook: Path) -> None:
    source = "\n".join(cell["source"] for cell in cells(notebook) if cell["cell_type"] == "code")
    public = {
        "alphapulse_lib",
        "alphapulse_lib.engine.strategies",
        "alphapulse_lib.engine.events",
        "alphapulse_lib.errors",
    }
    assert set(re.findall(r"^(?:from|import) (alphapulse_lib[\w.]*)", source, flags=re.M)) <= public
    assert not re.findall(r"\bap\._\w+", source)


@pytest.mark.parametrize("notebook", TUTORIALS, ids=lambda path: path.stem)
def test_its_links_lead_somewhere(notebook: Path) -> None:
    text = "\n".join(cell["source"] for cell in cells(notebook) if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\(([\w./-]+)\)", text)
    assert not [link for link in links if "://" not in link and not (notebook.parent / link).exists()]


def test_the_tutorials_are_numbered_and_listed_in_the_docs() -> None:
    listed = re.findall(
        r"\]\(\S*notebooks/tutorials/([\w-]+\.ipynb)", (REPOSITORY / "docs/tutorials/index.md").read_text()
    )
    assert listed == [path.name for path in TUTORIALS]
    assert [name[:2] for name in listed] == [f"{number:02}" for number in range(1, len(listed) + 1)]


def test_the_docs_first_lines_run(workspace: Workspace) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "index.md").read_text(), re.DOTALL)
    done = workspace.run("-c", lines)
    assert done.returncode == 0, done.stderr


def test_a_notebook_runs_outside_the_hub_by_the_docs_command(workspace: Workspace) -> None:
    (line,) = re.findall(r"```sh\n(.*?)\n```", (REPOSITORY / "docs" / "tutorials" / "index.md").read_text(), re.DOTALL)
    path, _, *arguments = shlex.split(line)
    assert path == "JUPYTER_PATH=$PWD"
    alone = workspace.environment | {"JUPYTER_PATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", *arguments],
        cwd=REPOSITORY,
        env=alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize("page", ["index.md", "tutorials/index.md"])
def test_the_docs_links_lead_somewhere(page: str) -> None:
    place = REPOSITORY / "docs" / page
    links = re.findall(r"\]\(([\w./-]+)\)", place.read_text())
    assert not [link for link in links if not (place.parent / link).exists()]
