"""What `alertd doctor` looks at in the config folder: policies, services, texts in every language."""

from alertd.cli.finding import Finding, Seen
from alertd.cli.policy import problems
from alertd.config_folder import templates_folder
from alertd.ingest.reading import Mistakes
from alertd.policy_file import load_policies, load_services
from alertd.texts import load as load_texts
from alertd.wiring import alertmanager_labels, declared_services


def policies(seen: Seen) -> list[Finding]:
    """Whether all of it is in order, and whether each language has a name for each service."""
    folder = seen.settings.config_dir
    wrong = problems(folder)
    if wrong:
        mend = (f"alertd policy check {folder} names {'it' if len(wrong) == 1 else 'them'}",)
        return [Finding("wrong", "policies", f"{len(wrong)} mistake{'s'[: len(wrong) != 1]}", mend)]
    services = load_services(folder / "services.yaml")
    locales = sorted(load_texts(templates_folder(folder), services.names, lambda _failure: None).locales)
    text = (
        f"policies, services and texts are in order: {', '.join(sorted(load_policies(folder)))}; "
        f"languages {', '.join(locales)}"
    )
    found = [Finding("ok", "policies", text)]
    unnamed = [
        f"{service} in {locale}"
        for service, names in services.names.items()
        for locale in locales
        if locale not in names
    ]
    if unnamed:
        text = f"no name for {', '.join(unnamed)}: families there read the English one"
        found.append(Finding("note", "services", text, (f"add it to names in {folder / 'services.yaml'}",)))
    return found


def labels(seen: Seen) -> list[Finding]:
    """Whether the labels of alerts mean services that are there."""
    try:
        alertmanager_labels(seen.settings, declared_services(seen.settings))
    except Mistakes as error:
        if any(problem.field.startswith("alertmanager.") for problem in error.problems):
            said = tuple(str(problem) for problem in error.problems)
            return [Finding("wrong", "Alertmanager", "its labels mean what is not there", said)]
    return []  # what is wrong with services.yaml has been said
