"""The only way to Docker of a hub that is a container: what people's containers need passes, and nothing else.

Whoever may ask Docker for anything is root on its machine. So of all that Docker can do a dozen calls pass, about
things whose names are people's, and a container is made as :mod:`hub.containers` says or not at all. What passes is
written anew from what was read: Docker, which takes a key in any case and the last of two, hears nothing else.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import uvicorn
from docker.types import HostConfig
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alphapulse_lib.settings import Settings, settings
from hub import containers, logs
from hub.allowance import Allowance, is_team_volume, labels, prefix
from hub.person_network import NO_ADDRESS_OF_THE_MACHINE

__all__ = ["Guard", "RefusedError"]

_log = logging.getLogger("alphapulse.guard")

_SOCKET, _HOST, _PORT = "/var/run/docker.sock", "guard.docker", 2375
_VERSION = "1.41"  # of Docker's API, in which a container's options are compared
_LONGEST = 1_000_000  # bytes of what may be sent
#: Of a container, what may say anything: it is inside of the walls.
_FREE = {"Hostname", "Env", "Cmd", "ExposedPorts", "Volumes", "AttachStdout", "AttachStderr", "WorkingDir"}
_QUERIES = ("name", "t", "v", "force")


class RefusedError(Exception):
    """What was asked for does not pass."""


class Guard:
    """Looks at each call, and hands on what passes.

    Parameters
    ----------
    chosen : Settings
        Whose containers they are, and what these may.
    docker : httpx.AsyncClient
        Reaches Docker.
    """

    def __init__(self, chosen: Settings, docker: httpx.AsyncClient) -> None:
        self._chosen, self._docker = chosen, docker
        self._person = re.compile(re.escape(prefix(chosen)) + r"-[A-Za-z0-9_.-]+")

    async def answer(self, request: Request) -> Response:
        """Docker's answer, or why there is none."""
        content = b""
        async for piece in request.stream():
            content += piece
            if len(content) > _LONGEST:
                return JSONResponse({"message": "The guard takes no such long request."}, 413)
        path = re.sub(r"^/v1\.\d+(?=/)", "", request.url.path)
        query = {name: value for name, value in request.query_params.items() if name in _QUERIES}
        try:
            body = await self._passed(request.method, path, query, content)
            sent: dict[str, Any] = {} if body is None else {"json": body}
            got = await self._docker.request(request.method, quote(path, safe="/:"), params=query, **sent)
        except RefusedError as refused:
            _log.warning("Refused: %s %s: %s", request.method, path, refused)
            return JSONResponse({"message": f"The guard of Docker refuses this: {refused}"}, 403)
        except httpx.HTTPError as away:
            return JSONResponse({"message": f"Docker does not answer: {away}"}, 502)
        return Response(got.content, got.status_code, media_type=got.headers.get("content-type"))

    async def _passed(self, method: str, path: str, query: dict[str, str], content: bytes) -> dict[str, Any] | None:
        """The body that is handed on, of those calls that have one.

        Raises
        ------
        RefusedError
            None are.
        """
        match (method, *path.split("/")[1:]):
            case ("GET", "_ping" | "version"):
                return None
            case ("GET", "images", *image, "json") if "/".join(image) in Allowance.of(self._chosen).images:
                return None
            case ("POST", "containers", "create"):
                return self._container(query.get("name", ""), _read(content))
            case ("GET", "containers", name, "json") | ("POST", "containers", name, "start" | "stop"):
                await self._theirs(name)
                return None
            case ("DELETE", "containers", name):
                await self._theirs(name)
                return None
            case ("GET" | "DELETE", "networks", name):
                self._named(name)
                return None
            case ("POST", "networks", "create"):
                return self._network(_read(content))
            case ("POST", "networks", name, "connect" | "disconnect"):
                self._named(name)
                return self._joining(_read(content))
            case ("POST", "volumes", "create"):
                return self._volume(_read(content))
        raise RefusedError("it is none of what a hub needs")

    def _named(self, name: Any) -> str:
        if not isinstance(name, str) or not self._person.fullmatch(name):
            raise RefusedError(f"{name!r} is no person's")
        return name

    async def _theirs(self, name: str) -> None:
        """Refuse a container that is nobody's; one that is asked for by its id is looked up."""
        if re.fullmatch(r"[0-9a-f]{64}", name):
            found = await self._docker.get(f"/containers/{name}/json")
            if found.status_code == 404:
                return  # as Docker will say
            found.raise_for_status()
            name = str(found.json()["Name"]).removeprefix("/")
        self._named(name)

    def _container(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        told = _filled(body)
        host = _filled(told.pop("HostConfig", {}))
        owner = self._named(host.get("NetworkMode"))
        if self._named(name) != owner and not name.startswith(f"{owner}--"):
            raise RefusedError(f"{name} is not of {owner}")
        _same(_filled(HostConfig(_VERSION, **containers.walls(self._chosen, owner))), self._without_teams(host))
        if told.get("Image") not in Allowance.of(self._chosen).images:
            raise RefusedError(f"the image {told.get('Image')!r} is not among ALPHAPULSE_WORKSPACE_IMAGES")
        fixed = {"User": containers.RESEARCHER, "Labels": labels(self._chosen), "Image": told["Image"]}
        _same(fixed, {key: value for key, value in told.items() if key not in _FREE})
        return told | {"HostConfig": host}

    def _without_teams(self, host: dict[str, Any]) -> dict[str, Any]:
        """What a container is made with but for teams' folders: who is of which team, the hub alone knows."""
        binds = host.get("Binds")
        if not isinstance(binds, list):
            return host
        return host | {"Binds": [each for each in binds if not containers.is_team_mount(self._chosen, each)]}

    def _network(self, body: dict[str, Any]) -> dict[str, Any]:
        wanted = {
            "Name": self._named(body.get("Name")),
            "Driver": "bridge",
            "Internal": True,
            "CheckDuplicate": True,
            "Options": NO_ADDRESS_OF_THE_MACHINE,
            "Labels": labels(self._chosen),
        }
        _same(wanted, _filled(body))
        return wanted

    def _volume(self, body: dict[str, Any]) -> dict[str, Any]:
        # No driver, and of its options no more than the size: a volume may be a folder of the machine by the others.
        name = body.get("Name")
        if not isinstance(name, str) or not is_team_volume(self._chosen, name):
            name = self._named(name)
        wanted: dict[str, Any] = {"Name": name, "Labels": labels(self._chosen)}
        if body.get("DriverOpts"):
            wanted["DriverOpts"] = containers.volume(self._chosen)
        _same(wanted, _filled(body))
        return wanted

    def _joining(self, body: dict[str, Any]) -> dict[str, Any]:
        """The hub's own containers alone join, each by its name there, or leave."""
        told = _filled(body)
        part = told.pop("Container", None)
        alias = containers.parts(self._chosen).get(part) if isinstance(part, str) else None
        if alias is None:
            raise RefusedError(f"{part!r} is no container of the hub's")
        how = _filled(told.pop("EndpointConfig", {}))
        force = told.pop("Force", False)
        if told or how not in ({}, {"Aliases": [alias]}):
            raise RefusedError(f"it joins as {alias} and by nothing else")
        return {"Container": part, "EndpointConfig": how, "Force": force is True}


def _read(content: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = set()
        for name, _ in pairs:
            if name.casefold() in seen:
                raise RefusedError(f"a key comes twice: {name}")
            seen.add(name.casefold())
        return dict(pairs)

    try:
        body = json.loads(content, object_pairs_hook=once)
        json.dumps(body, allow_nan=False, ensure_ascii=False).encode()  # or it could not be handed on
    except (ValueError, RecursionError):
        raise RefusedError("it is no JSON") from None
    if not isinstance(body, dict):
        raise RefusedError("it is no JSON object")
    return body


def _filled(told: Any) -> dict[str, Any]:
    """What says something: what is empty, false or nought is as if it were not there."""
    if not isinstance(told, dict):
        raise RefusedError("it is no JSON object")
    return {key: value for key, value in told.items() if value not in (None, "", 0, [], {})}


def _same(wanted: dict[str, Any], told: dict[str, Any]) -> None:
    for key in sorted(wanted.keys() | told.keys()):
        if _sorted(wanted.get(key)) != _sorted(told.get(key)):
            raise RefusedError(f"{key} is {told.get(key)!r} and has to be {wanted.get(key)!r}")


def _sorted(value: Any) -> Any:
    return sorted(value, key=str) if isinstance(value, list) else value


def application(chosen: Settings, docker: httpx.AsyncClient) -> Starlette:
    """The guard, as a server takes it."""
    guard = Guard(chosen, docker)
    methods: list[str] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    answer: Callable[[Request], Any] = guard.answer
    return Starlette(routes=[Route("/{path:path}", answer, methods=methods)])


def main() -> None:
    """Serve until told to stop."""
    chosen = settings()
    logs.set_up(chosen.log_level)
    way = httpx.AsyncHTTPTransport(uds=_SOCKET)
    docker = httpx.AsyncClient(transport=way, base_url="http://docker", timeout=120)
    uvicorn.run(application(chosen, docker), host=_HOST, port=_PORT, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
