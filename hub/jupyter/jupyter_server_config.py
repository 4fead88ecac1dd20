"""What every workspace's Jupyter server is told: our kernel, our page template, and to leave the network alone."""

from __future__ import annotations

from typing import Any

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # Jupyter puts it there


def _own_mathjax(page_config: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Voila loads MathJax from a content network unless both of these say ``null``; it ships with a copy."""
    return page_config | {"fullMathjaxUrl": "null", "mathjaxConfig": "null"}


c.MultiKernelManager.default_kernel_name = "alphapulse"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
c.VoilaConfiguration.template = "alphapulse"
c.VoilaConfiguration.page_config_hook = _own_mathjax
# Panel's Lab preview asks for a part of JupyterLab that Voila's page does not have.
c.VoilaConfiguration.extension_denylist = ["@pyviz/jupyterlab_pyviz"]
