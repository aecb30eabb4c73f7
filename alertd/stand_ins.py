"""The sandbox in place of every account: where it listens, the settings that use it, and whether it runs now."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from alertd.ask import ask
from alertd.free_port import free_port
from alertd.sandbox.settings import ACCOUNT_SID, AUTH_TOKEN, PAGES

_FILE = "stand-ins.json"
_PATIENCE = 2.0  # seconds; it is on this machine


@dataclass(frozen=True, slots=True)
class StandIns:
    """A sandbox on two ports of this machine, and the settings that make every channel use it."""

    folder: Path
    port: int
    smtp_port: int

    @classmethod
    def on_free_ports(cls, data_dir: Path) -> "StandIns":
        """On ports where nobody listens now."""
        return cls(data_dir / "sandbox", free_port(), free_port())

    @property
    def url(self) -> str:
        """Its web side."""
        return f"http://127.0.0.1:{self.port}"

    def env(self, responders: Iterable[str] = ()) -> dict[str, str]:
        """The variables that replace every account, and these responders' own phones, however they were set."""
        instead = {
            "ALERTD_TWILIO__ACCOUNT_SID": ACCOUNT_SID,
            "ALERTD_TWILIO__AUTH_TOKEN": AUTH_TOKEN,
            "ALERTD_TWILIO__FROM": "+14155550100",
            "ALERTD_TWILIO__BASE_URL": self.url,
            "ALERTD_TWILIO__REPLIES": "true",
            "ALERTD_FCM__CREDENTIALS_FILE": str(self.folder / "service-account.json"),
            "ALERTD_FCM__BASE_URL": self.url,
            "ALERTD_SMTP__URL": f"smtp://127.0.0.1:{self.smtp_port}",
            "ALERTD_SMTP__FROM": "alertd sandbox <alertd@example.org>",
        } | {
            f"ALERTD_RESPONDERS__{name.upper().replace('-', '_')}": f"json://127.0.0.1:{self.port}{PAGES}/{name}"
            for name in responders
        }
        # What is set by a file would be said twice.
        return instead | {f"{name}_FILE": "" for name in instead if not name.endswith("_FILE")}

    @staticmethod
    def tell(data_dir: Path, which: "StandIns | None") -> None:
        """Leave word in the data folder that what runs on it uses these; None: real accounts, or it has ended."""
        file = data_dir / _FILE
        if which is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(json.dumps({"port": which.port, "smtp_port": which.smtp_port}))

    @classmethod
    def running(cls, data_dir: Path) -> "StandIns | None":
        """Those that what runs on this data folder uses now, if it does: the word is there, and they answer."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads((data_dir / _FILE).read_text())
            found = cls(data_dir / "sandbox", int(told["port"]), int(told["smtp_port"]))
            ask(f"{found.url}/livez", _PATIENCE)
            return found
        return None
