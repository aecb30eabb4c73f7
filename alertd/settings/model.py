"""What alertd can be told about where it runs; secrets print as stars, nothing changes after the start."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from alertd.domain.errors import Invalid
from alertd.domain.incident import Severity
from alertd.domain.responder_url import check_responder_url
from alertd.domain.web_address import ascii_host, ascii_path
from alertd.ingest.addresses import phone
from alertd.settings.address import address


def _url(value: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in schemes:
        raise ValueError(f"must be a URL that begins with {' or '.join(f'{scheme}:' for scheme in schemes)}")
    return parts


def _web(value: str) -> str:
    parts = _url(value, ("https", "http"))
    if not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be a URL with a host, and without ? or #")
    user, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port is not None else ""
    try:
        host = parts.netloc if parts.netloc.isascii() else f"{user}{at}{ascii_host(parts.hostname)}{port}"
        ascii_host(parts.hostname)
    except UnicodeError:
        raise ValueError(
            "names a host that cannot exist, as each part has 1 to 63 characters, or one with a letter of two "
            "spellings (ß, ς): write such a name as xn--..."
        ) from None
    # In ASCII: an SMS has no other letters, and a link with plainer ones leads to somebody else.
    return f"{parts.scheme}://{host}{ascii_path(parts.path)}".rstrip("/")


def _utc(value: datetime | None) -> datetime | None:
    return value.astimezone(UTC) if value else None


def _database(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    driver = text.partition(":")[0]
    if driver.partition("+")[0] not in ("sqlite", "postgresql"):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return value


def _broker(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        _url(value.get_secret_value(), ("redis", "rediss", "redis+socket", "unix"))
    return value


def _smtp(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not _url(value.get_secret_value(), ("smtp", "smtp+starttls", "smtps")).hostname:
        raise ValueError("must name the mail server: smtp://user:password@host:587")
    return value


def _table(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [entry.partition("=") for entry in value.split(",") if entry.strip()]
    if any(not equals or not word.strip() or not meaning.strip() for word, equals, meaning in pairs):
        raise ValueError("must be a table; in the environment write for example page=critical,warning=minor")
    return {word.strip(): meaning.strip() for word, _, meaning in pairs}


def _dead_man(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        parts = _url(value.get_secret_value(), ("https", "http"))
        if not parts.hostname or parts.fragment or parts.username is not None or parts.password is not None:
            raise ValueError("must be a URL with a host, and without a user or #")
        if not value.get_secret_value().isascii() or any(c.isspace() for c in value.get_secret_value()):
            raise ValueError("must be ASCII without blanks; write others as %20 and the like")
    return value


def _reachable(value: SecretStr) -> SecretStr:
    """A phone number in its one form, or an Apprise URL as it is."""
    text = value.get_secret_value().strip()
    try:
        if "://" not in text:
            return SecretStr(phone(text))
        check_responder_url(text)
    except Invalid as error:
        raise ValueError(error.message) from None
    return SecretStr(text)


def _zone(value: str | None) -> str | None:
    try:
        return ZoneInfo(value).key if value else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone; write it like America/Los_Angeles") from None


Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\r\n]*$")
]
AndroidChannel = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\r\n]*$")
]
Web = Annotated[str, AfterValidator(_web)]
SourceName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@+-]*$")]
LabelName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\r\n]*$")]
Table = Annotated[dict[str, str], BeforeValidator(_table)]
Rate = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class _Part(BaseModel):
    """Settings never change, know all their keys, and show no value in an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        validate_default=True,
    )


class Api(_Part):
    """Where the HTTP API listens."""

    host: Text = "127.0.0.1"
    port: int = Field(default=8420, ge=1, le=65535)


class Twilio(_Part):
    """The account that SMS and calls go out by. The rate is in message segments per second."""

    account_sid: Text | None = None
    auth_token: SecretStr | None = None
    auth_token_previous: SecretStr | None = None  # while it is rotated: what Twilio signs with it counts too
    from_: Text | None = Field(default=None, alias="from")
    messaging_service_sid: Text | None = None
    voice_from: Text | None = None  # the number that calls; None: `from`
    ring_seconds: int = Field(
        default=40, ge=5, le=600
    )  # https://www.twilio.com/docs/voice/api/call-resource (Timeout)
    base_url: Web = "https://api.twilio.com"
    replies: bool = False  # SMS ask to be answered by reply: Twilio's console sends replies here
    rate_per_second: Rate = 10.0
    calls_per_second: Rate = 1.0  # https://www.twilio.com/docs/glossary/cps


class Fcm(_Part):
    """The Firebase project that push messages go out by."""

    credentials_file: Path | None = None
    base_url: Web = "https://fcm.googleapis.com"
    critical_sound: bool = False
    android_channel_loud: AndroidChannel = "outage_loud"
    android_channel_soft: AndroidChannel = "outage_soft"
    rate_per_second: Rate = 5000.0


class Smtp(_Part):
    """The mail server that e-mails go out by."""

    url: Annotated[SecretStr | None, AfterValidator(_smtp)] = None
    from_: Text | None = Field(default=None, alias="from")
    rate_per_second: Rate = 20.0


class Responder(_Part):
    """Somebody on our side who is paged: by SMS at a phone number, or by Apprise at a URL."""

    to: Annotated[SecretStr, AfterValidator(_reachable)]
    zone: Annotated[Text | None, AfterValidator(_zone)] = None  # where their clock hangs

    @property
    def channel(self) -> str:
        """The pager: sms or apprise."""
        return "apprise" if "://" in self.to.get_secret_value() else "sms"


ResponderName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]


class Console(_Part):
    """Messages to the terminal, for trying out."""

    enabled: bool = False


class Alertmanager(_Part):
    """What the labels of Alertmanager's alerts mean; in the environment a table is `page=critical,warn=minor`."""

    source: SourceName = "alertmanager"  # as which the policy's `sources` knows it
    service_label: LabelName = "service"
    region_label: LabelName = "region"
    severity_label: LabelName = "severity"
    service: Table = {}  # a label's value -> the service it means; a declared service means itself
    region: Table = {}
    severity: Annotated[dict[str, Severity], BeforeValidator(_table)] = {
        "page": Severity.CRITICAL,
        "warning": Severity.MINOR,
    }


class DeadMan(_Part):
    """A switch outside that is pinged while every family is accounted for, and raises an alarm when it is not."""

    url: Annotated[SecretStr | None, AfterValidator(_dead_man)] = None
    every_seconds: float = Field(default=30.0, ge=30, le=3600, allow_inf_nan=False)


class Log(_Part):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_: bool | None = Field(default=None, alias="json")  # None: unless on a terminal


class Workers(_Part):
    """Worker processes per lane, and how much bulk work steps back (nice, 0 to 19)."""

    bulk: int = Field(default=2, ge=1, le=256)
    urgent: int = Field(default=1, ge=1, le=256)
    nice: int = Field(default=10, ge=0, le=19)


class Clock(_Part):
    """Story time; in production it is real time."""

    story_start: Annotated[AwareDatetime | None, AfterValidator(_utc)] = None
    rate: float = Field(default=1.0, gt=0, le=100_000, allow_inf_nan=False)  # story seconds per real second


_LONGEST_CALL = 25.0  # seconds that a channel takes at most by itself: channels.smtp_email
_TO_WRITE = 2.0  # of a lease must be left for writing what became of the call


class Timing(_Part):
    """How long things may take, in real seconds; for tests and demos, not for production."""

    lease_seconds: float = Field(default=30.0, ge=3, le=300, allow_inf_nan=False)
    call_seconds: float | None = Field(default=None, ge=0.5, le=60, allow_inf_nan=False)  # None: the channel's own
    unknown_seconds: float = Field(
        default=20.0, ge=0.5, le=300, allow_inf_nan=False
    )  # if not critical: three times
    sweep_seconds: float = Field(default=0.5, ge=0.05, le=10, allow_inf_nan=False)
    hints_seconds: float = Field(default=2.0, ge=0.1, le=30, allow_inf_nan=False)
    audit_seconds: float = Field(default=30.0, ge=1, le=300, allow_inf_nan=False)

    @model_validator(mode="after")
    def _lease_outlives_call(self) -> Self:
        call = self.call_seconds or _LONGEST_CALL
        if self.lease_seconds < call + _TO_WRITE:
            raise ValueError(
                f"lease_seconds must be at least {call + _TO_WRITE:g}, two seconds more than a call to a provider "
                "may take (call_seconds): a message whose lease ends first is sent twice"
            )
        return self


def _sqlite_in(values: dict[str, object]) -> SecretStr:
    return SecretStr(f"sqlite:///{values.get('data_dir', '')}/alertd.db")


def _own_address(values: dict[str, object]) -> str:
    api = values.get("api")
    host, port = (api.host, api.port) if isinstance(api, Api) else ("127.0.0.1", 8420)
    return address(host, port)


class Settings(_Part):
    """All settings; secrets are SecretStr and print as stars."""

    config_dir: Path  # where policies/, services.yaml and the rest are read
    data_dir: Path
    api: Api = Api()
    database_url: Annotated[SecretStr, AfterValidator(_database)] = Field(default_factory=_sqlite_in)
    broker_url: Annotated[SecretStr | None, AfterValidator(_broker)] = None
    public_url: Web = Field(default_factory=_own_address)  # how providers and families reach the API
    twilio: Twilio = Twilio()
    fcm: Fcm = Fcm()
    smtp: Smtp = Smtp()
    responders: dict[ResponderName, Responder] = {}  # by the name that policies give them
    console: Console = Console()
    alertmanager: Alertmanager = Alertmanager()
    dead_man: DeadMan = DeadMan()
    log: Log = Log()
    workers: Workers = Workers()
    clock: Clock = Clock()
    timing: Timing = Timing()
