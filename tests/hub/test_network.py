"""Addresses: free ones are found, taken ones are named with the setting that moves them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from running_hub import PROJECT, free_port
from waiting import until

from alphapulse_lib.errors import HubError, SettingsError
from alphapulse_lib.settings import Settings
from hub import network
from hub.network import Network


def test_three_different_ports_are_chosen_and_read_back(tmp_path: Path):
    chosen = network.choose(Settings(port=free_port()))
    assert len({chosen.port, chosen.proxy_port, chosen.hub_port}) == 3
    chosen.write(tmp_path / "network.json")
    assert network.read(tmp_path / "network.json") == chosen


def test_no_part_is_given_the_public_port_where_hardly_another_is_free():
    """In a network of its own, where six ports are given: one is the public one."""
    code = (
        "import fcntl, socket, struct\n"
        "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 1))  # SIOCSIFFLAGS, IFF_UP\n"
        "from alphapulse_lib.settings import Settings; from hub import network\n"
        "network._INNER = range(40000, 40006)\n"
        "for _ in range(20):\n"
        "    it = network.choose(Settings(port=40000))\n"
        "    print(sorted((it.proxy_port, it.hub_port, it.api_port, it.dashboards_port)))\n"
    )
    alone = ("unshare", "--net", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")))
    said = subprocess.run(
        [*alone, sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    given = [json.loads(each) for each in said.stdout.splitlines()]
    assert [len({40000, *each}) for each in given] == [5] * 20


@pytest.mark.skipif(sys.platform != "linux", reason="where Linux tells which it gives")
def test_no_part_is_given_a_port_that_the_system_gives_to_whoever_asks_for_any():
    lowest, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    for _ in range(20):
        it = network.choose(Settings(port=free_port()))
        assert max(it.proxy_port, it.hub_port, it.api_port, it.dashboards_port) < lowest


def test_a_taken_port_is_named_with_the_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HubError) as refused:
            network.choose(Settings(port=port))
    assert f"Port {port}" in refused.value.message
    assert "ALPHAPULSE_PORT" in refused.value.hint


@pytest.mark.parametrize("address", ["no such host", "203.0.113.7"])
def test_an_address_that_is_not_ours_is_named_with_the_setting(address: str):
    with pytest.raises(SettingsError, match="ALPHAPULSE_ADDRESS"):
        network.choose(Settings(address=address, port=free_port()))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may take any port")
def test_a_low_port_is_named_with_the_setting():
    with pytest.raises(SettingsError, match="ALPHAPULSE_PORT=80 "):
        network.choose(Settings(port=80))


@pytest.mark.parametrize(
    ("address", "typed"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("10.1.2.3", "http://10.1.2.3:8000"),
    ],
)
def test_the_printed_address_can_be_typed_into_a_browser(address: str, typed: str):
    assert Network(address, 8000, 1, 2, 3, 4).url == typed


def test_a_hub_started_without_make_up_is_told_so(tmp_path: Path):
    with pytest.raises(HubError, match=r"network\.json is missing") as refused:
        network.read(tmp_path / "network.json")
    assert "make up" in refused.value.hint


def test_parts_that_are_containers_listen_each_at_its_own_name(tmp_path: Path):
    network.apart().write(tmp_path / "network.json")
    places = network.read(tmp_path / "network.json")
    assert places.hub_api == "http://hub.inside:8081"
    assert places.url == "http://proxy.inside:8000", "and not this machine, where the proxy is not"
    assert places.health[0].startswith("http://api.inside:")
    command = network.proxy_command(places)
    assert command[command.index("--api-ip") + 1] == "proxy.inside", "people's networks reach its public port alone"
    assert command[command.index("--ip") + 1] == "0.0.0.0"


class Workspace(BaseHTTPRequestHandler):
    """A server whose owner wants all of its host for a script of theirs."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("service-worker-allowed", "/")
        self.send_header("X-Own", "kept")
        said = [self.headers.get(name, "") for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded")]
        self.send_header("X-Was-Told", "|".join(said))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxied(home: Path, *options: str, **more: str) -> Iterator[Network]:
    """A real proxy before bob's workspace."""
    workspace = ThreadingHTTPServer(("127.0.0.1", 0), Workspace)
    threading.Thread(target=workspace.serve_forever, daemon=True).start()
    chosen = Settings(port=free_port(), home=home, **more)
    places = network.choose(chosen)
    secret = {"Authorization": "token of-the-test"}
    (home / "run").mkdir(parents=True)
    environment = {**os.environ, **network.proxy_environment(chosen, "of-the-test", places)}
    proxy = subprocess.Popen([*network.proxy_command(places), *options], env=environment, cwd=home)

    def told() -> bool:
        way = {"target": f"http://127.0.0.1:{workspace.server_port}"}
        try:
            return httpx.post(f"{places.proxy_api}/api/routes/user/bob", headers=secret, json=way).status_code == 201
        except httpx.TransportError:
            return False

    try:
        until(told)
        yield places
    finally:
        proxy.terminate()
        proxy.wait(timeout=30)
        workspace.shutdown()
        workspace.server_close()


def test_no_workspace_s_script_gets_the_whole_host(tmp_path: Path):
    with proxied(tmp_path) as places:
        answer = httpx.get(f"{places.url}/user/bob/worker.js", timeout=60)
    assert (answer.text, answer.headers["x-own"]) == ("ok", "kept")
    assert "service-worker-allowed" not in answer.headers


def test_a_way_that_cannot_be_decoded_is_a_mistake_of_who_asks(tmp_path: Path):
    opened = {"Connection": "Upgrade", "Upgrade": "websocket"}
    with proxied(tmp_path) as places:
        for way in ("/user/bob/%ff", "/%ff", "/hub/%E0%A4%A", "//", "/user/bob/100%"):
            for headers in ({}, opened):
                asked = HTTPConnection("127.0.0.1", places.port, timeout=30)
                asked.request("GET", way, headers=headers)
                assert asked.getresponse().status == 400, (way, headers)
                asked.close()
        assert httpx.get(f"{places.url}/user/bob/caf%C3%A9", timeout=60).text == "ok"


def test_where_a_request_came_from_is_believed_of_what_stands_in_front_alone(tmp_path: Path):
    forged = {"X-Forwarded-For": "192.0.2.1, 198.51.100.9", "X-Real-IP": "192.0.2.1", "Forwarded": "for=192.0.2.1"}

    def told(places: Network, peer: str, **headers: str) -> list[str]:
        with httpx.Client(transport=httpx.HTTPTransport(local_address=peer), timeout=60) as http:
            said = http.get(f"{places.url}/user/bob/", headers=headers).headers["x-was-told"].split("|")
            return [said[0].partition(",")[0].strip(), *said[1:]]

    with proxied(tmp_path / "near") as places:
        assert told(places, "127.0.0.2", **forged) == ["127.0.0.2", "", ""], "as a container would"
        front = told(places, "127.0.0.1", **forged)
        assert front[:2] == ["198.51.100.9", ""], "the word of who stands nearest, not of who asked"
        assert told(places, "127.0.0.1") == ["127.0.0.1", "", ""]
        assert told(places, "127.0.0.1", **{"X-Forwarded-For": "nonsense, 127.0.0.1"})[0] == "127.0.0.1"
    with proxied(tmp_path / "far", "--no-x-forward", fronts="127.0.0.2, 10.0.0.0/8") as places:
        through = {"X-Forwarded-For": "192.0.2.1, 198.51.100.9, 10.1.2.3"}
        assert told(places, "127.0.0.2", **through)[0] == "198.51.100.9"
        assert told(places, "127.0.0.3", **through)[0] == "127.0.0.3"


def test_a_front_that_is_no_address_is_refused_by_name(tmp_path: Path):
    with pytest.raises(SettingsError, match="ALPHAPULSE_FRONTS holds 'the-load-balancer'"):
        network.fronts(Settings(fronts="10.0.0.1, the-load-balancer"))
