"""A real PostgreSQL for tests, on a port and in a folder of its own, that can be taken away and come back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from running_hub import free_port

from alphapulse_lib.settings import Settings


class PostgreSQL:
    """One server; `start` it first."""

    def __init__(self) -> None:
        found = [Path(each) for each in (shutil.which("postgres"),) if each]
        found += sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            pytest.skip("there is no PostgreSQL here; Debian's package is called postgresql")
        self._programs = found[-1].resolve().parent if len(found) > 1 else found[0].parent
        # It refuses to run as root; its folder must be its own.
        self._who = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        self.folder, self.port = Path(tempfile.mkdtemp(prefix="alphapulse-postgres-")), free_port()
        if self._who:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "--pgdata", "data", "--username", "alphapulse", "--auth", "trust", "--no-sync")

    def start(self) -> PostgreSQL:
        """Start it, again where it ends: one that was killed leaves processes that must end first."""
        self._begin()
        deadline = time.monotonic() + 60
        while True:
            if self._process.poll() is not None:
                self._begin()
            try:
                psycopg.connect(self._plain("postgres")).close()
                return self
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.1)

    def _begin(self) -> None:
        options = ("-D", "data", "-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *options, "-k", str(self.folder)],
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=log,
                **self._who,
            )

    def kill(self) -> None:
        """End the server itself without a word; its children notice that by themselves."""
        self._process.kill()
        self._process.wait(timeout=60)

    def stop(self) -> None:
        """At once, in the middle of whatever it does: what is not committed is gone."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=60)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def database(self, name: str) -> str:
        """A new database, as SQLAlchemy names it."""
        with psycopg.connect(self._plain("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://alphapulse@127.0.0.1:{self.port}/{name}"

    def settings(self, home: Path, name: str) -> Settings:
        """Settings of a home whose databases are here."""
        return Settings(
            home=home,
            hub_database=self.database(f"{name}_hub"),
            api_database=self.database(f"{name}_api"),
            worker_database=self.database(f"{name}_dbos"),
        )

    def _plain(self, name: str) -> str:
        return f"postgresql://alphapulse@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments], cwd=self.folder, check=True, capture_output=True, **self._who
        )
