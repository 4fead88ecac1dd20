"""What every workspace's Jupyter server is told: our kernel, page template and jobs, and to leave the network alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # Jupyter puts it there


def _own_mathjax(page_config: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Voila loads MathJax from a content network unless both of these say ``null``; it ships with a copy."""
    return page_config | {"fullMathjaxUrl": "null", "mathjaxConfig": "null"}


c.MultiKernelManager.default_kernel_name = "alphapulse"
c.HubOAuth.cache_max_age = 10  # seconds that the hub's answer about a visitor is believed; by default five minutes
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
c.LabApp.extra_labextensions_path = [str(Path(__file__).parents[2] / "extensions" / "lab")]
# A login shell, Jupyter's choice where nobody chose, sets PATH anew: it would find neither `alphapulse` nor our Python.
c.ServerApp.terminado_settings = {"shell_command": [os.environ.get("SHELL", "sh")]}
# A page of Voila finds a kernel that has imported what it needs; one of these waits where such pages are opened.
c.ServerApp.kernel_manager_class = "alphapulse_jobs.warm_kernels.WarmKernels"
c.VoilaConfiguration.template = "alphapulse"
c.VoilaConfiguration.page_config_hook = _own_mathjax
# Panel's Lab preview asks for a part of JupyterLab that Voila's page does not have.
c.VoilaConfiguration.extension_denylist = ["@pyviz/jupyterlab_pyviz"]
c.ServerApp.jpserver_extensions = {"alphapulse_jobs": True}
# Another workspace's page at this host, which its reader opened, may open this one and gets no hold of it.
c.ServerApp.tornado_settings = {"headers": {"Cross-Origin-Opener-Policy": "noopener-allow-popups"}}
# Whatever an extension forgot to say about who may ask it, nobody may who is not signed in.
c.ServerApp.allow_unauthenticated_access = False
# Where nobody uses it, it ends by itself (`alphapulse_jobs.idle`).
c.ServerApp.shutdown_no_activity_timeout = round(60 * float(os.environ.get("ALPHAPULSE_IDLE_MINUTES") or 0))
if os.environ.get("ALPHAPULSE_SERVER") == "job":
    # Nobody looks at it: without the screens' extensions it starts in half the time, and the worker asks it often.
    c.ServerApp.log_level = "WARN"
    # One that a hub started and forgot, killed before it wrote that down, ends by itself; so does one without a worker.
    c.ServerApp.shutdown_no_activity_timeout = 300  # seconds
    _screens = ("jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "notebook_shim", "voila.server_extension")
    c.ServerApp.jpserver_extensions |= dict.fromkeys((*_screens, "panel.io.jupyter_server_extension"), False)
