"""The pod that a hub would send to a cluster for somebody, made by the real spawner without one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from kubernetes_asyncio.client import ApiClient
from kubernetes_asyncio.config import kube_config
from traitlets.config import Config

from alphapulse_lib.settings import Settings
from hub import pods

__all__ = ["made", "nowhere", "settings_of"]

#: How a client finds a cluster; nothing listens there, and nothing is asked.
_NOWHERE = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "nowhere",
    "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
    "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "nobody", "user": {}}],
}


def nowhere(folder: Path) -> Path:
    """A file for ``KUBECONFIG``."""
    file = folder / "kubeconfig"
    file.write_text(json.dumps(_NOWHERE))
    return file


def settings_of(**more: Any) -> Settings:
    """Those of a hub with pods."""
    told = {"kubernetes_front": "http://alphapulse-proxy:8000", "kubernetes_catalog": "alphapulse-catalog"}
    return Settings(_env_file=None, spawner="kubernetes", **told | more)


def made(
    chosen: Settings, folder: Path, name: str = "ann", server: str = "", options: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The pod and the claim of somebody's server, as they are sent."""

    async def manifests() -> dict[str, Any]:
        from hub.kube_spawner import KubeSpawner

        config = Config()
        pods.configure(config, chosen)
        user = SimpleNamespace(name=name, id=1, url=f"/user/{name}/", escaped_name=name, settings={})
        hub = SimpleNamespace(public_host="", url="/hub/", base_url="/hub/", api_url="http://hub/hub/api")
        spawner = KubeSpawner(config=config, user=user, hub=hub, orm_spawner=orm.Spawner(name=server), api_token="t")
        spawner.user_options = options or {}
        await spawner.load_user_options()
        plain = ApiClient().sanitize_for_serialization
        return {"pod": plain(await spawner.get_pod_manifest()), "claim": plain(spawner.get_pvc_manifest())}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(nowhere(folder)))  # read at import
        for setting, value in chosen.model_dump(mode="json", exclude_unset=True).items():
            patched.setenv(f"ALPHAPULSE_{setting.upper()}", str(value))
        return asyncio.run(manifests())
