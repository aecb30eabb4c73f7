"""What a channel needs before its first message is there when its process takes work."""

from collections.abc import Callable
from pathlib import Path

from alertd.ports import Warms
from alertd.usecases.deliver import Sender
from channels.fcm_push import FcmConfig, FcmPush
from tests.contract.samples.http_provider import Reply, Request, http_provider
from tests.contract.samples.push import GRANTED, SENT, service_account
from tests.contract.samples.situations import NOW, message_to
from tests.contract.test_store_workers import Crew


def answers(request: Request) -> Reply:
    return GRANTED if request.path == "/token" else SENT


async def test_the_first_push_asks_for_no_token_any_more(tmp_path: Path) -> None:
    async with http_provider(answers) as provider:
        account = service_account(tmp_path, f"{provider.url}/token")
        channel = FcmPush(FcmConfig(credentials_file=account, base_url=provider.url), lambda: NOW)
        await channel.warm()
        assert [request.path for request in provider.requests] == ["/token"]
        await channel.send(message_to("token-1"))
        await channel.close()
    assert [request.path for request in provider.requests[1:]] != ["/token"]
    assert len(provider.requests) == 2


async def test_a_provider_that_refuses_to_be_asked_stops_no_process(tmp_path: Path) -> None:
    async with http_provider(lambda _: Reply(401, b"{}")) as provider:
        account = service_account(tmp_path, f"{provider.url}/token")
        channel = FcmPush(FcmConfig(credentials_file=account, base_url=provider.url), lambda: NOW)
        await channel.warm()
        await channel.close()


async def test_a_sender_warms_every_channel_that_wants_it(fresh_database: Callable[[str], str]) -> None:
    class Slow:
        at_once, deadline, has_callbacks, name = 1, 1.0, False, "slow"
        warmed = 0

        async def warm(self) -> None:
            self.warmed += 1

    crew, slow = Crew(fresh_database("sqlite")), Slow()
    assert isinstance(slow, Warms)
    crew.deps.channels["slow"] = slow  # type: ignore[index]
    await Sender(crew.deps).warm()
    await crew.close()
    assert slow.warmed == 1
