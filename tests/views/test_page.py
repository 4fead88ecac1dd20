"""A page stands for its path, and shows itself in a frame of its own."""

from __future__ import annotations

from pathlib import Path

from alphapulse_lib.views.page import Page


def test_a_page_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>x</p>")
    page = Page(tmp_path / "a.html", "<p>x</p>")
    assert Path(page).read_text() == "<p>x</p>"
    assert open(page).read() == "<p>x</p>"  # noqa: PTH123, SIM115  that open takes it is the point
    assert str(page) == str(tmp_path / "a.html")


def test_a_page_shows_itself_without_touching_what_is_around_it() -> None:
    html = Page(Path("a.html"), '<b class="x">"quoted"</b>')._repr_html_()
    assert html.startswith("<iframe")
    assert "<b" not in html
    assert "&quot;quoted&quot;" in html
