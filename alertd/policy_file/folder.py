"""The folder that product teams edit: services.yaml, and one file per policy in policies/."""

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TypeVar

from alertd.domain.errors import Invalid
from alertd.domain.policy import Policy
from alertd.domain.service import Services
from alertd.ingest import shapes
from alertd.ingest.reading import Field, Mistakes, Problem, Reading, hint
from alertd.ingest.yaml_text import read_yaml
from alertd.policy_file.policy import read_policy

T = TypeVar("T")


def load_services(path: Path) -> Services:
    """Read services.yaml. Raises Mistakes with every problem."""
    services, problems = _read(path, _services)
    if services is None or problems:
        raise Mistakes(problems)
    return services


def unspoken_names(path: Path, locales: Collection[str]) -> list[Problem]:
    """Languages of names in a sound services.yaml that no text is written in, each where it is first given.

    A country's names need no texts of their own, where its language has some.
    """
    told: set[str] = set()

    def note(document: Field) -> None:
        for service in document.child("services").named().values():
            for key, entry in service.child("names").named().items():
                locale = shapes.locale(key)
                if locale not in told and not {locale, locale.partition("-")[0]} & set(locales):
                    entry.wrong(f'"{locale}" has no folder in templates/{hint(locale, sorted(locales))}')
                    told.add(locale)

    return _read(path, note)[1]


def load_policies(folder: Path) -> dict[str, Policy]:
    """Read every policy of a config folder by name; `default` is always there.

    Raises Mistakes with every problem of all files, services.yaml included.
    """
    policies, problems = _read_folder(folder)
    if problems:
        raise Mistakes(problems)
    return policies


def sound_policies(folder: Path) -> tuple[dict[str, Policy], list[Problem]]:
    """The policies of files in which nothing is wrong, by name, and everything that is wrong with the folder."""
    policies, problems = _read_folder(folder)
    wrong = {problem.file for problem in problems}
    inside = folder / "policies"
    return {name: each for name, each in policies.items() if str(inside / f"{name}.yaml") not in wrong}, problems


def read_one(data: bytes, services: Services) -> Policy:
    """Read the text of one policy file, wherever it lies: its name and who else owns its services do not matter.

    Raises Mistakes with every problem, by line.
    """
    tree = read_yaml(data, "")
    reading = Reading(lines=tree.lines)
    document = reading.root(tree.value)
    name = document.child("policy").value
    policy = read_policy(document, name if isinstance(name, str) else "", services)
    problems = sorted([*tree.problems, *reading.problems], key=lambda problem: problem.line or 0)
    if problems:
        raise Mistakes(problems)
    return policy


def check(folder: Path) -> list[Problem]:
    """Everything that is wrong with the policies and services of a config folder, by file and line."""
    return _read_folder(folder)[1]


def _read_folder(folder: Path) -> tuple[dict[str, Policy], list[Problem]]:
    services, problems = _read(folder / "services.yaml", _services)
    policies: dict[str, Policy] = {}
    owners: dict[str, str] = {}
    inside = folder / "policies"
    for path in sorted(each for each in inside.glob("*") if each.suffix.lower() in (".yaml", ".yml")):
        if path.suffix != ".yaml":
            problems.append(Problem("is not read: its name must end in .yaml", file=str(path)))
            continue
        policy, own = _read(path, partial(_owning, stem=path.stem, services=services, owners=owners))
        problems += own
        if policy is not None:
            policies[path.stem] = policy
    if not (inside / "default.yaml").is_file():
        problems.append(
            Problem(
                "does not exist; it is the policy for services that no other owns. A single line"
                " `policy: default` takes all that is built in",
                file=str(inside / "default.yaml"),
            )
        )
    return policies, problems


def _owning(document: Field, *, stem: str, services: Services | None, owners: dict[str, str]) -> Policy:
    policy = read_policy(document, stem, services)
    for member in document.child("services").each(most=100) if policy.services else ():
        service = str(member.value).strip()
        if service not in policy.services:
            continue  # said already
        owner = owners.setdefault(service, stem)
        if owner != stem:
            member.wrong(f'"{service}" belongs to policies/{owner}.yaml already; one policy owns each service')
    return policy


def _read(path: Path, convert: Callable[[Field], T]) -> tuple[T | None, list[Problem]]:
    try:
        tree = read_yaml(path.read_bytes(), str(path))
    except OSError as error:
        return None, [Problem(f"cannot be read: {error.strerror or error}", file=str(path))]
    except Mistakes as error:
        return None, list(error.problems)
    reading = Reading(file=str(path), lines=tree.lines)
    result = convert(reading.root(tree.value))
    problems = sorted([*tree.problems, *reading.problems], key=lambda problem: problem.line or 0)
    return result, problems


def _services(document: Field) -> Services:
    keys = document.entries(required=("services",))
    names: dict[str, dict[str, str]] = {}
    regions: dict[str, tuple[str, ...]] = {}
    for key, entry in (keys["services"].named() if "services" in keys else {}).items():
        for service in entry.convert(shapes.slug, key):
            own = entry.entries(required=("names",), optional=("regions",))
            names[service] = _names(own["names"]) if "names" in own else {}
            if "regions" in own:
                regions[service] = tuple(
                    member.take(shapes.region, "") for member in own["regions"].each(most=200)
                )
    if "services" in keys and keys["services"].value == {}:
        keys["services"].wrong("declares no service; declare at least one that families use")
    return Services(names, regions)


def _names(field: Field) -> dict[str, str]:
    names: dict[str, str] = {}
    for key, entry in field.named().items():
        try:
            names[shapes.locale(key)] = entry.take(partial(shapes.text, longest=40), "")
        except Invalid as error:
            entry.wrong(error.message)
    if isinstance(field.value, dict) and "en" not in names:
        field.wrong("needs at least an English name (en): it stands in where another is missing")
    return names
