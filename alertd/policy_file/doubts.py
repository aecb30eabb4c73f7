"""What a policy may say and few can mean: told by `alertd policy check`, and no mistake."""

from collections.abc import Iterator
from datetime import time
from difflib import get_close_matches
from pathlib import Path

from alertd.domain.durations import spell_duration
from alertd.domain.hours import parse_on_duty
from alertd.domain.incident import Severity
from alertd.domain.policy import Policy
from alertd.policy_file.built_in import BUILT_IN
from alertd.policy_file.folder import sound_policies

_ALIKE = 0.8  # "perent" and "parent"; "grandparent" is a role of its own


def doubts(folder: Path) -> list[str]:
    """What to look at again in the policies of a config folder; files with mistakes are left out."""
    policies, _ = sound_policies(folder)
    return [f"policies/{name}.yaml: {doubt}" for name, policy in policies.items() for doubt in _doubts(policy)]


def _doubts(policy: Policy) -> Iterator[str]:
    for severity, promised in policy.first_notice.items():
        window = policy.silence.window[severity]
        if promised > window:
            yield (
                f"first_notice.{severity}: a first notice may take {spell_duration(promised)}, longer than the"
                f" {spell_duration(window)} of silence that families are promised; did you mean less?"
            )
    if not policy.wakes.get(Severity.CRITICAL):
        yield (
            "wakes.critical: is empty, so nothing wakes anybody when alarms may not arrive; if that is not meant,"
            " leave it out, and what is built in holds"
        )
    known = {*BUILT_IN.always, *policy.caregivers}
    for role in policy.always:
        near = get_close_matches(role, known, n=1, cutoff=_ALIKE) if role not in known else []
        if near:
            yield (
                f'always: "{role}" is named nowhere else; did you mean "{near[0]}"? A role of its own has a line'
                f" under caregivers, like {role}: {{}}"
            )
    for role, defaults in policy.caregivers.items():
        duty = parse_on_duty(defaults.on_duty) if defaults.on_duty else None
        if duty is not None and duty.start == duty.end != time(0):
            yield (
                f'caregivers.{role}.on_duty: "{defaults.on_duty}" is a duty of 24 hours; if that is not'
                " meant, give it another end"
            )
    yield from _idle(policy)


def _idle(policy: Policy) -> Iterator[str]:
    """Responders that the policy names and no step of its ladders, its own or built in, nudges or pages."""
    escalation = policy.escalation
    told = {step.who for step in (*escalation.post, *escalation.news)}
    for role, person in policy.responders.items():
        if role in told or BUILT_IN.responders.get(role) == person:  # built in, it stays unsaid
            continue
        near = get_close_matches(role, told, n=1, cutoff=_ALIKE)
        way_out = (
            f'did you mean "{near[0]}"?'
            if near
            else "name it in a step under escalation.responders, or leave it out"
        )
        yield f"responders.{role}: is nudged and paged by no step; {way_out}"
