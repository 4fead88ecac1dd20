"""TLS in front of a port of this machine, as what stands before a hub speaks it: bytes go on as they are."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import threading
from pathlib import Path

__all__ = ["TLSFront", "certificate"]


def certificate(folder: Path, *names: str) -> Path:
    """A certificate for these names that nobody signed but itself, with its key in the same file."""
    key, made = folder / "key.pem", folder / "certificate.pem"
    said = ",".join(f"DNS:{name}" for name in names)
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={said}"]
    subprocess.run([*words, *named, "-keyout", key, "-out", made], check=True, capture_output=True)
    made.write_text(made.read_text() + key.read_text())
    return made


class TLSFront:
    """It listens at ``port`` of this machine for as long as the block lasts, and hands all on to another."""

    def __init__(self, port: int, to: int, held: Path) -> None:
        self._port, self._to = port, to
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(held)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> TLSFront:
        self._thread.start()
        opening = asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=self._context)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pour(reader, inner_writer), _pour(inner_reader, writer))


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # either end went away
        while some := await source.read(65_536):
            target.write(some)
            await target.drain()
    target.close()
