"""Vendors' keys: sealed, in clear in no file, opened by the right master key alone. Fernet itself opens them here."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken
from running_hub import PROJECT, environment

from alphapulse_lib.errors import HubError, InputError
from alphapulse_lib.settings import Settings
from hub import vault_notes
from hub.__main__ import main
from hub.api.audit.schema import Entry
from hub.api.audit.store import AuditLog
from hub.api.database import opened as opened_database
from hub.backup.restoring import restore
from hub.backup.taking import take
from hub.doctor import kept, running
from hub.keys import keys
from hub.vault import Vault
from hub.worker.unsealing import Unsealing

KEY, SECRET = "PKCANARYVAULT000001", "canary-of-the-vault-that-is-in-clear-nowhere"
NAMES = ("ALPHAPULSE_ALPACA_KEY", "ALPHAPULSE_ALPACA_SECRET")
BOTH = dict(zip(NAMES, (KEY, SECRET), strict=True))


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A hub's home; the folder with the .env is beside it."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    made = Settings(home=tmp_path / "home")
    made.home_root.mkdir(mode=0o700)
    keys(made.home_root)
    return made


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def command(chosen: Settings, *words: str, told: str = "", **more: str) -> Done:
    """``python -m hub keys ...``, in this process."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.setattr(sys, "argv", ["alphapulse", "keys", *words])
        patched.setattr(sys, "stdin", StringIO(told))
        for name, value in {"ALPHAPULSE_HOME": str(chosen.home_root), **more}.items():
            patched.setenv(name, value)
        code = main()
    assert not [each for each in (KEY, SECRET) if each in out.getvalue() + err.getvalue()], "no key is ever shown"
    return Done(code, out.getvalue(), err.getvalue())


def in_clear(folder: Path) -> list[str]:
    files = [each for each in folder.rglob("*") if each.is_file()]
    return [str(each) for each in files if KEY.encode() in each.read_bytes() or SECRET.encode() in each.read_bytes()]


def opened(vault: Vault, master: str) -> dict[str, str]:
    return dict(json.loads(Fernet(master).decrypt(vault.file.read_bytes())))


def masters(vault: Vault) -> list[str]:
    return vault.master.read_text().split()


def test_what_is_set_is_sealed_and_lies_in_clear_nowhere(chosen: Settings, tmp_path: Path):
    vault = Vault.of(chosen)
    assert vault.read() == {} and not vault.master.exists()
    done = command(chosen, "set", "alpaca", told=f"{KEY}\n{SECRET}\n")
    assert done.returncode == 0 and str(vault.master) in done.stdout
    (master,) = masters(vault)
    assert opened(vault, master) == vault.read() == BOTH
    assert in_clear(tmp_path) == []
    assert {stat.S_IMODE(each.stat().st_mode) for each in (vault.file, vault.master)} == {0o600}
    told = command(chosen, "list")
    assert "alpaca       sealed" in told.stdout
    command(chosen, "remove", "alpaca")
    assert vault.read() == {} and "not set" in command(chosen, "list").stdout


def test_what_is_done_to_keys_is_in_the_audit_log_with_whose_account_did_it(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SUDO_USER", "olga")
    both = f"{KEY}\n{SECRET}\n"
    for words, told in ((("set", "alpaca"), both), (("rotate",), ""), (("remove", "alpaca"), "")):
        assert command(chosen, *words, told=told).returncode == 0
    assert command(chosen, "remove", "alpaca").returncode == 0, "there are none any more: nothing was done"
    assert command(chosen, "set", "alpaca", told="\n").returncode == 1
    notes = Vault.of(chosen).notes
    (notes / "half.json").write_text('{"id": "')
    engine = opened_database(chosen)
    for _ in range(2):
        vault_notes.tell(engine, notes)
    found = [each for _, each in AuditLog(engine).page({}, 10, None)][::-1]
    assert [(each.who, each.action, each.about) for each in found if isinstance(each, Entry)] == [
        ("account olga", "keys.set", "alpaca"),
        ("account olga", "keys.rotated", "master key"),
        ("account olga", "keys.removed", "alpaca"),
    ]
    assert [each.name for each in notes.iterdir()] == ["half.refused"]
    engine.dispose()


def test_nothing_is_done_to_keys_that_could_not_be_told(chosen: Settings):
    vault = Vault.of(chosen)
    vault.notes.parent.mkdir()
    vault.notes.write_text("a file where the notes would be")
    done = command(chosen, "set", "alpaca", told=f"{KEY}\n{SECRET}\n")
    assert done.returncode == 1 and "Nothing was changed" in done.stderr
    assert not vault.file.exists()


def test_the_command_that_a_person_types_does_it(chosen: Settings):
    done = subprocess.run(
        [Path(sys.executable).with_name("alphapulse"), "keys", "set", "alpaca"],
        env=environment(chosen.home_root, 1),
        cwd=PROJECT,
        input=f"{KEY}\n{SECRET}\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr and Vault.of(chosen).read() == BOTH


def test_the_master_key_may_lie_anywhere(chosen: Settings, tmp_path: Path):
    elsewhere = tmp_path / "secrets" / "master"
    done = command(chosen, "set", "alpaca", told=f"{KEY}\n{SECRET}\n", ALPHAPULSE_MASTER_KEY_FILE=str(elsewhere))
    assert done.returncode == 0
    assert not (chosen.home_root / "master.key").exists()
    assert Vault.of(chosen.model_copy(update={"master_key_file": elsewhere})).read() == BOTH
    with pytest.raises(HubError, match=r"There is no master key in .*master\.key"):
        Vault.of(chosen).read()


def test_another_master_key_takes_over_and_the_former_one_opens_what_was_sealed_before(chosen: Settings):
    vault = Vault.of(chosen)
    vault.put("alpaca", (KEY, SECRET))
    (first,), before = masters(vault), vault.file.read_bytes()
    assert command(chosen, "rotate").returncode == 0
    second, former = masters(vault)
    assert former == first and second != first
    assert opened(vault, second) == BOTH
    with pytest.raises(InvalidToken):
        opened(vault, first)
    vault.file.write_bytes(before)  # of an older backup
    assert vault.read() == BOTH
    vault.master.write_text(f"{second}\n")
    with pytest.raises(HubError, match="is not opened by any key"):
        vault.read()


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda vault: vault.master.unlink(), "There is no master key"),
        (lambda vault: vault.master.write_text(""), "is empty"),
        (lambda vault: vault.master.write_text("no key\n"), "holds no master key"),
        (lambda vault: vault.master.write_bytes(Fernet.generate_key()), "is not opened by any key"),
        (lambda vault: vault.file.write_bytes(vault.file.read_bytes()[:-9]), "is not opened by any key"),
        (lambda vault: vault.file.write_bytes(b"\xff\x00"), "is not opened by any key"),
    ],
)
def test_what_cannot_be_opened_is_said_left_alone_and_replaced_when_asked(chosen: Settings, harm, says: str):
    vault = Vault.of(chosen)
    vault.put("alpaca", (KEY, SECRET))
    harm(vault)
    held = vault.file.read_bytes()
    for words, told in ((("list",), ""), (("set", "alpaca"), f"{KEY}\n{SECRET}\n"), (("rotate",), "")):
        done = command(chosen, *words, told=told)
        assert done.returncode == 1 and says in done.stderr
    assert vault.file.read_bytes() == held
    assert (running.vendor_keys(chosen).state, says in running.vendor_keys(chosen).said) == ("wrong", True)
    assert command(chosen, "remove", "alpaca").returncode == 0
    assert running.vendor_keys(chosen).state == "ok"


@pytest.mark.parametrize("told", ["", f"{KEY}\n", f"{KEY}\n\n", f"{KEY}\n{'s' * 2000}\n", f"{KEY}\n\x1b[0mx\n"])
def test_what_is_no_key_is_refused(chosen: Settings, told: str):
    done = command(chosen, "set", "alpaca", told=told)
    assert done.returncode == 1 and "characters arrived" in done.stderr
    assert not Vault.of(chosen).file.exists()


def test_an_unknown_vendor_is_told_the_nearest(chosen: Settings):
    done = command(chosen, "set", "alpacca")
    assert done.returncode == 1 and "alpaca" in done.stderr
    with pytest.raises(InputError):
        Vault.of(chosen).take_out("")


def test_what_lies_in_clear_is_found_sealed_and_taken_out_of_the_file(chosen: Settings, tmp_path: Path):
    file = Path(".env").absolute()
    file.write_text(f"# ours\nALPHAPULSE_USERS='ann'\nexport {NAMES[0]}={KEY}\n{NAMES[1]}='{SECRET}'\nOTHER=1\n")
    file.chmod(0o600)
    told = running.vendor_keys(Settings(home=chosen.home_root))
    assert (told.state, told.mend) == ("warning", "alphapulse keys seal") and str(file) in told.said
    assert SECRET not in told.said
    assert f"In clear in {file}" in command(chosen, "list").stdout
    assert command(chosen, "seal").returncode == 0
    assert file.read_text() == "# ours\nALPHAPULSE_USERS='ann'\nOTHER=1\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Vault.of(chosen).read() == BOTH and in_clear(tmp_path) == []
    after = running.vendor_keys(Settings(home=chosen.home_root))
    assert after.state == "ok" and str(Vault.of(chosen).master) in after.said
    assert "No vendor's keys lie in clear" in command(chosen, "seal").stderr


def test_a_half_is_not_sealed_and_stays(chosen: Settings):
    Path(".env").write_text(f"{NAMES[0]}={KEY}\n")
    done = command(chosen, "seal")
    assert done.returncode == 1 and f"Only {NAMES[0]} is there" in done.stderr
    assert KEY in Path(".env").read_text() and not Vault.of(chosen).file.exists()


def test_what_only_the_environment_holds_is_sealed_and_said(chosen: Settings):
    done = command(chosen, "seal", **BOTH)
    assert done.returncode == 0 and f"{NAMES[1]} is in the environment of this command" in done.stdout
    assert Vault.of(chosen).read() == BOTH


def test_others_may_read_neither_file(chosen: Settings):
    vault = Vault.of(chosen)
    vault.put("alpaca", (KEY, SECRET))
    assert kept.secrets(chosen).state == "ok"
    for file in (vault.file, vault.master):
        file.chmod(0o640)
        assert kept.secrets(chosen).state == "wrong" and str(file) in kept.secrets(chosen).mend
        file.chmod(0o600)


def test_a_backup_holds_what_is_sealed_and_neither_the_master_key_nor_a_key_in_clear(chosen: Settings, tmp_path: Path):
    vault, said = Vault.of(chosen), []
    vault.put("alpaca", (KEY, SECRET))
    lying = chosen.model_copy(update={"alpaca_key": KEY, "alpaca_secret": SECRET})
    take(lying, tmp_path / "kept.tar", said.append)
    content = (tmp_path / "kept.tar").read_bytes()
    (master,) = masters(vault)
    assert not [each for each in (KEY, SECRET, master) if each.encode() in content]
    assert f"what opens them, {vault.master}, is not" in "\n".join(said)
    assert "ALPHAPULSE_ALPACA_KEY, ALPHAPULSE_ALPACA_SECRET are set in clear and not in this file" in "\n".join(said)
    other = Settings(home=tmp_path / "other")
    restore(other, tmp_path / "kept.tar", said.append)
    assert running.vendor_keys(other).state == "wrong", "until the master key is brought along"
    Vault.of(other).master.write_text(f"{master}\n")
    assert Vault.of(other).read() == BOTH


def test_no_backup_is_taken_that_would_hold_the_master_key(chosen: Settings, tmp_path: Path):
    (chosen.home_root / "users").mkdir(mode=0o700)
    inside = chosen.model_copy(update={"master_key_file": chosen.home_root / "users" / "master.key"})
    with pytest.raises(HubError, match="beside what it opens"):
        take(inside, tmp_path / "kept.tar", print)
    assert not (tmp_path / "kept.tar").exists()


def test_a_worker_takes_changes_and_goes_on_where_nothing_opens(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    for name in NAMES:
        monkeypatch.setenv(name, "as it was started with")
    vault = Vault.of(chosen)
    unsealing = Unsealing(vault)
    unsealing.look()
    assert os.environ[NAMES[0]] == "as it was started with"
    vault.put("alpaca", (KEY, SECRET))
    unsealing.look()
    assert {name: os.environ[name] for name in NAMES} == BOTH
    master = vault.master.read_bytes()
    vault.master.unlink()
    unsealing.look()
    unsealing.look()
    assert len([each for each in caplog.records if "There is no master key" in each.message]) == 1, "said once"
    assert os.environ[NAMES[1]] == SECRET, "it goes on with those that it has"
    vault.master.write_bytes(master)
    vault.put("alpaca", ("another", "pair"))
    unsealing.look()
    assert os.environ[NAMES[1]] == "pair"
    vault.take_out("alpaca")
    unsealing.look()
    assert os.environ[NAMES[0]] == "as it was started with"
    assert KEY not in caplog.text and SECRET not in caplog.text
