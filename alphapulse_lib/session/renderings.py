"""A notebook with its outputs as a page, for somebody else to look at."""

from __future__ import annotations

from pathlib import Path

from alphapulse_lib.errors import InputError

__all__ = ["found", "rendered"]

#: In place of the addresses at content networks that nbconvert would have a page ask: nothing.
_NOTHING = "data:,"
_ADDRESSES = ("require_js_url", "mathjax_url", "mermaid_js_url", "mermaid_layout_elk_js_url", "jquery_url")


def found(path: str) -> tuple[Path, str]:
    """A notebook's file, and its path in the workspace; ``path`` is that, or leads there from here.

    Raises
    ------
    InputError
        There is no such notebook.
    """
    if not path.endswith(".ipynb"):
        raise InputError(f"{path[:80]!r} is no notebook.", "Its name ends in .ipynb.")
    for each in (Path(path).expanduser().absolute(), Path.home() / path):
        if each.is_file():
            whole = each.resolve()
            inside = whole.is_relative_to(Path.home().resolve())
            return whole, whole.relative_to(Path.home().resolve()).as_posix() if inside else whole.name
    raise InputError(f"There is no notebook {path!r} here.", "Give its path in the workspace, or from this folder.")


def rendered(path: Path, *, code: bool = True) -> str:
    """The page of a notebook: its words, its code, its outputs and its pictures as they are saved in it.

    Parameters
    ----------
    code : bool
        Whether its code is in it: without it is as Voila shows the notebook.

    Raises
    ------
    InputError
        It is no notebook, or holds what cannot be shown.
    """
    from nbconvert.exporters import HTMLExporter
    from nbformat.reader import NotJSONError
    from nbformat.validator import NotebookValidationError

    bare = {} if code else {"exclude_input": True, "exclude_output_prompt": True}
    exporter = HTMLExporter(template_name="lab", embed_images=True, **bare, **dict.fromkeys(_ADDRESSES, _NOTHING))
    try:
        page, _ = exporter.from_filename(str(path))
    except (NotJSONError, NotebookValidationError, OSError, ValueError, KeyError, AttributeError, TypeError) as wrong:
        raise InputError(f"{path.name} cannot be shown as a page: {str(wrong)[:200]}.", "Open it in Lab.") from None
    return str(page)
