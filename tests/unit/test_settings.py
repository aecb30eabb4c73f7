from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from alertd import settings
from alertd.ingest.reading import Mistakes
from alertd.settings.keys import PATHS, SECRETS, VARIABLES
from alertd.texts.segments import fold

HOME = {"HOME": "/home/mia"}
SECRET = "hunter2-very-secret"


def refusal(env: dict[str, str], folder: Path | None = None) -> list[str]:
    with pytest.raises(Mistakes) as refused:
        settings.load(env, folder)
    assert SECRET not in str(refused.value)
    return [str(problem) for problem in refused.value.problems]


def test_with_nothing_set_everything_has_its_place_under_the_home() -> None:
    read = settings.load(HOME)

    assert read.config_dir == settings.shipped_config()
    assert read.data_dir == Path("/home/mia/.local/state/alertd")
    assert read.database_url.get_secret_value() == "sqlite:////home/mia/.local/state/alertd/alertd.db"
    assert read.broker_url is None
    assert (read.api.host, read.api.port, read.public_url) == ("127.0.0.1", 8420, "http://127.0.0.1:8420")
    assert read.twilio.base_url == "https://api.twilio.com"
    assert (read.clock.story_start, read.clock.rate) == (None, 1.0)


def test_the_state_home_is_respected_where_it_is_absolute() -> None:
    assert settings.load({**HOME, "XDG_STATE_HOME": "/var/state"}).data_dir == Path("/var/state/alertd")
    assert settings.load({**HOME, "XDG_STATE_HOME": "state"}).data_dir == Path("/home/mia/.local/state/alertd")


def test_without_a_home_the_data_folder_must_be_said() -> None:
    assert refusal({}) == ["ALERTD_DATA_DIR: is not set, and there is no HOME to keep data under"]
    assert settings.load({"ALERTD_DATA_DIR": "/data"}).data_dir == Path("/data")


def test_the_environment_wins_over_the_file_and_the_file_over_what_is_built_in(tmp_path: Path) -> None:
    (tmp_path / "alertd.yaml").write_text(
        "data_dir: state\n"
        "api: {port: 9000, host: 0.0.0.0}\n"
        "twilio: {from: +14155550100, account_sid: AC1, rate_per_second: 3}\n"
        "fcm: {credentials_file: firebase.json}\n"
        "smtp:\n"
        "console:\n  # enabled: true\n"
    )
    env = {
        **HOME,
        "ALERTD_CONFIG": str(tmp_path),
        "ALERTD_API__PORT": "9001",
        "ALERTD_TWILIO__AUTH_TOKEN": "12345",
        "ALERTD_TWILIO__RATE_PER_SECOND": "2.5",
        "ALERTD_SMTP__FROM": "status@example.org",
        "ALERTD_LOG__JSON": "true",
        "ALERTD_BROKER_URL": "",
    }

    read = settings.load(env)

    assert read.config_dir == tmp_path
    assert read.data_dir == tmp_path / "state"
    assert (read.api.host, read.api.port) == ("0.0.0.0", 9001)
    assert read.public_url == "http://127.0.0.1:9001"
    assert (read.twilio.from_, read.twilio.account_sid) == ("+14155550100", "AC1")
    assert read.twilio.auth_token is not None
    assert read.twilio.auth_token.get_secret_value() == "12345"
    assert read.twilio.rate_per_second == 2.5
    assert read.fcm.credentials_file == tmp_path / "firebase.json"
    assert read.smtp.from_ == "status@example.org"
    assert read.log.json_ is True
    assert read.broker_url is None
    assert read.console.enabled is False


@pytest.mark.parametrize(
    ("host", "address"),
    [("::1", "http://[::1]:8420"), ("::", "http://[::1]:8420"), ("0.0.0.0", "http://127.0.0.1:8420")],
)
def test_where_it_listens_says_how_it_is_asked(host: str, address: str) -> None:
    """An IPv6 address without brackets kept every command from starting."""
    assert settings.load({**HOME, "ALERTD_API__HOST": host}).public_url == address


def test_paths_of_the_environment_begin_here_or_at_home() -> None:
    read = settings.load(
        {**HOME, "ALERTD_DATA_DIR": "~/alertd", "ALERTD_FCM__CREDENTIALS_FILE": "keys/firebase.json"}
    )

    assert read.data_dir == Path("/home/mia/alertd")
    assert read.fcm.credentials_file == Path.cwd() / "keys" / "firebase.json"


def test_a_folder_need_not_hold_an_alertd_yaml_but_must_exist(tmp_path: Path) -> None:
    assert settings.load(HOME, tmp_path).config_dir == tmp_path
    missing = tmp_path / "missing"
    assert refusal({**HOME, "ALERTD_CONFIG": str(missing)}) == [
        f"{missing}: is no folder; ALERTD_CONFIG must name one"
    ]


@pytest.mark.parametrize(
    "stem",
    [name for name, place in VARIABLES.items() if place in SECRETS],
)
def test_every_secret_may_stand_in_a_file_of_its_own(stem: str, tmp_path: Path) -> None:
    secrets = {
        "ALERTD_DATABASE_URL": "postgresql://alertd:pw@db.example.org/alertd",
        "ALERTD_BROKER_URL": "redis://:pw@redis.example.org/0",
        "ALERTD_SMTP__URL": "smtps://alertd:pw@mail.example.org",
        "ALERTD_DEAD_MAN__URL": "https://watch.example.org/ping/pw",
    }
    secret = secrets.get(stem, SECRET)
    file = tmp_path / "secret"
    file.write_text(secret + "\n")

    read: object = settings.load({**HOME, f"{stem}_FILE": str(file)})
    assert secret not in repr(read)
    for part in VARIABLES[stem]:
        read = getattr(read, str(part))

    assert read.get_secret_value() == secret  # type: ignore[attr-defined]


def test_a_secret_file_that_gives_nothing_is_told(tmp_path: Path) -> None:
    name = "ALERTD_TWILIO__AUTH_TOKEN_FILE"
    file = tmp_path / "token"
    assert refusal({**HOME, name: str(file)}) == [
        f"{name}: names a file that cannot be read: No such file or directory"
    ]
    file.write_text("\n")
    assert refusal({**HOME, name: str(file)}) == [f"{name}: names an empty file"]
    file.write_bytes(b"\xff")
    assert refusal({**HOME, name: str(file)}) == [f"{name}: names a file that is not UTF-8 text"]
    file.write_text(SECRET)
    assert refusal({**HOME, name: str(file), "ALERTD_TWILIO__AUTH_TOKEN": SECRET}) == [
        f"{name}: is set beside ALERTD_TWILIO__AUTH_TOKEN; keep one of them"
    ]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ALERTD_API__PORT", "http", "ALERTD_API__PORT: must be a valid integer"),
        ("ALERTD_CLOCK__RATE", "0", "ALERTD_CLOCK__RATE: must be greater than 0"),
        ("ALERTD_CLOCK__RATE", "nan", "ALERTD_CLOCK__RATE: must be a finite number"),
        (
            "ALERTD_DATABASE_URL",
            f"mysql://{SECRET}",
            "ALERTD_DATABASE_URL: must begin with sqlite:/// or postgresql://",
        ),
        (
            "ALERTD_SMTP__URL",
            f"smtp:{SECRET}",
            "ALERTD_SMTP__URL: must name the mail server: smtp://user:password@host:587",
        ),
        ("ALERTD_BROKER_URL", f"redis://[{SECRET}", "ALERTD_BROKER_URL: is not a URL"),
        (
            "ALERTD_DEAD_MAN__URL",
            f"ftp://watch.example.org/{SECRET}",
            "ALERTD_DEAD_MAN__URL: must be a URL that begins with https: or http:",
        ),
        (
            "ALERTD_DEAD_MAN__URL",
            f"https://alertd:{SECRET}@watch.example.org",
            "ALERTD_DEAD_MAN__URL: must be a URL with a host, and without a user or #",
        ),
        (
            "ALERTD_DEAD_MAN__URL",
            f"https://watch.example.org/{SECRET} 1",
            "ALERTD_DEAD_MAN__URL: must be ASCII without blanks; write others as %20 and the like",
        ),
        (
            "ALERTD_DEAD_MAN__EVERY_SECONDS",
            "5",
            "ALERTD_DEAD_MAN__EVERY_SECONDS: must be greater than or equal to 30",
        ),
        (
            "ALERTD_PUBLIC_URL",
            "https://x.example.org/?a=1",
            "ALERTD_PUBLIC_URL: must be a URL with a host, and without ? or #",
        ),
        (
            "ALERTD_FCM__BASE_URL",
            f"https://{'long' * 20}.example.org",
            "ALERTD_FCM__BASE_URL: names a host that cannot exist, as each part has 1 to 63 characters",
        ),
        (
            "ALERTD_PUBLIC_URL",
            "https://größe.example.org",
            "ALERTD_PUBLIC_URL: names a host that cannot exist, as each part has 1 to 63 characters, or one with a "
            "letter of two spellings (ß, ς): write such a name as xn--...",
        ),
        (
            "ALERTD_TWILIO__AUTHTOKEN",
            SECRET,
            'ALERTD_TWILIO__AUTHTOKEN: is not known; did you mean "ALERTD_TWILIO__AUTH_TOKEN"?',
        ),
        (
            "ALERTD_DATABASE_URI",
            SECRET,
            'ALERTD_DATABASE_URI: is not known; did you mean "ALERTD_DATABASE_URL"?',
        ),
        (
            "ALERTD_CONFIG_DIR__X",
            SECRET,
            "ALERTD_CONFIG_DIR__X: is not known",
        ),
    ],
)
def test_a_bad_variable_is_named_and_its_value_is_not(name: str, value: str, expected: str) -> None:
    [told] = refusal({**HOME, name: value})

    assert told.startswith(expected)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("https://álertas.example.org", "https://xn--lertas-ota.example.org"),
        ("https://ÁLERTAS.example.org:8443/", "https://xn--lertas-ota.example.org:8443"),
        ("https://alerts.example.org/šta", "https://alerts.example.org/%C5%A1ta"),
        ("https://alerts.example.org/%C5%A1ta/", "https://alerts.example.org/%C5%A1ta"),
        ("https://alerts.example.org/a b`c", "https://alerts.example.org/a%20b%60c"),
        ("https://Alerts.Example.org:443/x_y~z", "https://Alerts.Example.org:443/x_y~z"),
        ("http://[::1]:8420", "http://[::1]:8420"),
    ],
)
def test_a_link_leads_where_the_setting_says_also_in_an_sms(value: str, kept: str) -> None:
    """An SMS has no á: the link would lead to another host, whoever that is."""
    base = settings.load({**HOME, "ALERTD_PUBLIC_URL": value}).public_url

    assert base == kept
    assert fold(f"Ω š {base}/a/x").endswith(f"{base}/a/x")


def test_other_peoples_variables_are_left_alone() -> None:
    """Kubernetes sets these beside a service called alertd; the others are the command line's."""
    settings.load(
        {
            **HOME,
            "ALERTD_PORT": "tcp://192.0.2.1:8420",
            "ALERTD_PORT_8420_TCP_ADDR": "192.0.2.1",
            "ALERTD_SERVICE_HOST": "192.0.2.1",
            "ALERTD_SERVICE_PORT": "8420",
            "ALERTD_URL": "http://192.0.2.1:8420",
            "ALERTD_API_KEY": SECRET,
        }
    )


def test_a_bad_file_and_bad_variables_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "alertd.yaml").write_text("api:\n  port: 8420\n  prot: 1\nworkers: {bulk: many}\n")

    told = refusal({**HOME, "ALERTD_API__PORT": "http", "ALERTD_WORKERS__URGENT": "0"}, tmp_path)

    assert sorted(told) == [
        f'{tmp_path}/alertd.yaml:3: api.prot: is not known here; did you mean "port"?',
        f"{tmp_path}/alertd.yaml:4: workers.bulk: must be a valid integer",
        "ALERTD_API__PORT: must be a valid integer",
        "ALERTD_WORKERS__URGENT: must be greater than or equal to 1",
    ]


def test_settings_never_change_and_never_print_secrets() -> None:
    read = settings.load(
        {**HOME, "ALERTD_TWILIO__AUTH_TOKEN": SECRET, "ALERTD_SMTP__URL": f"smtp://a:{SECRET}@b.example.org"}
    )

    assert SECRET not in f"{read!r} {read} {read.model_dump_json()}"
    with pytest.raises(ValidationError):
        read.public_url = "x"


def test_the_story_begins_in_utc() -> None:
    demo = settings.load(HOME, settings.shipped_config() / "scenarios" / "demo")

    assert demo.clock.story_start == datetime(2019, 11, 30, 4, 30, tzinfo=UTC)
    assert demo.clock.story_start.tzinfo is UTC
    assert demo.clock.rate == 1800


def test_the_shipped_file_names_every_setting() -> None:
    """It is where people look for what can be set."""
    text = (settings.shipped_config() / "alertd.yaml").read_text()
    part = ""
    named = set()
    for line in text.splitlines():
        word = line.strip().lstrip("# ").partition(":")
        if word[1] and " " not in word[0]:
            if line and not line[0].isspace() and not line.startswith("#"):
                part = word[0]
            named.add((part, word[0]) if line[0].isspace() else (word[0],))

    assert {place for place in VARIABLES.values() if place not in named} == set()


def test_only_the_known_paths_are_paths() -> None:
    assert {("data_dir",), ("fcm", "credentials_file")} == PATHS


# --- responders -----------------------------------------------------------------------------------


def reached(read: settings.Settings) -> dict[str, tuple[str, str, str | None]]:
    return {n: (r.channel, r.to.get_secret_value(), r.zone) for n, r in read.responders.items()}


def test_responders_are_phones_or_urls_from_file_and_environment(tmp_path: Path) -> None:
    (tmp_path / "lead-url").write_text("ntfys://ntfy.example.org/lead\n")
    (tmp_path / "duty").write_text("+1 415 555 0124\n")
    (tmp_path / "alertd.yaml").write_text(
        "responders:\n"
        '  follow-owner: "+1 (415) 555-0123"\n'
        "  follow-lead: {to_file: lead-url, zone: America/Los_Angeles}\n"
        "  spare: {to: gotifys://gotify.example.org/Aq2a3b4c5d6e7f8}\n"
    )
    env = {
        **HOME,
        "ALERTD_CONFIG": str(tmp_path),
        "ALERTD_RESPONDERS__FOLLOW_OWNER__ZONE": "Europe/Berlin",
        "ALERTD_RESPONDERS__DUTY_MANAGER_FILE": str(tmp_path / "duty"),
        "ALERTD_RESPONDERS__SPARE": "+14155550125",
    }
    read = settings.load(env)
    assert reached(read) == {
        "follow-owner": ("sms", "+14155550123", "Europe/Berlin"),
        "follow-lead": ("apprise", "ntfys://ntfy.example.org/lead", "America/Los_Angeles"),
        "duty-manager": ("sms", "+14155550124", None),
        "spare": ("sms", "+14155550125", None),
    }
    assert "0123" not in f"{read!r} {read.model_dump_json()}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann@example.org", "is not a telephone number"),
        ("+1628555", "has too few"),
        (f"exec://{SECRET}", "has a scheme that alertd does not page by; it may be discord, gotify"),
        (f"json://{SECRET}.example.org/x?redirect=yes", 'has the option "redirect", which leads elsewhere'),
    ],
)
def test_a_responder_who_cannot_be_is_refused_by_name_and_never_quoted(value: str, expected: str) -> None:
    [told] = refusal({**HOME, "ALERTD_RESPONDERS__OWNER": value})
    assert told.startswith(f"ALERTD_RESPONDERS__OWNER: {expected}")
    assert value not in told


def test_mistakes_in_responders_are_told_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "alertd.yaml").write_text(
        "responders:\n"
        f"  owner: {{to: {SECRET}}}\n"
        "  lead: {to: +14155550123, zone: Mars/Olympus}\n"
        "  spare: {to: +14155550123, to_file: x}\n"
        "  third: {too: +14155550123}\n"
    )
    told = "\n".join(refusal(HOME, tmp_path))
    assert "alertd.yaml:2: responders.owner.to: is not a telephone number" in told
    assert "alertd.yaml:3: responders.lead.zone: is no time zone" in told
    assert "alertd.yaml:4: responders.spare.to_file: stands beside to; keep one of them" in told
    assert "alertd.yaml:5: responders.third" in told


def test_a_responders_variable_that_means_nothing_is_told(tmp_path: Path) -> None:
    file = tmp_path / "owner"
    file.write_text("+14155550123")
    env = {
        **HOME,
        "ALERTD_RESPONDERS__OWNER__ZONES": "Europe/Berlin",
        "ALERTD_RESPONDERS__OWNER": "+14155550123",
        "ALERTD_RESPONDERS__OWNER_FILE": str(file),
    }
    assert sorted(refusal(env)) == [
        "ALERTD_RESPONDERS__OWNER_FILE: is set beside ALERTD_RESPONDERS__OWNER; keep one of them",
        'ALERTD_RESPONDERS__OWNER__ZONES: is not known; did you mean "ALERTD_RESPONDERS__OWNER__ZONE"?',
    ]
