"""JupyterHub's configuration, assembled from `hub/`. Started by `make up`; no logic of its own."""

from alphapulse_lib.settings import PROJECT, settings
from hub import access, deeds, keys, logs, network, origins, own_database, services, spawner

c = get_config()  # noqa: F821  # JupyterHub puts it there
_settings = settings()
_home = _settings.home_root
_keys = keys.keys(_home)

own_database.configure(c, _settings)
c.JupyterHub.log_level = _settings.log_level
logs.configure(c)
c.JupyterHub.template_paths = [str(PROJECT / "hub" / each) for each in ("pages", "dashboards/assets")]
c.JupyterHub.logo_file = str(PROJECT / "kernels" / "alphapulse" / "logo-svg.svg")
_network = network.read(_home / "run" / "network.json")
network.configure(c, _network, _keys)
access.configure(c, _settings, _keys)
services.configure(c, _settings, _network, _keys)
spawner.configure(c, _settings)
origins.configure(c, _settings)
deeds.configure(c)
