"""The pod that a hub would send to a cluster for somebody, made by the real spawner without one."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from kubernetes_asyncio.client import ApiClient, Configuration, CoreV1Api
from kubernetes_asyncio.config import kube_config
from traitlets.config import Config

from alphapulse_lib.settings import Settings
from hub import pods

__all__ = ["Cluster", "claim", "cluster", "made", "nowhere", "settings_of"]


def nowhere(folder: Path) -> Path:
    """A file for ``KUBECONFIG``: how a client finds a cluster; nothing listens there, and nothing is asked."""
    told = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "nowhere",
        "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
        "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "nobody", "user": {}}],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(told))
    return file


@dataclass
class Cluster:
    """Where a cluster's API is, and what it was asked: method, path and body."""

    url: str
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def cluster(*statuses: int) -> Iterator[Cluster]:
    """A cluster's API that answers what it is asked, one after the other, with these."""
    left = iter(statuses)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append((self.command, self.path, body))
            status = next(left)
            told = body if status < 300 else {"kind": "Status", "status": "Failure", "code": status}
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        found = Cluster(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join(timeout=30)


def settings_of(**more: Any) -> Settings:
    """Those of a hub with pods."""
    told = {"kubernetes_front": "http://alphapulse-proxy:8000", "kubernetes_catalog": "alphapulse-catalog"}
    return Settings(_env_file=None, spawner="kubernetes", **told | more)


def made(
    chosen: Settings,
    folder: Path,
    name: str = "ann",
    server: str = "",
    options: dict[str, Any] | None = None,
    groups: Sequence[str] = (),
) -> dict[str, Any]:
    """The pod and the claim of somebody's server, as they are sent."""

    async def manifests() -> dict[str, Any]:
        spawner = _spawner(chosen, name, server, groups)
        spawner.user_options = options or {}
        await spawner.load_user_options()
        plain = ApiClient().sanitize_for_serialization
        return {"pod": plain(await spawner.get_pod_manifest()), "claim": plain(spawner.get_pvc_manifest())}

    return _asked(chosen, nowhere(folder), manifests)


def claim(chosen: Settings, folder: Path, found: Cluster, groups: Sequence[str]) -> None:
    """Ask a cluster for what somebody of these groups needs before their server starts."""

    async def asking() -> None:
        spawner = _spawner(chosen, "ann", "", groups)
        async with ApiClient(Configuration(host=found.url)) as asks:  # what KUBECONFIG says is read once a process
            spawner.api = CoreV1Api(asks)
            await spawner.run_pre_spawn_hook()

    _asked(chosen, nowhere(folder), asking)


def _spawner(chosen: Settings, name: str, server: str, groups: Sequence[str]) -> Any:
    from hub.kube_spawner import KubeSpawner

    config = Config()
    pods.configure(config, chosen)
    user = SimpleNamespace(name=name, id=1, url=f"/user/{name}/", escaped_name=name, settings={})
    user.groups = [SimpleNamespace(name=each) for each in groups]
    hub = SimpleNamespace(public_host="", url="/hub/", base_url="/hub/", api_url="http://hub/hub/api")
    return KubeSpawner(config=config, user=user, hub=hub, orm_spawner=orm.Spawner(name=server), api_token="t")


def _asked[T](chosen: Settings, found: Path, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(found))  # read at import
        for setting, value in chosen.model_dump(mode="json", exclude_unset=True).items():
            patched.setenv(f"ALPHAPULSE_{setting.upper()}", str(value))
        return asyncio.run(ask())
