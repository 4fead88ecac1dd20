"""`ap.share` and `ap.shares`, in a hub of people who are in no team."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from api_server import RunningApi
from small_runs import kept

import alphapulse_lib as ap
from alphapulse_lib.errors import HubError, InputError, NotAllowed, UnknownRun, UnknownTarget
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.session import hub
from alphapulse_lib.settings import settings


@pytest.fixture
def strangers(api: RunningApi, person: Callable[[str], None]) -> Callable[[str], None]:
    api.door.members = {}
    return person


def ran(person: Callable[[str], None], name: str) -> str:
    """A run in somebody's own ledger, which the hub was not given yet."""
    person(name)
    return kept(Ledger(settings().ledger_root), user=name).id


def test_a_run_is_another_s_to_see_while_it_is_shared(strangers: Callable[[str], None]):
    run = ran(strangers, "ada")
    assert list(ap.runs()["id"]) == [run]  # which hands it in
    strangers("bob")
    assert ap.runs().empty
    with pytest.raises(UnknownRun):
        ap.run(run)
    strangers("ada")
    made = ap.share(ap.run(run), "bob")
    assert (made.subject, made.owner, made.audience, made.kind) == (run, "ada", "bob", "run")
    assert ap.share(f"run:{run[:12]}", "bob") == made
    strangers("bob")
    assert list(ap.runs()["id"]) == [run]
    assert ap.run(run).equity.size == 9
    told = ap.shares().frame()
    assert told[["subject", "owner", "audience"]].to_numpy().tolist() == [[run, "ada", "bob"]]
    assert told["made"].dt.tz is not None
    assert run in ap.shares()._repr_html_()
    with pytest.raises(NotAllowed, match="ada"):
        ap.shares().take_back(made)
    with pytest.raises(NotAllowed, match="ada"):
        ap.share(ap.run(run), "*")
    strangers("ada")
    ap.shares().take_back(made.id[:10])
    assert len(ap.shares()) == 0
    strangers("bob")
    assert ap.runs().empty


def test_a_run_that_waits_is_handed_in_before_it_is_shared(strangers: Callable[[str], None]):
    run = ran(strangers, "ada")
    ap.share(f"run:{run}", "*")
    strangers("bob")
    assert ap.run(run).record.user == "ada"


def test_a_notebook_is_another_s_to_look_at_as_it_was_when_it_was_shared(
    strangers: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    strangers("ada")
    outputs = [nbformat.v4.new_output("stream", text="the answer is 42"), nbformat.v4.new_output(
        "display_data", {"image/png": "iVBORw0KGgo=", "text/html": "<b id='shown'>drawn</b>"})]  # fmt: skip
    cells = [nbformat.v4.new_markdown_cell("# What *I* found"), nbformat.v4.new_code_cell("6 * 7", outputs=outputs)]
    file = tmp_path / "scheduled" / "found.ipynb"
    file.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), file)
    made = ap.share("notebook:scheduled/found.ipynb", "bob")
    assert (made.kind, made.owner, made.audience) == ("rendering", "ada", "bob")
    nbformat.write(nbformat.v4.new_notebook(), file)
    strangers("bob")
    known = hub.client().renderings.get(made.subject)
    page = hub.client().renderings.page(made.subject).decode()
    assert (known.notebook, known.owner, known.size) == ("scheduled/found.ipynb", "ada", len(page.encode()))
    for shown in ("What <em>I</em> found", "the answer is 42", '<b id="shown">drawn</b>'):
        assert shown in page
    asked = re.findall(r"""(?:src|href)=["']([a-z]+:[^"']*)""", page)
    assert not [each for each in asked if not each.startswith("data:")], "it needs no network"
    told = next(iter(ap.notifications()))
    assert told.text == "ada shared the notebook scheduled/found.ipynb with you"
    assert told.about == {"rendering": made.subject, "by": "ada"}
    strangers("ada")
    ap.shares().take_back(made)
    for name in ("bob", "ada"):
        strangers(name)
        with pytest.raises(UnknownTarget):
            hub.client().renderings.page(made.subject)


def test_a_notebook_s_page_without_its_code_holds_none_of_it(
    strangers: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    strangers("ada")
    outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "42"}, execution_count=7)]
    cells = [
        nbformat.v4.new_markdown_cell("# Found"),
        nbformat.v4.new_code_cell("tell_tale = 6 * 7", outputs=outputs, execution_count=7),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "found.ipynb")
    pages = {}
    for code in (True, False):
        made = ap.share("notebook:found.ipynb", "bob", code=code)
        pages[code] = hub.client().renderings.page(made.subject).decode()
    assert "tell_tale" in pages[True] and "Out[7]" in pages[True]
    assert "tell_tale" not in pages[False] and "Out[7]" not in pages[False] and "In&nbsp;[" not in pages[False]
    assert all("<pre>42</pre>" in page and "Found" in page for page in pages.values())
    run = ran(strangers, "ada")
    with pytest.raises(InputError, match="its strategy's source with it"):
        ap.share(f"run:{run}", "bob", code=False)


def test_runs_side_by_side_are_another_s_to_see_while_they_are_shared(strangers: Callable[[str], None]):
    strangers("ada")
    runs = [kept(Ledger(settings().ledger_root), parameters={"fast": fast, "slow": 20}).id for fast in (5, 6)]
    made = ap.share(ap.compare(runs), "bob")  # which hands them in
    assert (made.kind, made.owner, made.runs) == ("dashboard", "ada", tuple(runs))
    assert ap.share(f"dashboard:{runs[0][:12]},{runs[1]}", "bob") == made
    strangers("bob")
    assert sorted(ap.runs()["id"]) == sorted(runs)
    assert ap.shares().frame()[["kind", "subject"]].to_numpy().tolist() == [["dashboard", made.subject]]
    strangers("ada")
    ap.shares().take_back(made)
    strangers("bob")
    assert ap.runs().empty
    with pytest.raises(UnknownRun):
        ap.share(f"dashboard:{runs[0]},{runs[1]}", "*")


def test_what_cannot_be_shared_is_refused(strangers: Callable[[str], None], tmp_path: Path):
    run = ran(strangers, "ada")
    with pytest.raises(InputError, match="nothing that can be shared"):
        ap.share("server:mine", "bob")
    with pytest.raises(InputError, match=r"There is no notebook 'nothing\.ipynb' here"):
        ap.share("notebook:nothing.ipynb", "bob")
    with pytest.raises(InputError, match="is no notebook"):
        ap.share("notebook:a.py", "bob")
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{")
    with pytest.raises(InputError, match="cannot be shown as a page"):
        ap.share(f"notebook:{broken}", "bob")
    with pytest.raises(UnknownTarget, match="bbo"):
        ap.share(f"run:{run}", "bbo")
    with pytest.raises(UnknownRun):
        ap.share("run:ffff", "bob")
    with pytest.raises(InputError, match="No share begins with 'ff'"):
        ap.shares().take_back("ff")


def test_without_a_hub_it_says_how_to_start_one():
    for ask in (ap.shares, lambda: ap.share("run:ffff", "bob")):
        with pytest.raises(HubError, match="make up"):
            ask()
