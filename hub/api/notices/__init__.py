"""What an administrator has to say to everybody: shown in JupyterLab, on the hub's pages and on the dashboards."""
