"""What people and machines do to the model world, by the names of `script.EVENTS`."""

from dataclasses import replace
from datetime import timedelta

from alertd.domain.by_phone import say
from alertd.domain.family import AddressStatus
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.watch import BY_PHONE, Answer
from tests import make
from tests.property.script import DUTIES, NIGHTS
from tests.property.world import LEASE, World

UP = {Severity.MINOR: Severity.MAJOR, Severity.MAJOR: Severity.CRITICAL}
DOWN = {after: before for before, after in UP.items()}


def happen(world: World, what: str, value: int) -> None:
    """One event; what cannot happen now does not."""
    open_ = not world.incident.state.ended
    if what == "relapse":
        relapse(world, value)
    elif what in OF_INCIDENT:
        if open_:
            world.note(what)
            OF_INCIDENT[what](world, value)
    else:
        world.note(f"{what} {value}")
        OF_OTHERS[what](world, value)


def progress(world: World, value: int) -> None:
    state = State.IDENTIFIED if value % 2 else world.incident.state
    world.publish(Kind.PROGRESS, state=state, message={"en": f"news at {world.now}"})
    world.fan_out()


def promise(world: World, value: int) -> None:
    world.publish(Kind.PROGRESS, promise=world.now + timedelta(minutes=(3, 12, 25, 45, 90, 200)[value % 6]))
    world.fan_out()


def monitoring(world: World, _: int) -> None:
    world.publish(Kind.PROGRESS, state=State.MONITORING)
    world.hazards.add("monitoring")
    world.fan_out()


def unheard(world: World, _: int) -> None:
    """An update that nobody is to be told: no fan-out."""
    world.publish(Kind.PROGRESS, notify=False)


def correction(world: World, value: int) -> None:
    """Of any update; of words only, or of the severity too."""
    said = [u for u in world.incident.updates if u.human and u.notify]
    wrong = said[-1 - value // 2 % len(said)].number
    world.hazards.add("correction")
    worse = UP.get(world.incident.severity)
    if value % 2 or worse is None:
        world.publish(Kind.CORRECTION, references=wrong)
    else:
        world.hazards.add("raise")
        epoch = _epoch(world, anew=worse is Severity.CRITICAL)
        world.publish(Kind.CORRECTION, references=wrong, severity=worse, epoch=epoch)
    world.fan_out()


def recall(world: World, _: int) -> None:
    """The newest update is taken back: what was true before it is true again."""
    updates = world.incident.updates
    newest = next(u for u in reversed(updates) if u.notify and u.kind is not Kind.HOLDING)
    wrong = [newest]
    while wrong[-1].kind is Kind.CORRECTION:
        wrong.append(next(u for u in updates if u.number == wrong[-1].references))
    if newest.kind is Kind.RECALL or any(u.kind is Kind.REOPENING for u in wrong):
        return
    earlier = [u for u in reversed(updates) if u.number < newest.number and u.human and u.notify]
    said = world.judge.said_by_people()
    before = next((u for u in earlier if u in said and u not in wrong), None)
    world.hazards.add("recall" if before is not None else "recall of the first")
    if before is None:
        taken_back = [u.references for u in updates if u.kind is Kind.RECALL]
        before = next((u for u in earlier if u.number not in taken_back), newest)
    touched = world.touched
    world.publish(Kind.RECALL, references=newest.number, facts=before.facts, epoch=before.epoch, human_number=None)
    if world.touched and not touched:
        world.touch_again()
    world.fan_out()


def raise_(world: World, _: int) -> None:
    worse = UP.get(world.incident.severity)
    if worse is None:
        return
    world.hazards.add("raise")
    epoch = _epoch(world, anew=worse is Severity.CRITICAL)
    world.publish(Kind.SEVERITY, severity=worse, epoch=epoch)
    world.fan_out()


def _epoch(world: World, *, anew: bool) -> int:
    """The epoch of an update: what a recall has ended keeps its number."""
    return 1 + max(u.epoch for u in world.incident.updates) if anew else world.incident.epoch


def fall(world: World, _: int) -> None:
    better = DOWN.get(world.incident.severity)
    if better is None:
        return
    world.hazards.add("fall")
    world.publish(Kind.SEVERITY, severity=better)
    world.fan_out()


def shrink(world: World, value: int) -> None:
    services = ("login",) if value % 3 else ("follow",)
    change_scope(world, services)


def grow(world: World, value: int) -> None:
    change_scope(world, ("follow", "share") if value % 2 else ("share", "login"))


def change_scope(world: World, services: tuple[str, ...]) -> None:
    before = world.touched
    world.publish(Kind.SCOPE, scope=make.scope(*services, regions=("us",)))
    if world.touched and not before:
        world.touch_again()
    world.fan_out()


def elsewhere(world: World, _: int) -> None:
    """Another family came due: their holding is this incident's newest row, and nobody tells this family."""
    world.hold(make.minutes(1))
    world.hazards.add("holding elsewhere")


def resolve(world: World, _: int) -> None:
    world.publish(Kind.RESOLUTION, state=State.RESOLVED)
    world.judge.over()
    world.fan_out()


def cancel(world: World, _: int) -> None:
    world.publish(Kind.CANCELLATION, state=State.CANCELLED)
    world.judge.over()
    world.fan_out()


def reopen(world: World) -> None:
    if not world.incident.state.ended:
        return
    world.note("reopen")
    world.hazards.add("reopening")
    world.publish(Kind.REOPENING, state=State.INVESTIGATING, epoch=_epoch(world, anew=True))
    world.touch_again(reopened=True)
    world.fan_out()


def relapse(world: World, value: int) -> None:
    """Resolved and reopened some time later; or reopened now, where it is over already."""
    if world.incident.state.ended:
        reopen(world)
        return
    world.note("resolve")
    resolve(world, value)
    wait = timedelta(seconds=(5, 20, 90, 700, 3600, 20000)[value % 6])
    world.at(world.now + wait, lambda: reopen(world))


def hours(world: World, value: int) -> None:
    """An import with other quiet hours and duty for somebody."""
    people = list(world.family.caregivers)
    which = value % len(people)
    preferences = replace(people[which].preferences, quiet_hours=NIGHTS[value % len(NIGHTS)])
    people[which] = replace(people[which], preferences=preferences, on_duty=DUTIES[value % len(DUTIES)])
    world.change_family(replace(world.family, caregivers=tuple(people)))


def move(world: World, _: int) -> None:
    """An import with another region: out of the scope, or back into it."""
    region = "eu-north" if world.family.region == "us-west" else "us-west"
    world.change_family(replace(world.family, region=region))


def joiner(world: World, value: int) -> None:
    """An import with one more caregiver."""
    held = (("push", "sms"), ("sms",), ("push", "email"), ("email",))[value % 4]
    name = f"joiner{len(world.family.caregivers)}"
    wanted = make.preferences(quiet_hours=NIGHTS[value % len(NIGHTS)])
    person = make.caregiver(name, *held, order=9, role=("parent", "nurse")[value % 2], preferences=wanted)
    world.change_family(replace(world.family, caregivers=(*world.family.caregivers, person)))


def new_number(world: World, value: int) -> None:
    """An import with another phone for somebody."""
    people = list(world.family.caregivers)
    which = value % len(people)
    number = make.own(people[which].id, "sms", 2 + value % 7)
    addresses = tuple(dict.fromkeys((number, *people[which].addresses)))
    people[which] = replace(people[which], addresses=addresses)
    world.change_family(replace(world.family, caregivers=tuple(people)))


def stop(world: World, value: int) -> None:
    """STOP, from one address or from all of a person."""
    person = world.family.caregivers[value % len(world.family.caregivers)]
    world.hazards.add("stop")
    addresses = person.addresses if value > 8 else (person.addresses[value % len(person.addresses)],)
    for address in addresses:
        world.statuses[address.id] = AddressStatus(opted_out=True)
    world.judge.disturbed(person.id)
    world.make_due()


def restart(world: World, value: int) -> None:
    """Our own machines are down for a while; nothing is forgotten."""
    world.hazards.add("restart")
    until = world.now + timedelta(minutes=(1, 5, 20, 45)[value % 4])
    world.asleep_until = max(until, world.asleep_until or until)
    world.upset(world.asleep_until + LEASE)  # an answer lost by the crash is missed only then
    world.judge.outage(world.asleep_until)
    world.at(world.asleep_until, world.look)


def answer(world: World, value: int) -> None:
    """Somebody says that they know; who has not been told anything has nothing to answer."""
    person = world.family.caregivers[value % len(world.family.caregivers)]
    told = any(r.owed.caregiver == person.id and r.told and r.owed.reader.asks for r in world.rows)
    if told and not world.incident.state.ended:
        world.hazards.add("answer")
        world.answers.append(Answer(person.id, world.incident.epoch, world.now))
        world.end_ladder()
        world.make_due()


def call(world: World, _: int) -> None:
    """A person of ours tells the family by phone: everybody knows who hears every update whatever a ladder does."""
    told = say(world.duty(), world.now)
    if told is None or world.stopped or world.fanouts:
        return
    world.hazards.add("call")
    expected = world.judge.says()
    if told.holding:
        world.hold(world.duty().margin)
    if told.next_by is None:
        judge = world.judge
        assert not any(judge.stays(c) for c in judge.people()), "somebody hears on, and was named no time"
        assert any(judge.usable(c) for c in world.family.caregivers), "nobody can be told but by phone: by when?"
    elif not world.incident.newest.closes_promise:
        assert told.next_by == expected, ("told by phone", told.next_by, "should be", expected)
    epoch = world.incident.epoch
    world.answers = [a for a in world.answers if (a.caregiver, a.epoch) != (BY_PHONE, epoch)]
    world.answers.append(Answer(BY_PHONE, epoch, world.now, told.update, told.next_by, told.who))
    world.called(told)
    world.end_ladder()
    world.make_due()


def provider_down(world: World, value: int) -> None:
    """A provider takes nothing for a while; mostly all those of the newest update, so that something meets it."""
    newest = [row for row in world.rows if row.owed.update == world.rows[-1].owed.update and not row.by_phone]
    used = {row.owed.channel for row in newest} if value % 4 != 3 else set()
    for channel in used or {("push", "sms", "email")[value % 3]}:
        (world.hangs.add if value % 2 else world.hangs.discard)(channel)
        world.down[channel] = world.now + timedelta(minutes=(120, 40, 300, 2)[value // 3])
    world.hazards.add("failure")


OF_INCIDENT = {
    "progress": progress, "promise": promise, "monitoring": monitoring, "unheard": unheard,
    "correction": correction, "recall": recall, "raise": raise_, "fall": fall, "shrink": shrink, "grow": grow,
    "elsewhere": elsewhere, "resolve": resolve, "cancel": cancel,
}  # fmt: skip
OF_OTHERS = {
    "hours": hours, "move": move, "joiner": joiner, "new_number": new_number, "stop": stop,
    "restart": restart, "provider_down": provider_down, "answer": answer,
    "call": call,
}  # fmt: skip
