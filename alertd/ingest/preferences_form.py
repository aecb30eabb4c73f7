"""The form on which a caregiver chooses how they are told: what a browser posts, as words."""

from urllib.parse import parse_qs

from alertd.domain.errors import Invalid
from alertd.domain.incident import Severity
from alertd.domain.offer import Filled
from alertd.usecases.change_preferences import Pressed

MOST_BYTES = 16 * 1024
"""The longest form that is read; one with twenty addresses has about a tenth of it."""

_MOST_FIELDS = 200


def parse_form(body: bytes) -> tuple[Pressed, Filled | None]:
    """The button that was pressed, and what was filled in; None where no form was shown yet.

    Raises Invalid for what no browser posts.
    """
    if len(body) > MOST_BYTES:
        raise Invalid(f"is longer than {MOST_BYTES // 1024} KB")
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:  # UnicodeDecodeError is one
        raise Invalid("is no form that a browser posts") from None
    pressed = _one(fields, "do") or Pressed.OPEN.value
    if pressed not in list(Pressed):
        raise Invalid("names no button of the page", field="do")
    if "stands" not in fields:
        return Pressed.OPEN, None
    return Pressed(pressed), Filled(
        channels={severity: tuple(fields.get(severity.value, ())) for severity in Severity},
        quiet="on" if _one(fields, "quiet") == "on" else "off",
        quiet_from=_one(fields, "quiet_from"),
        quiet_to=_one(fields, "quiet_to"),
        locale=_one(fields, "locale"),
        holdings=_one(fields, "holdings"),
        stopped=tuple(fields.get("stop", ())),
        stands=_one(fields, "stands"),
    )


def _one(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[-1]
