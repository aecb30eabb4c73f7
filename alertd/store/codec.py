"""Documents in columns: JSON to domain dataclasses and back, by msgspec."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from alertd.domain.delivery import DeliveryState, Framing, Reader, Telling
from alertd.domain.family import AddressId, CaregiverId, Family, FamilyId
from alertd.domain.incident import (
    Facts,
    Incident,
    IncidentId,
    Kind,
    Scope,
    Severity,
    State,
    Update,
)
from alertd.domain.policy import Policy
from alertd.domain.watch import Answer, LadderState, Rest, Watch

_encoder = msgspec.json.Encoder()
_family = msgspec.json.Decoder(Family)
_facts = msgspec.json.Decoder(Facts)
_scope = msgspec.json.Decoder(Scope)
_policy = msgspec.json.Decoder(Policy)
_reader = msgspec.json.Decoder(Reader)
_names = msgspec.json.Decoder(tuple[str, ...])


def encode(value: Any) -> str:
    """A dataclass or plain value as compact JSON text."""
    return _encoder.encode(value).decode()


def family(doc: str) -> Family:
    """A stored family document."""
    return _family.decode(doc)


def family_if_readable(doc: str) -> Family | None:
    """A stored family document; None for one that cannot be read."""
    try:
        return _family.decode(doc)
    except Exception:  # noqa: BLE001 - whatever is in it
        return None


def policy(doc: str) -> Policy:
    """A stored policy snapshot."""
    return _policy.decode(doc)


def scope(doc: str) -> Scope:
    """A stored scope."""
    return _scope.decode(doc)


def reader(doc: str) -> Reader:
    """Whom a delivery is for."""
    return _reader.decode(doc)


def names(doc: str) -> tuple[str, ...]:
    """A stored list of names."""
    return _names.decode(doc) if doc != "[]" else ()


def update(row: Row[*tuple[Any, ...]]) -> Update:
    """An update in a row that has its incident's columns beside it."""
    return Update(
        number=row.update_number,
        kind=Kind(row.update_kind),
        at=row.update_at,
        facts=_facts.decode(row.update_facts),
        promise=row.update_promise,
        notify=row.update_notify,
        human_number=row.update_human_number,
        references=row.update_references_update,
        closes_promise=row.update_closes_promise,
        epoch=row.update_epoch,
        source=row.update_source,
    )


def incident(row: Row[*tuple[Any, ...]], updates: tuple[Update, ...]) -> Incident:
    """A row of incident with its updates, oldest first."""
    return Incident(
        id=IncidentId(row.id),
        number=row.number,
        opened_at=row.opened_at,
        state=State(row.state),
        severity=Severity(row.severity),
        scope=scope(row.scope),
        epoch=row.epoch,
        policy=row.policy,
        updates=updates,
        version=row.version,
        ended_at=row.ended_at,
        held=row.held,
        confirm_at=row.confirm_at,
        resolve_at=row.resolve_at,
        retried_at=row.retried_at,
    )


def watch(row: Any) -> Watch:
    """A row of watch."""
    return Watch(
        incident=IncidentId(row.incident_id),
        family=FamilyId(row.family_id),
        touched_at=row.touched_at,
        next_by=row.next_by,
        heard_at=row.heard_at,
        told=row.told,
        owed=row.owed,
        epoch=row.epoch,
        waiting=names(row.waiting),
        look_at=row.look_at,
        rest=Rest(row.rest) if row.rest else None,
        version=row.version,
        ladder=LadderState(row.ladder) if row.ladder else None,
        step=row.step,
    )


def answer(row: Any) -> Answer:
    """A row of answer."""
    if row.told is None:
        return Answer(CaregiverId(row.caregiver), row.epoch, row.at)
    who = tuple(CaregiverId(each) for each in names(row.who))
    return Answer(CaregiverId(row.caregiver), row.epoch, row.at, row.told, row.next_by, who)


_STATES = {state.value: state for state in DeliveryState}
_FRAMINGS = {framing.value: framing for framing in Framing}


def telling(row: Any) -> Telling:
    """A delivery as the planner sees it."""
    return Telling(
        address=AddressId(row.address_id),
        update=row.update_no,
        epoch=row.epoch,
        step=row.step,
        framing=_FRAMINGS[row.framing],
        loud=row.loud,
        state=_STATES[row.state],
        planned_at=row.planned_at,
        next_by=row.next_by,
        accepted_at=row.accepted_at,
        in_quiet=row.in_quiet,
        maybe=row.maybe,
        tried_at=row.tried_at,
        caregiver=row.caregiver,
    )


def uuid_text(value: UUID) -> str:
    """The form in which SQLite stores a UUID."""
    return value.hex
