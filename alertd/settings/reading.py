"""Reading the settings: `alertd.yaml`, over it the environment; once, at the start of a process.

Every variable is ALERTD_ and the path of the setting in capitals, joined by two underscores:
`ALERTD_TWILIO__AUTH_TOKEN` is `twilio.auth_token`. Of a secret, ..._FILE may name a file that holds it.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

import alertd
from alertd import failpoints
from alertd.domain.errors import Invalid
from alertd.ingest.reading import Mistakes, Place, Problem, hint, spell
from alertd.ingest.yaml_text import Tree, read_yaml
from alertd.settings.keys import KEYS, PARTS, PATHS, SECRETS, VARIABLES
from alertd.settings.model import Settings

_RESPONDERS: Place = ("responders",)
_RESPONDER = "ALERTD_RESPONDERS__"

OTHER_VARIABLES = frozenset(
    {"ALERTD_CONFIG", "ALERTD_URL", "ALERTD_API_KEY", failpoints.VARIABLE, failpoints.FOLDER, "ALERTD_WORKER_LANE"}
)
"""Variables of ours that are no settings of the daemon."""


def shipped_config() -> Path:
    """The config folder that alertd brings: inside the installed package, or beside it in a checkout."""
    package = Path(alertd.__file__).resolve().parent
    inside = package / "_config"
    return inside if inside.is_dir() else package.parent / "config"


def load(env: Mapping[str, str], folder: Path | None = None) -> Settings:
    """Read `alertd.yaml` of the config folder, and over it the environment.

    The folder is `folder`, else what ALERTD_CONFIG names, else the shipped one; it may lack an alertd.yaml.
    A relative path in the file begins at the folder, one in the environment at the working directory.
    Raises Mistakes with every problem, each naming file and line or the variable, and never a value.
    """
    folder = folder or Path(env.get("ALERTD_CONFIG") or shipped_config())
    file = folder / "alertd.yaml"
    tree, problems = _read_file(folder, file)
    values: dict[str, object] = {"config_dir": folder.absolute()}
    origins: dict[Place, str] = {}
    for place, value in _leaves(tree.value):
        if place == _RESPONDERS:
            values["responders"] = _named(value, folder, tree, file, problems)
            continue
        _put(values, place, _path(env, folder, value) if place in PATHS else value)
    for place, name, value in _environment(env, problems):
        _put(values, place, _path(env, Path(), value) if place in PATHS else value)
        origins[place] = name
    try:
        failpoints.set_in(env)
    except Invalid as error:
        problems.append(Problem(error.message, failpoints.VARIABLE))
    if "data_dir" not in values:
        data_dir = _state_home(env)
        if data_dir is None:
            problems.append(Problem("is not set, and there is no HOME to keep data under", "ALERTD_DATA_DIR"))
        values["data_dir"] = data_dir or folder
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [
            _problem(mistake["loc"], mistake["type"], mistake["msg"], origins, tree, file)
            for mistake in error.errors(include_url=False, include_context=False, include_input=False)
            if mistake["type"] != "default_factory_not_called"  # only says that another setting is wrong
        ]
    else:
        if not problems:
            return settings
    raise Mistakes(problems)


def _read_file(folder: Path, file: Path) -> tuple[Tree, list[Problem]]:
    if not folder.is_dir():
        raise Mistakes([Problem("is no folder; ALERTD_CONFIG must name one", file=str(folder))])
    try:
        tree = read_yaml(file.read_bytes(), str(file))
    except FileNotFoundError:
        return Tree(), []
    except OSError as error:
        raise Mistakes([Problem(f"cannot be read: {error.strerror}", file=str(file))]) from None
    problems = list(tree.problems)
    if tree.value is None:
        return tree, problems
    if not isinstance(tree.value, dict):
        problems.append(Problem("must be a set of keys and values", "", 1, str(file)))
        tree.value = None
        return tree, problems
    for key, value in list(tree.value.items()):
        message = ""
        if key == "config_dir":
            message = "is set by ALERTD_CONFIG, not here"
        elif (key,) in PARTS and value is not None and not isinstance(value, dict):
            message = f"must be a set of keys and values: {', '.join(KEYS[(key,)])}"
        if message:
            problems.append(Problem(message, key, tree.lines[(key,)], str(file)))
            del tree.value[key]
    return tree, problems


def _leaves(value: object, place: Place = ()) -> Iterator[tuple[Place, object]]:
    # A part that is all comments ("twilio:") gives nothing. An unknown one is handed on whole, to be refused.
    if isinstance(value, dict) and (not place or place in PARTS):
        for key, entry in value.items():
            yield from _leaves(entry, (*place, key))
    elif value is not None:
        yield place, value


def _environment(env: Mapping[str, str], problems: list[Problem]) -> Iterator[tuple[Place, str, str]]:
    for name in sorted(env):
        if not name.startswith("ALERTD_") or name in OTHER_VARIABLES or not env[name]:
            continue
        stem = name.removesuffix("_FILE")
        if name in VARIABLES:
            yield VARIABLES[name], name, env[name]
        elif stem != name and VARIABLES.get(stem) in SECRETS:
            if env.get(stem):
                problems.append(Problem(f"is set beside {stem}; keep one of them", name))
                continue
            try:
                yield VARIABLES[stem], name, _secret(Path(env[name]))
            except Invalid as error:
                problems.append(Problem(error.message, name))
        elif name.startswith(_RESPONDER):
            yield from _responder(name, env, problems)
        elif "__" in name or get_close_matches(name, VARIABLES, 1, 0.9):
            problems.append(Problem(f"is not known{hint(name, VARIABLES)}", name))
        # Else it may be anyone's: Kubernetes sets ALERTD_PORT and more beside a service called alertd.


def _responder(name: str, env: Mapping[str, str], problems: list[Problem]) -> Iterator[tuple[Place, str, str]]:
    """ALERTD_RESPONDERS__FOLLOW_OWNER is responders.follow-owner.to; with _FILE a file's, with __ZONE the zone."""
    words, _, key = name.removeprefix(_RESPONDER).partition("__")
    from_file = not key and words.endswith("_FILE")
    place: Place = ("responders", words.removesuffix("_FILE" if from_file else "").lower().replace("_", "-"))
    if key not in ("", "ZONE"):
        problems.append(Problem(f"is not known{hint(name, (f'{_RESPONDER}{words}__ZONE',))}", name))
    elif not from_file:
        yield (*place, "zone" if key else "to"), name, env[name]
    elif env.get(name.removesuffix("_FILE")):
        problems.append(Problem(f"is set beside {name.removesuffix('_FILE')}; keep one of them", name))
    else:
        try:
            yield (*place, "to"), name, _secret(Path(env[name]))
        except Invalid as error:
            problems.append(Problem(error.message, name))


def _named(value: object, folder: Path, tree: Tree, file: Path, problems: list[Problem]) -> object:
    """Responders in their long form: `to` alone may stand for itself, and `to_file` names a file that holds it."""
    if not isinstance(value, dict):
        return value  # to be refused
    named: dict[str, object] = {}
    for name, entry in value.items():
        if not isinstance(entry, dict):
            named[name] = {"to": entry}
            continue
        fields = dict(entry)
        secret = fields.pop("to_file", None)
        if isinstance(secret, str):
            place: Place = (*_RESPONDERS, name, "to_file")
            try:
                if "to" in fields:
                    raise Invalid("stands beside to; keep one of them")
                fields["to"] = _secret(folder / secret)
            except Invalid as error:
                problems.append(Problem(error.message, spell(place), tree.lines.get(place), str(file)))
                continue
        named[name] = fields
    return named


def _secret(file: Path) -> str:
    try:
        secret = file.read_text("utf-8").strip()
    except OSError as error:
        raise Invalid(f"names a file that cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Invalid("names a file that is not UTF-8 text") from None
    if not secret:
        raise Invalid("names an empty file")
    return secret


def _problem(
    loc: Place, error: str, message: str, origins: Mapping[Place, str], tree: Tree, file: Path
) -> Problem:
    text = message.removeprefix("Value error, ").replace("Input should", "must").partition(", unable to")[0]
    if error == "extra_forbidden":
        text = f"is not known here{hint(str(loc[-1]), KEYS.get(loc[:-1], ()))}"
    elif error == "timezone_aware":
        text = "does not say in which zone; write for example 2019-11-30T07:40:00Z"
    place = loc
    while place and place not in origins and place not in tree.lines:
        place = place[:-1]
    if place in origins:
        return Problem(text, origins[place])
    return Problem(text, spell(loc), tree.lines.get(place), str(file) if place else None)


def _put(values: dict[str, object], place: Place, value: object) -> None:
    for part in place[:-1]:
        inner = values.setdefault(str(part), {})
        assert isinstance(inner, dict)
        values = inner
    values[str(place[-1])] = value


def _path(env: Mapping[str, str], start: Path, value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.startswith("~/") and env.get("HOME"):
        return Path(env["HOME"], value[2:])
    return (start / value).absolute()


def _state_home(env: Mapping[str, str]) -> Path | None:
    # https://specifications.freedesktop.org/basedir-spec/latest/: relative paths in it are to be ignored.
    state = Path(env.get("XDG_STATE_HOME", ""))
    if state.is_absolute():
        return state / "alertd"
    return Path(env["HOME"], ".local", "state", "alertd") if env.get("HOME") else None
