"""compose.yaml and the systemd units: valid for their own tools, safe, and alike."""

import json
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from alertd.settings import load, shipped_config
from alertd.settings.keys import SECRETS, VARIABLES
from alertd.up import _STOP_GRACE
from alertd.wiring import (
    channel_problems,
    missing_responders,
    named_responders,
    responder_problems,
    responder_variable,
)
from tests.deployment import (
    INSTALLED,
    UNITS,
    Container,
    Unit,
    assignments,
    compose,
    containers,
    image_environment,
    last,
    services_of_target,
    switched_on,
)
from tests.markdown import ROOT, Page, spans

CONTAINERS, SWITCHED_ON = containers(), containers(optional=True)
OURS = [each for each in CONTAINERS.values() if each.ours]
PARTS = [each for each in OURS if each.name != "migrate"]
SERVICES = [*services_of_target(), "alertd-migrate.service"]
BECOMES = {
    "alertd-api.service": "api",
    "alertd-worker@urgent.service": "worker-urgent",
    "alertd-worker@bulk.service": "worker-bulk",
    "alertd-sweeper.service": "sweeper",
    "alertd-migrate.service": "migrate",
}
EXAMPLE_FILE = (ROOT / "deploy" / "alertd.env.example").read_text()
EXAMPLE = assignments(EXAMPLE_FILE)
ON_CALL = {f"{responder_variable(name)}_FILE": name for name in named_responders(shipped_config())}
"""The variable of everybody whom the shipped policies would page, and their name."""
DEAD_MAN = ("ALERTD_DEAD_MAN__URL_FILE", "dead-man-url")
SECRET_FILES = {
    "database-url": "postgresql://alertd:hunter2@postgres/alertd",
    "twilio-auth-token": "hunter2",
    "firebase.json": "{}",
    "smtp-url": "smtps://alertd:hunter2@mail.example.org",
    "dead-man-url": "https://hc-ping.com/hunter2",
    **dict.fromkeys(ON_CALL.values(), "ntfys://ntfy.example.org/on-call"),
}


def names(containers: list[Container]) -> list[str]:
    """For the ids of tests."""
    return [each.name for each in containers]


# --- compose.yaml ---------------------------------------------------------------------------------


def test_it_follows_the_compose_specification() -> None:
    """The published schema, as check-jsonschema brings it; a word of nobody's is refused."""
    text = files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    validator = jsonschema.validators.validator_for(json.loads(text))(json.loads(text))
    assert [error.message for error in validator.iter_errors(compose())] == []
    assert [error.message for error in validator.iter_errors(compose(optional=True))] == []
    wrong = compose()
    wrong["services"]["api"]["restrat"] = "always"
    assert len(list(validator.iter_errors(wrong))) == 1


def test_there_is_every_part_and_its_servers() -> None:
    assert set(CONTAINERS) == {*BECOMES.values(), "redis", "postgres"}


@pytest.mark.parametrize("each", CONTAINERS.values(), ids=list(CONTAINERS))
def test_a_container_may_do_little(each: Container) -> None:
    said = each.said
    assert said["read_only"] is True
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in said
    assert said["logging"]["options"]["max-size"]
    if each.name != "postgres":  # it becomes its own user after it has prepared its volume
        assert said["cap_drop"] == ["ALL"]
        assert said["user"] == (last("USER") if each.ours else "redis")


def test_only_the_api_can_be_reached_and_only_from_this_machine() -> None:
    assert {name: each.said["ports"] for name, each in CONTAINERS.items() if "ports" in each.said} == {
        "api": ["127.0.0.1:8420:8420"]
    }
    assert compose()["networks"]["inside"] == {"internal": True}
    assert CONTAINERS["redis"].said["networks"] == CONTAINERS["postgres"].said["networks"] == ["inside"]


@pytest.mark.parametrize("each", PARTS, ids=names(PARTS))
def test_a_part_stays_up_says_how_it_is_and_may_finish(each: Container) -> None:
    assert each.said["restart"] == "unless-stopped"
    assert each.said["init"] is True
    assert each.health == ["python", "-m", "alertd.healthcheck", each.argv[1]]
    assert each.grace > (8 if each.name == "api" else _STOP_GRACE)


@pytest.mark.parametrize("each", OURS, ids=names(OURS))
def test_a_part_begins_on_a_database_of_this_version(each: Container) -> None:
    needs = {name: how["condition"] for name, how in each.said["depends_on"].items()}
    assert needs["postgres"] == "service_healthy"
    assert each.name == "migrate" or needs["migrate"] == "service_completed_successfully"
    assert "healthcheck" in CONTAINERS["postgres"].said


@pytest.mark.parametrize("optional", [False, True], ids=["as it is", "with all that is optional"])
@pytest.mark.parametrize("name", names(OURS))
def test_what_it_sets_exists_and_secrets_come_from_files(name: str, optional: bool) -> None:
    """And every file that a variable names is mounted."""
    each = (SWITCHED_ON if optional else CONTAINERS)[name]
    known = {*VARIABLES, *(f"{name}_FILE" for name in VARIABLES if VARIABLES[name] in SECRETS), "ALERTD_CONFIG"}
    known |= set(ON_CALL)
    ours = {name: value for name, value in each.environment.items() if name.startswith("ALERTD_")}
    assert set(ours) <= known
    assert {VARIABLES[name] for name in ours if name in VARIABLES} & SECRETS == {("broker_url",)}
    assert "@" not in ours["ALERTD_BROKER_URL"]  # no password in it
    mounted = {f"/run/secrets/{name}" for name in each.said["secrets"]}
    assert {value for value in ours.values() if value.startswith("/run/secrets/")} == mounted
    assert each.said["volumes"] == [f"./config:{ours['ALERTD_CONFIG']}:ro"]
    assert any(mount.startswith(f"{ours['ALERTD_DATA_DIR']}:uid=") for mount in each.said["tmpfs"])


@pytest.mark.parametrize("optional", [False, True], ids=["as it is", "with all that is optional"])
def test_every_secret_is_a_file_in_the_one_folder_that_git_ignores(optional: bool) -> None:
    secrets, users = compose(optional=optional)["secrets"], SWITCHED_ON if optional else CONTAINERS
    for name, where in secrets.items():
        assert where == {"file": f"./secrets/{name}"}
    assert set(secrets) == {name for each in users.values() for name in each.said.get("secrets", [])}


@pytest.mark.parametrize("name", names(OURS))
def test_everybody_whom_the_shipped_policies_page_has_a_file(name: str) -> None:
    """One that is missing keeps the containers from starting, and is not found out at night."""
    environment = CONTAINERS[name].environment
    assert {key: value for key, value in environment.items() if key.startswith("ALERTD_RESPONDERS__")} == {
        variable: f"/run/secrets/{who}" for variable, who in ON_CALL.items()
    }


@pytest.mark.parametrize("name", names(OURS))
def test_only_the_dead_mans_switch_can_wait(name: str) -> None:
    """Its URL comes from somebody else's service; nothing of it is in force before."""
    off, on = CONTAINERS[name], SWITCHED_ON[name]
    variable, secret = DEAD_MAN
    assert on.environment == {**off.environment, variable: f"/run/secrets/{secret}"}
    assert on.said["secrets"] == [*off.said["secrets"], secret]


def test_what_the_containers_are_given_can_be_read(tmp_path: Path) -> None:
    """alertd.env as it is shipped, secrets of every kind: everybody can be paged, and somebody watches."""
    environment = SWITCHED_ON["sweeper"].environment
    for name, text in SECRET_FILES.items():
        (tmp_path / name).write_text(f"{text}\n")
    mounted = {key: value.replace("/run/secrets", str(tmp_path)) for key, value in environment.items()}
    on_file = assignments(switched_on(EXAMPLE_FILE))
    read = load({**on_file, **mounted}, shipped_config())
    assert missing_responders(read) == {}
    assert responder_problems(read) == {}
    assert read.dead_man.url is not None
    assert read.responders["follow-owner"].zone == "America/Los_Angeles"
    assert channel_problems(read)["sms"] == channel_problems(read)["email"] == []


def test_what_is_bulk_leaves_the_processor_to_what_is_urgent() -> None:
    """A container and a unit each have a cgroup of their own, between which niceness counts for nothing."""
    shares = {each.name: each.said.get("cpu_shares", 1024) for each in OURS}  # 1024: the engine's own default
    assert min(shares.values()) == shares.pop("worker-bulk") < min(shares.values())
    weights = {name: int((Unit.read(name).all("CPUWeight") or ["100"])[-1]) for name in SERVICES}  # 100: systemd's
    assert min(weights.values()) == weights.pop("alertd-worker@bulk.service") < min(weights.values())


def test_as_many_hints_are_given_as_there_are_processes() -> None:
    for lane in ("urgent", "bulk"):
        argv = CONTAINERS[f"worker-{lane}"].argv
        assert (
            argv[argv.index("--concurrency") + 1]
            == CONTAINERS["api"].environment[f"ALERTD_WORKERS__{lane.upper()}"]
        )


# --- systemd --------------------------------------------------------------------------------------


def test_every_unit_is_for_a_container_and_runs_the_same_command() -> None:
    """So the test that runs the containers' commands has run these."""
    assert set(SERVICES) == set(BECOMES)
    for name, container in BECOMES.items():
        program, *words = Unit.read(name).argv
        assert program == INSTALLED
        assert ["alertd", *words] == CONTAINERS[container].argv


@pytest.mark.parametrize("optional", [False, True], ids=["as it is", "with all that is optional"])
@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_knows_what_its_container_knows(name: str, optional: bool) -> None:
    """The same settings, the same secrets; each credential that a variable names is loaded."""
    unit, container = Unit.read(name, optional=optional), (SWITCHED_ON if optional else CONTAINERS)[BECOMES[name]]
    ours = {key: value for key, value in unit.environment.items() if key.startswith("ALERTD_")}
    theirs = {key for key in container.environment if key.startswith("ALERTD_")}
    assert set(ours) == theirs - {"ALERTD_API__HOST"}  # in a container it listens for its neighbours too
    loaded = {f"%d/{value.partition(':')[0]}" for value in unit.all("LoadCredential")}
    assert {value for value in ours.values() if value.startswith("%d/")} == loaded
    assert {each.removeprefix("%d/") for each in loaded} == set(container.said["secrets"])
    assert [value.partition(":")[2] for value in unit.all("LoadCredential")] == [
        f"/etc/alertd/secrets/{value.partition(':')[0]}" for value in unit.all("LoadCredential")
    ]


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_is_nobodys_root_and_may_do_little(name: str) -> None:
    unit = Unit.read(name)
    assert unit.get("User") == "alertd"
    for directive, value in (
        ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("ProtectHome", "yes"), ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""), ("StateDirectory", "alertd"), ("UMask", "0077"),
    ):  # fmt: skip
        assert unit.get(directive) == value, directive
    assert unit.all("RemoveIPC") == [], "it would take the semaphores of the other parts along"
    if name != "alertd-migrate.service":
        assert unit.get("Restart") == "always"
        assert unit.get("StartLimitIntervalSec", "Unit") == "0"
        assert float(unit.get("TimeoutStopSec")) == CONTAINERS[BECOMES[name]].grace
        assert "alertd-migrate.service" in unit.all("After", "Unit")
    assert Unit.read("alertd-worker@bulk.service").get("Nice") == "10"
    assert Unit.read("alertd-worker@urgent.service").all("Nice") == []


VERIFY = shutil.which("systemd-analyze")


@pytest.mark.skipif(
    VERIFY is None, reason="NOT TRIED by systemd itself: no systemd-analyze on PATH; Debian's systemd has it"
)
def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    """`systemd-analyze verify`, with our own alertd in place of the installed one; a misspelt directive is found."""
    assert VERIFY is not None
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    for unit in tmp_path.glob("*.service"):
        unit.write_text(unit.read_text().replace(INSTALLED, str(Path(sys.executable).with_name("alertd"))))
    assert verified(VERIFY, tmp_path) == []
    common = tmp_path / "alertd-.service.d" / "10-alertd.conf"
    common.write_text(switched_on(common.read_text()))
    assert verified(VERIFY, tmp_path) == []
    common.write_text(common.read_text().replace("ProtectHome=", "ProtectHom="))
    assert any("ProtectHom" in line for line in verified(VERIFY, tmp_path))


def verified(program: str, folder: Path) -> list[str]:
    """What it says of our units."""
    argv = [program, "verify", "--man=no", "alertd.target", *SERVICES]
    done = subprocess.run(
        argv, cwd=folder, env={"SYSTEMD_UNIT_PATH": f"{folder}:"}, capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip
    return [line for line in (done.stdout + done.stderr).splitlines() if "alertd" in line]


# --- both -----------------------------------------------------------------------------------------


def test_the_example_of_settings_holds_no_secret_and_nothing_that_is_set_elsewhere() -> None:
    assert EXAMPLE
    for name in EXAMPLE:
        assert VARIABLES[name] not in SECRETS
        assert name not in CONTAINERS["api"].environment
        assert name not in Unit.read("alertd-api.service").environment
    assert set(image_environment()) >= {"ALERTD_DATA_DIR", "ALERTD_API__HOST"}


def test_the_guide_names_every_file_of_a_secret() -> None:
    """By the name that compose.yaml and the units give it."""
    table = {
        file for row in Page.read("docs/guide.md").rows("file in `secrets`", "holds") for file in spans(row[0])
    }
    assert table == set(compose(optional=True)["secrets"])
