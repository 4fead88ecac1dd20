"""Vendors' keys, sealed: given by who looks after the hub, opened by the worker alone, in clear on no disk.

The sealed file lies in the worker's folder and is one message of Fernet's (``cryptography``): whoever has it alone has
nothing. What opens it, the master key, is a file of its own, one key a line: the first seals, all of them open, so that
another one can be put in front (``alphapulse keys rotate``) while older backups still open.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from alphapulse_lib.errors import HubError, InputError, did_you_mean
from alphapulse_lib.settings import Settings
from hub.keys import write
from hub.vault_notes import noted

__all__ = ["MASTER", "SEALED", "VENDORS", "VENDOR_KEYS", "Vault", "clear"]

#: The keys that each vendor takes, by the variables of their settings.
VENDORS: dict[str, tuple[str, ...]] = {"alpaca": ("ALPHAPULSE_ALPACA_KEY", "ALPHAPULSE_ALPACA_SECRET")}
#: What the worker alone is given: no other part asks a vendor, least of all a workspace.
VENDOR_KEYS = tuple(name for names in VENDORS.values() for name in names)
#: The sealed file below a home, and the master key's usual place, which no backup holds.
SEALED, MASTER = Path("worker", "vendors.sealed"), Path("master.key")

_LONGEST = 1000  # characters of a key
_AGAIN = "alphapulse keys remove alpaca, then alphapulse keys set alpaca"


def clear(chosen: Settings) -> dict[str, str]:
    """The vendors' keys that the settings in force hold in clear, by their variables' names."""
    held = {name: str(getattr(chosen, name.removeprefix("ALPHAPULSE_").lower())) for name in VENDOR_KEYS}
    return {name: value for name, value in held.items() if value}


class Vault:
    """The sealed keys of one hub.

    Parameters
    ----------
    file : Path
        Where they lie. Beside it is kept what the audit log has to tell of them.
    master : Path
        The file of the master keys.
    """

    def __init__(self, file: Path, master: Path) -> None:
        self.file, self.master = file, master
        self.notes = file.with_suffix(".noted")

    @classmethod
    def of(cls, chosen: Settings) -> Self:
        """That of the settings in force."""
        return cls(chosen.home_root / SEALED, chosen.master_key_file or chosen.home_root / MASTER)

    def read(self) -> dict[str, str]:
        """The keys in clear, by their variables' names; none where nothing was sealed.

        Raises
        ------
        HubError
            The master key is missing, or is another one; the file is damaged.
        """
        try:
            sealed = self.file.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as refused:
            raise HubError(f"{self.file} cannot be read: {refused.strerror}.", "Look at who owns it.") from None
        try:
            return dict(json.loads(self._opener().decrypt(sealed)))
        except (InvalidToken, ValueError):
            raise HubError(
                f"{self.file} is not opened by any key in {self.master}: it was sealed with another, or is damaged.",
                f"Put the master key there that it was sealed with; or give the keys again: {_AGAIN}",
            ) from None

    def put(self, vendor: str, values: tuple[str, ...]) -> None:
        """Seal the keys of one vendor, in place of those that it had; a master key is made where there is none.

        Raises
        ------
        InputError
            There is no such vendor, or a key is none.
        HubError
            What is sealed already cannot be opened: it is left as it is.
        """
        names = self._names(vendor)
        for name, value in zip(names, values, strict=True):
            if not value or len(value) > _LONGEST or not value.isprintable() or value != value.strip():
                raise InputError(
                    f"{name} is to be one line of up to {_LONGEST} characters, and {len(value)} characters arrived.",
                    f"Say: alphapulse keys set {vendor}, and give each key on a line of its own.",
                )
        held = self.read()
        with noted(self.notes, "keys.set", vendor):
            self._seal(held | dict(zip(names, values, strict=True)))

    def take_out(self, vendor: str) -> bool:
        """Forget the keys of one vendor; whether it had any. What cannot be opened any more is forgotten whole."""
        names = self._names(vendor)
        try:
            held = self.read()
        except HubError:
            with noted(self.notes, "keys.removed", vendor):
                self.file.unlink()
            return True
        if not any(name in held for name in names):
            return False
        with noted(self.notes, "keys.removed", vendor):
            self._seal({name: value for name, value in held.items() if name not in names})
        return True

    def rotate(self) -> None:
        """Put a new master key in front of the others, and seal with it what is sealed.

        Whatever moment it is killed at, what is sealed opens: with a key that is in the file by then.
        """
        held = self.read()
        before = self._masters() if self.master.exists() else []
        with noted(self.notes, "keys.rotated", "master key"):
            self._write_masters([Fernet.generate_key().decode(), *before])
            if held:
                self._seal(held)

    def _seal(self, values: dict[str, str]) -> None:
        if not self.master.exists():
            self._write_masters([Fernet.generate_key().decode()])
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write(self.file, self._opener().encrypt(json.dumps(values).encode()).decode())

    def _opener(self) -> MultiFernet:
        return MultiFernet([Fernet(each) for each in self._masters()])

    def _masters(self) -> list[str]:
        try:
            told = [line.strip() for line in self.master.read_text(encoding="ascii").splitlines() if line.strip()]
            for each in told:
                Fernet(each)
        except FileNotFoundError:
            raise HubError(
                f"There is no master key in {self.master}, and {self.file} is sealed with one.",
                f"Put it there, or name its file by ALPHAPULSE_MASTER_KEY_FILE; or give the keys again: {_AGAIN}",
            ) from None
        except (ValueError, OSError) as refused:
            why = refused.strerror if isinstance(refused, OSError) else "a line of it is no key of Fernet's"
            raise HubError(f"{self.master} holds no master key: {why}.", "Put the one back that was there.") from None
        if not told:
            raise HubError(f"{self.master} is empty.", "Put the master key back that was there.")
        return told

    def _write_masters(self, masters: list[str]) -> None:
        try:
            self.master.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write(self.master, "".join(f"{each}\n" for each in masters))
        except OSError as refused:
            raise HubError(
                f"{self.master} cannot be written: {refused.strerror}.", "Name another by ALPHAPULSE_MASTER_KEY_FILE."
            ) from None

    @staticmethod
    def _names(vendor: str) -> tuple[str, ...]:
        if vendor not in VENDORS:
            raise InputError(
                f"No vendor {vendor!r} takes keys.", did_you_mean(vendor, VENDORS, f"There are: {', '.join(VENDORS)}")
            )
        return VENDORS[vendor]
