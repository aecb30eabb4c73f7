import dataclasses
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from alertd import policy_file
from alertd.domain.family import CHANNELS
from alertd.domain.incident import Kind, Severity
from alertd.domain.policy import Policy, RoleDefaults, Step
from alertd.ingest.reading import Mistakes
from alertd.policy_file.built_in import BUILT_IN
from alertd.policy_file.policy import SHORTEST
from alertd.settings import shipped_config
from alertd.settings.model import Timing
from channels import registry

SHIPPED = shipped_config()
DEMO = SHIPPED / "scenarios" / "demo"
FOLDERS = [SHIPPED, DEMO]

CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR


def read(folder: Path, text: str, name: str = "own") -> Policy:
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "services.yaml").write_text("services: {follow: {names: {en: Follow}}}\n")
    (folder / "policies" / "default.yaml").write_text("policy: default\n")
    (folder / "policies" / f"{name}.yaml").write_text(text)
    return policy_file.load_policies(folder)[name]


@pytest.mark.parametrize("folder", FOLDERS, ids=["shipped", "demo"])
def test_the_shipped_policies_are_without_mistakes(folder: Path) -> None:
    assert policy_file.check(folder) == []
    assert "default" in policy_file.load_policies(folder)


def test_the_shipped_services_have_names_in_english_and_spanish() -> None:
    for folder in FOLDERS:
        services = policy_file.load_services(folder / "services.yaml")

        assert list(services) == ["follow", "share", "login"]
        assert all(set(names) == {"en", "es"} for names in services.names.values())


def test_default_yaml_spells_out_what_is_built_in(tmp_path: Path) -> None:
    """Readers learn the built-in values from that file, so it may not say anything else."""
    assert policy_file.load_policies(SHIPPED)["default"] == BUILT_IN
    assert read(tmp_path, "policy: own\nservices: [follow]\n") == dataclasses.replace(
        BUILT_IN, name="own", services=("follow",)
    )


def test_a_policy_says_only_what_differs(tmp_path: Path) -> None:
    policy = read(
        tmp_path,
        """
policy: own
services: [follow]
first_notice: {critical: 5m}
silence:
  window: {critical: 20m}
  quiet: {critical: wait, minor: 8h}
  holdings: {loud: 3}
wakes: {critical: [notice], major: [severity]}
caregivers:
  default: {critical: [sms]}
  nurse: {default: [email], on_duty: "mon-fri 08:00-15:00"}
escalation:
  families:
    major: {until: acknowledged, by: [nurse], steps: [{after: 5m, tell: [first, nurse], via: [sms]}]}
responders: {lead: follow-lead}
""",
    )

    minutes = {severity: length / timedelta(minutes=1) for severity, length in policy.silence.window.items()}
    assert minutes == {CRITICAL: 20, MAJOR: 60, MINOR: 240}
    assert policy.first_notice == {**BUILT_IN.first_notice, CRITICAL: timedelta(minutes=5)}
    assert policy.silence.quiet == {CRITICAL: None, MAJOR: None, MINOR: timedelta(hours=8)}
    assert (policy.silence.holdings.loud, policy.silence.holdings.sms_per_day) == (3, 12)
    assert policy.wakes == {CRITICAL: frozenset({Kind.NOTICE}), MAJOR: frozenset({Kind.SEVERITY})}
    assert policy.caregivers["default"] == RoleDefaults(
        critical=("sms",), major=("push",), minor=("email",), quiet_hours="22:00-06:30"
    )
    assert policy.caregivers["nurse"] == RoleDefaults(default=("email",), on_duty="mon-fri 08:00-15:00")
    assert policy.escalation.families[CRITICAL] == BUILT_IN.escalation.families[CRITICAL]
    assert policy.escalation.families[MAJOR].steps == (Step(timedelta(minutes=5), ("first", "nurse"), ("sms",)),)
    assert policy.responders == {"owner": "owner", "lead": "follow-lead", "duty-manager": "duty-manager"}


@pytest.mark.parametrize(
    ("said", "by", "steps"),
    [
        ("critical: {steps: [{after: 0m, tell: always}]}", ("parent", "guardian"), 1),
        ("critical: {by: [nurse]}", ("nurse",), 3),
        ("critical: {}", ("parent", "guardian"), 3),
        ("minor: {steps: [{after: 0m, tell: always}, {after: 5m, tell: next}]}", ("parent", "guardian"), 2),
    ],
)
def test_what_a_ladder_leaves_out_is_built_in(said: str, by: tuple[str, ...], steps: int, tmp_path: Path) -> None:
    """As everywhere in a policy: value by value."""
    document = (
        f"policy: own\nservices: [follow]\ncaregivers: {{nurse: {{}}}}\nescalation: {{families: {{{said}}}}}\n"
    )

    policy = read(tmp_path, document)

    ladder = policy.escalation.families[Severity(said.partition(":")[0])]
    assert (ladder.by, len(ladder.steps)) == (by, steps)


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        ("wakes: {critical: []}", "wakes.critical: is empty"),
        ("first_notice: {critical: 3d}", "first_notice.critical: a first notice may take 3d, longer than the 30m"),
        ("silence: {window: {critical: 5m}}", "first_notice.critical: a first notice may take 10m"),
        ("always: [perent, guardian]", 'always: "perent" is named nowhere else; did you mean "parent"?'),
        ('caregivers: {nurse: {on_duty: "mon-fri 08:00-08:00"}}', "caregivers.nurse.on_duty:"),
        (
            "responders: {onwer: follow-owner}",
            'responders.onwer: is nudged and paged by no step; did you mean "owner"?',
        ),
        (
            "responders: {backup: follow-backup}",
            "responders.backup: is nudged and paged by no step; name it in a step under escalation.responders, or",
        ),
        (
            "responders: {lead: follow-lead, duty: ann}\n"
            "escalation: {responders: {post: [{after: 0m, page: duty}], news: [{after: 0m, page: duty}]}}",
            "responders.lead: is nudged and paged by no step",
        ),
    ],
)
def test_what_few_can_mean_is_noted_and_no_mistake(said: str, doubt: str, tmp_path: Path) -> None:
    read(tmp_path, f"policy: own\nservices: [follow]\n{said}\n")

    noted = policy_file.doubts(tmp_path)

    assert len(noted) == 1
    assert noted[0].startswith(f"policies/own.yaml: {doubt}")


@pytest.mark.parametrize(
    "said",
    [
        "wakes: {critical: [notice], minor: []}",
        "first_notice: {critical: 30m}",
        "always: [parent, grandparent, teacher]",
        "always: [co-parent]\ncaregivers: {co-parent: {}}",
        'caregivers: {nurse: {on_duty: "mon-fri 00:00-24:00"}, night: {on_duty: "sat 20:00-08:00"}}',
        "responders: {owner: follow-owner, lead: follow-lead}",
        "responders: {ann: ann}\nescalation: {responders: {post: [{after: 0m, page: ann}]}}",
        "escalation: {responders: {post: [{after: 0m, page: owner}], news: []}}",
    ],
)
def test_what_many_mean_is_not_noted(said: str, tmp_path: Path) -> None:
    read(tmp_path, f"policy: own\nservices: [follow]\n{said}\n")

    assert policy_file.doubts(tmp_path) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=["shipped", "demo"])
def test_nothing_of_ours_is_in_doubt(folder: Path) -> None:
    assert policy_file.doubts(folder) == []


@pytest.mark.parametrize(
    "roles",
    ["caregivers: {teacher: {}}", "always: [parent, teacher]"],
)
def test_a_ladder_names_the_roles_of_a_team_s_own(roles: str, tmp_path: Path) -> None:
    """Also parents and guardians, whom every family may have, where nothing else names them."""
    ladder = "{until: acknowledged, by: [guardian, teacher], steps: [{after: 5m, tell: [teacher, parent]}]}"
    policy = read(
        tmp_path, f"policy: own\nservices: [follow]\n{roles}\nescalation: {{families: {{major: {ladder}}}}}\n"
    )

    assert policy.escalation.families[MAJOR].by == ("guardian", "teacher")


def test_a_list_for_every_severity_is_not_undone_by_what_is_built_in(tmp_path: Path) -> None:
    policy = read(tmp_path, "policy: own\nservices: [follow]\ncaregivers: {default: {default: [email]}}\n")

    assert policy.caregivers["default"].by_severity(CRITICAL) == ("email",)


@pytest.mark.parametrize("folder", FOLDERS, ids=["shipped", "demo"])
def test_a_snapshot_is_the_policy_again(folder: Path) -> None:
    for policy in policy_file.load_policies(folder).values():
        snapshot = policy_file.dump(policy)

        assert policy_file.load_snapshot(snapshot) == policy
        assert policy_file.dump(policy_file.load_snapshot(snapshot)) == snapshot


def test_bytes_that_are_no_snapshot_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        policy_file.load_snapshot(b'{"name": "follow"}')


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    read(tmp_path, "policy: own\nservices: [follow]\n")
    (tmp_path / "services.yaml").write_text("services: {follow: {names: {en: ''}}}\n")
    (tmp_path / "policies" / "own.yaml").write_text("policy: own\nservices: [follow]\nfloor: [push]\n")
    (tmp_path / "policies" / "loud.YAML").write_text("policy: loud\n")
    (tmp_path / "policies" / "other.yml").write_text("policy: other\n")
    (tmp_path / "policies" / "third.yaml").write_text("policy: [")
    (tmp_path / "policies" / "default.yaml").unlink()

    told = [str(problem).removeprefix(f"{tmp_path}/") for problem in policy_file.check(tmp_path)]

    assert told == [
        "services.yaml:1: services.follow.names.en: must not be empty",
        "policies/loud.YAML: is not read: its name must end in .yaml",
        "policies/other.yml: is not read: its name must end in .yaml",
        "policies/own.yaml:3: floor[0]: push never counts: its provider forbids relying on it for emergencies."
        " Name sms or voice",
        "policies/third.yaml:1: is not YAML: expected the node content, but found '<stream end>' while parsing"
        " a flow node",
        "policies/default.yaml: does not exist; it is the policy for services that no other owns. A single line"
        " `policy: default` takes all that is built in",
    ]


def test_a_folder_without_anything_is_told_as_such(tmp_path: Path) -> None:
    told = [str(problem).removeprefix(f"{tmp_path}/") for problem in policy_file.check(tmp_path)]

    assert told[0] == "services.yaml: cannot be read: No such file or directory"
    assert told[1].startswith("policies/default.yaml: does not exist")
    with pytest.raises(Mistakes):
        policy_file.load_services(tmp_path / "services.yaml")


def test_default_owns_no_service(tmp_path: Path) -> None:
    with pytest.raises(Mistakes, match="does not belong here"):
        read(tmp_path, "policy: default\nservices: [follow]\n", name="default")


def test_services_say_where_they_run(tmp_path: Path) -> None:
    file = tmp_path / "services.yaml"
    file.write_text("services:\n  follow:\n    names: {en: Follow, es_mx: Sigue}\n    regions: [us, EU-West]\n")

    services = policy_file.load_services(file)

    assert services.names == {"follow": {"en": "Follow", "es-MX": "Sigue"}}
    assert services.regions == {"follow": ("us", "eu-west")}
    assert [services.runs_in("follow", r) for r in ("us", "us-west", "eu", "asia", "usa")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_the_shortest_window_holds_two_looks_of_the_sweeper_that_looks_least_often() -> None:
    """One limit stands in the loader of policies, the other in the settings."""
    limits = Timing.model_fields["sweep_seconds"].metadata
    seldom = next(timedelta(seconds=limit.le) for limit in limits if hasattr(limit, "le"))

    assert 2 * seldom <= SHORTEST


def test_the_demo_brings_in_others_by_its_ladder_and_waits_hours_not_minutes() -> None:
    for policy in policy_file.load_policies(DEMO).values():
        assert policy.always == ("parent", "guardian")
        assert policy.escalation.families[CRITICAL].steps[-1].tell == ("next",)
        assert policy.silence.window[CRITICAL] == timedelta(hours=4)


def test_every_channel_name_may_stand_in_a_policy(tmp_path: Path) -> None:
    policy = read(
        tmp_path,
        f"policy: own\nservices: [follow]\ncaregivers: {{default: {{minor: [{', '.join(CHANNELS)}]}}}}\n",
    )

    assert policy.caregivers["default"].minor == CHANNELS


def test_every_channel_that_a_policy_may_name_has_an_adapter() -> None:
    assert set(CHANNELS) == set(registry.CHANNELS)
