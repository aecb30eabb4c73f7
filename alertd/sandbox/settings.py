"""What a sandbox is started with."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from alertd.sandbox.dead import DeadAddresses
from alertd.sandbox.faults import Fault
from alertd.sandbox.story_clock import REAL, StoryClock

ACCOUNT_SID = "AC5a4db0c5a4db0c5a4db0c5a4db0c5a4d"
"""The stand-in Twilio account; "sandbox", as far as hexadecimal goes."""

AUTH_TOKEN = "sandbox-token-no-secret"  # noqa: S105 - opens nothing but a sandbox on loopback
PROJECT_ID = "alertd-sandbox"
PAGES = "/page"
"""Responders' web hooks begin here: /page/owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """Where a sandbox listens, whom it lets in, how it misbehaves. Port 0 = any free port."""

    data_dir: Path  # log and credentials; made if it isn't there
    host: str = "127.0.0.1"
    port: int = 0
    smtp_port: int = 0
    account_sid: str = ACCOUNT_SID
    auth_token: str = AUTH_TOKEN
    project_id: str = PROJECT_ID
    token_ttl_s: int = 3600  # of the access tokens that the OAuth endpoint gives
    smtp_login: tuple[str, str] | None = None  # user and password; None: no AUTH
    story: StoryClock = REAL
    zone: str = "UTC"  # in which the inbox shows time
    faults: tuple[Fault, ...] = ()
    dead: DeadAddresses = field(default_factory=DeadAddresses)

    def __post_init__(self) -> None:
        """Refuse what would let strangers in. Raises ValueError, which names the setting."""
        if not is_loopback(self.host):
            raise ValueError("host: the sandbox is for this machine only; take 127.0.0.1 or ::1")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError) as error:
            raise ValueError(f"zone: {self.zone!r} is no time zone; take a name such as America/Denver") from error


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
