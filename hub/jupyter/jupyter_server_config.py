"""What every workspace's Jupyter server is told."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # Jupyter puts it there

c.MultiKernelManager.default_kernel_name = "alphapulse"
c.LabApp.news_url = None  # nothing is asked of the network at run time
c.LabApp.extension_manager = "readonly"
c.VoilaConfiguration.template = "alphapulse"
c.VoilaConfiguration.show_tracebacks = False
