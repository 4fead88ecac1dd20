"""The hub: JupyterHub's assembly, and the services beside it."""
