"""The key that links are signed with is rotated: what was sent stays valid, until the keys before are forgotten."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from alertd.domain.errors import Conflict
from alertd.domain.links import Purpose, sign
from alertd.ports.deps import Deps
from alertd.store.ids import uuid7
from alertd.usecases.link_keys import FreshKey, forget, rotate, signed
from tests.served import LINKS, Served, open_deps

NAMED = uuid7()


@pytest.fixture
async def served(fresh_database: Callable[[str], str]) -> AsyncIterator[Served]:
    deps, services = open_deps(fresh_database("sqlite"))
    made = Served(replace(deps, links=replace(LINKS)), services)
    await made.sign_in()
    yield made
    await made.close()


async def read(deps: Deps, token: str) -> object:
    async with deps.store.reading() as rows:
        return await signed(rows, Purpose.ANSWER, token)


def token(deps: Deps) -> str:
    assert deps.links is not None
    return sign(deps.links.secret, Purpose.ANSWER, NAMED)


async def test_links_of_both_keys_are_taken_until_the_older_is_forgotten(served: Served) -> None:
    deps = served.deps
    fresh, old = FreshKey(deps), token(deps)
    assert (await rotate(deps)).number == 2
    await fresh.look()
    assert token(deps) == old  # it has asked a moment ago
    served.clock.advance(seconds=6)
    await fresh.look()
    new = token(deps)
    assert new != old
    assert (await read(deps, old), await read(deps, new)) == (NAMED, NAMED)
    with pytest.raises(Conflict, match="wait 54 seconds"):
        await forget(deps)
    served.clock.advance(seconds=54)
    assert await forget(deps) == 1
    assert (await read(deps, old), await read(deps, new)) == (None, NAMED)
    with pytest.raises(Conflict, match="rotate makes another"):
        await forget(deps)


async def test_a_link_in_a_browser_is_taken_after_a_rotation_and_refused_once_its_key_is_forgotten(
    served: Served,
) -> None:
    path = f"/a/{token(served.deps)}"
    assert (await served.http.get(path)).status_code == 410  # ours, and of no message that there is
    await rotate(served.deps)
    assert (await served.http.get(path)).status_code == 410
    served.clock.advance(minutes=2)
    await forget(served.deps)
    assert (await served.http.get(path)).status_code == 403


async def test_what_was_done_to_the_key_is_kept(served: Served) -> None:
    await rotate(served.deps, who="ann")
    served.clock.advance(minutes=2)
    await forget(served.deps)
    async with served.deps.store.reading() as rows:
        acts = [(who, what) for _, who, what, _ in await rows.acts(None)]  # type: ignore[arg-type]
    assert acts[-2:] == [("ann", "rotate link key"), ("operator", "forget link keys")]
