"""moto's S3-speaking server in a process of its own, with a bucket for each test, and what may stand in its way.

What stands in the way is an `Edge`: the network between us and the store, which cuts a request or an answer short, or
answers with a fault of its own. It counts the requests that pass, by what they ask.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from alphapulse_lib.location import ObjectPath

KEYS = {"AWS_ACCESS_KEY_ID": "desk", "AWS_SECRET_ACCESS_KEY": "a secret of the desk", "AWS_REGION": "us-east-1"}
_PATIENCE = 120.0

type Request = tuple[str, str]


class ObjectStore:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process, self.url = process, url

    def bucket(self) -> ObjectPath:
        """A new bucket's catalog."""
        name = f"desk-{uuid.uuid4().hex[:12]}"
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT"), timeout=60).close()
        return ObjectPath(f"s3://{name}/catalog")

    def keep_versions(self, bucket: str) -> None:
        """Let a bucket keep what is replaced."""
        self._client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def contents(self, bucket: str) -> dict[str, tuple[str, bytes]]:
        """Every object of a bucket, by key: its version and its bytes."""
        client = self._client
        return {
            key: (version, client.get_object(Bucket=bucket, Key=key)["Body"].read())
            for key, version in self._versions(bucket).items()
        }

    def put_back(self, bucket: str, contents: Mapping[str, tuple[str, bytes]]) -> None:
        """Make a bucket what it was."""
        client, there = self._client, self._versions(bucket)
        for key in there.keys() - contents.keys():
            client.delete_object(Bucket=bucket, Key=key)
        for key, (version, content) in contents.items():
            if there.get(key) != version:
                client.put_object(Bucket=bucket, Key=key, Body=content)

    def _versions(self, bucket: str) -> dict[str, str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", [])}

    @cached_property
    def _client(self) -> Any:
        import boto3

        keys = {name.lower(): value for name, value in KEYS.items() if "KEY" in name}
        return boto3.client("s3", endpoint_url=self.url, region_name=KEYS["AWS_REGION"], **keys)

    def variables(self, url: str = "") -> dict[str, str]:
        """The environment of whoever speaks to it."""
        return KEYS | {"AWS_ENDPOINT_URL": url or self.url}


@contextmanager
def running(log: Path) -> Iterator[ObjectStore]:
    """Start a server on a free port; it is gone afterwards."""
    with log.open("wb") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
            stdout=told,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        try:
            yield ObjectStore(process, _address(process, log))
        finally:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it says that it runs, once it answers there."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        found = [word for word in log.read_text().split() if word.startswith("http://127.0.0.1:")]
        if found:
            urllib.request.urlopen(f"{found[0]}/moto-api/data.json", timeout=60).close()
            return found[0]
        time.sleep(0.05)
    raise TimeoutError(log.read_text())


class Edge:
    """The network in front of a store.

    Attributes
    ----------
    url : str
        Where it takes requests.
    seen : list of (method, path)
        The requests that came, decoded, a listing's prefix as its path.
    harm : callable
        Given a method and a path, what to do: ``"refuse"`` (503), ``"swallow"`` (pass the request on, drop its answer),
        ``"cut request"`` (pass on half of it), ``"cut answer"`` (half of the answer), or ``""``.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.seen: list[Request] = []
        self.harm: Callable[[str, str], str] = lambda method, path: ""
        edge, target = self, urlsplit(store.url)

        class Passing(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # an answer is sent in two pieces

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = unquote(self.path)
                edge.seen.append((self.command, path))
                harm = edge.harm(self.command, path)
                if harm == "refuse":
                    self.send_error(503)
                    return
                upstream = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                if harm == "cut request":
                    upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in headers.items():
                        upstream.putheader(name, value)
                    upstream.endheaders()
                    upstream.send(body[: len(body) // 2])
                    upstream.close()
                    self.close_connection = True
                    return
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                if harm == "swallow":
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                        self.send_header(name, value)
                told = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
                self.send_header("Content-Length", told or "0")
                self.end_headers()
                if harm == "cut answer":
                    self.wfile.write(content[: len(content) // 2])
                    self.close_connection = True
                else:
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "PUT", "HEAD", "DELETE", "POST"):
            setattr(Passing, f"do_{method}", Passing.handle_any)

        class Serving(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:  # whom it cuts off hangs up
                pass

        self._server = Serving(("127.0.0.1", 0), Passing)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def asked(self, method: str, ending: str = "") -> list[str]:
        """The paths that were asked for, by how they end."""
        return [path for seen, path in self.seen if seen == method and path.endswith(ending)]

    def close(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()
