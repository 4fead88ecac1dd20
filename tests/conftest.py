"""What every test may ask for: an empty home, one whose catalog holds the bundled sample, a hub, a browser."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import CHROMIUM, FLAGS
from filelock import FileLock
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from distributed import LocalCluster
    from object_store import ObjectStore
    from running_hub import RunningHub

    from alphapulse_lib.location import ObjectPath

PROJECT = Path(__file__).parents[1]


def pytest_configure() -> None:
    """Be as a terminal's: a shell starts what it runs in the background deaf to interrupts, and all that starts from
    there stays so. Tests that interrupt a program would see it go on to its end.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads or writes the developer's own home: unless it asks for more, its home is an empty folder."""
    for name in [name for name in os.environ if name.startswith(("ALPHAPULSE_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ALPHAPULSE_HOME", str(tmp_path / "home"))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """What runs are forked from serves all tests: the name of each, which pytest sets, makes no other surroundings."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    return (yield)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says what a test measured; all of it is shown at the end, however many processes ran the tests."""

    def told(words: str) -> None:
        request.node.user_properties.append(("figure", words))

    return told


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures, each with the test that measured it."""
    reports = [each for held in terminalreporter.stats.values() for each in held if getattr(each, "when", "") == "call"]
    told = [(each.nodeid, words) for each in reports for name, words in each.user_properties if name == "figure"]
    if told:
        terminalreporter.section("what was measured")
    for nodeid, words in told:
        terminalreporter.write_line(f"{nodeid}: {words}")


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An S3-speaking server, in a process of its own."""
    from object_store import running

    with running(tmp_path_factory.mktemp("object-store") / "server.log") as store:
        yield store


@pytest.fixture
def bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectPath:
    """A catalog of nothing in a new bucket, which this test's environment leads to."""
    for name, value in object_store.variables().items():
        monkeypatch.setenv(name, value)
    return object_store.bucket()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system of its own, as large as it is told to be."""
    place = tmp_path / "disk"
    place.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(made, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk; tests/catalog/test_publish.py has one for everybody")
    try:
        yield lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True) and place
    finally:
        # Lazily: the files that were just read stay open for the next question.
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture(scope="session")
def sample_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The team's catalog with the bundled sample in it, filled once for all test processes. Read it only."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "sample-catalog"
    with FileLock(f"{shared}.lock"), pytest.MonkeyPatch.context() as patch:
        if not shared.exists():
            import alphapulse_lib as ap

            filling = shared.with_name("sample-catalog-filling")
            shutil.rmtree(filling, ignore_errors=True)
            patch.setenv("ALPHAPULSE_CATALOG", str(filling))
            ap.ingest("sample")
            filling.rename(shared)
    yield shared


@pytest.fixture
def sample(sample_catalog: Path, monkeypatch: pytest.MonkeyPatch, no_settings_from_outside: None) -> Path:
    """The bundled sample as this test's catalog, to be read; its ledger is the test's own."""
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(sample_catalog))
    return sample_catalog


@pytest.fixture
def writable_sample(sample_catalog: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the bundled sample that this test may change."""
    own = tmp_path / "catalog"
    shutil.copytree(sample_catalog, own)
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(own))
    return own


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub of two people, admin and bob, whole and just begun."""
    from running_hub import RunningHub

    running = RunningHub(tmp_path_factory.mktemp("hub") / "home", ALPHAPULSE_USERS="bob").start()
    yield running
    running.interrupt()


@pytest.fixture(scope="session")
def dask() -> Iterator[LocalCluster]:
    """A Dask cluster of two workers, which every sweep that is pointed at it shares."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster


@pytest.fixture
def shared(dask: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> LocalCluster:
    """Sweeps of this test run on that cluster."""
    monkeypatch.setenv("ALPHAPULSE_DASK", dask.scheduler_address)
    return dask


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser, as Playwright drives it."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the test packages: make test")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


#: What takes longest, longest first: begun last, it would keep one process busy when the others have nothing left.
LONGEST = (
    "tests/docker/",
    "tests/extensions/test_job_ends.py",
    "tests/hub/test_schedules.py",
    "tests/hub/test_dashboards_access.py",
    "tests/hub/test_kills.py",
    "tests/hub/test_sign_in.py",
    "tests/journeys/test_team_day.py",
    "tests/hub/test_supervise.py",
    "tests/hub/test_administering.py",
    "tests/hub/test_dashboards.py",
    "tests/hub/test_services.py",
    "tests/hub/test_status.py",
    "tests/hub/test_foreign_html.py",
    "tests/hub/test_hosts.py",
    "tests/journeys/test_workbench.py",
    "tests/hub/test_one_hub.py",
    "tests/hub/test_walls.py",
    "tests/catalog/test_kills.py",
    "tests/session/test_full_disks.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each file whole: the longest first, then those of the most tests."""
    held = Counter(item.path for item in items)

    def place(item: pytest.Item) -> tuple[int, int]:
        longest = (at for at, name in enumerate(LONGEST) if item.nodeid.startswith(name))
        return next(longest, len(LONGEST)), -held[item.path]

    items.sort(key=place)


class ByFile(LoadFileScheduling):
    """Each file to one process, and all that needs images to the same: they are built there once."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/docker" if nodeid.startswith("tests/docker/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """How tests are shared out to several processes, where files are to stay whole."""
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


#: What a machine may lack in CI: the test data that stays beside the project, an unprivileged account.
_MAY_BE_MISSING = ("shared/data", "root may", "a uv here")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that skips for want of a program or a package has failed."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same of a whole file."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not os.environ.get("CI") or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if not any(word in reason for word in _MAY_BE_MISSING):
        report.outcome, report.longrepr = "failed", f"CI may skip nothing that can be installed. {reason}"
