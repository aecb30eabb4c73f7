"""Every setting by its place, and the variable that it has in the environment."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from alertd.ingest.reading import Place
from alertd.settings.model import Settings


def _fields(model: type[BaseModel], place: Place = ()) -> Iterator[tuple[Place, FieldInfo]]:
    for name, info in model.model_fields.items():
        here = (*place, info.alias or name)
        yield here, info
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _fields(info.annotation, here)


_ALL = {place: info for place, info in _fields(Settings) if place != ("config_dir",)}

NAMED = frozenset({("responders",)})
"""Settings whose keys are names of the operator's own."""

PARTS = frozenset(place[:-1] for place in _ALL if len(place) > 1)
"""The places that hold settings and are none themselves: ("twilio",)."""

KEYS: dict[Place, list[str]] = {}
"""What a part may hold, by its place."""
for _place in _ALL:
    KEYS.setdefault(_place[:-1], []).append(str(_place[-1]))

VARIABLES: dict[str, Place] = {
    "ALERTD_" + "__".join(str(part).upper() for part in place): place
    for place in _ALL
    if place not in PARTS | NAMED
}
"""The variable of each setting."""


def _holding(kind: type) -> frozenset[Place]:
    return frozenset(
        place for place, info in _ALL.items() if kind in (info.annotation, *get_args(info.annotation))
    )


SECRETS = _holding(SecretStr)
PATHS = _holding(Path)
