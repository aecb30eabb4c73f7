"""Every way of misbehaving over HTTP, seen from a plain client; and whom a fault hits."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from alertd.sandbox.faults import CALLBACKS, KINDS, REACH, Fault, Kind
from alertd.sandbox.log import Channel, read_accepted
from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings
from alertd.sandbox.story_clock import machine_time

pytestmark = pytest.mark.usefixtures("sandbox_key")

TO, OTHER = "+14155550123", "+14155550124"
HTTP_KINDS: list[tuple[Channel, Kind]] = [
    (channel, kind)
    for channel in ("sms", "push")
    for kind in KINDS
    if channel in REACH[kind] and kind not in CALLBACKS
]
AFTER_ACCEPTANCE = {"slow_drip", "drop_after_accept", "bad_json"}


class Sender:
    """A small client of both providers, with one connection pool."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.session = sandbox, session
        self._bearer: str | None = None

    async def send(self, channel: Channel, to: str = TO) -> aiohttp.ClientResponse:
        """One message; the response with its body not yet read."""
        if channel == "sms":
            login = b64encode(f"{self.sandbox.account_sid}:{self.sandbox.auth_token}".encode()).decode()
            return await self.session.post(
                f"{self.sandbox.twilio_url}/2010-04-01/Accounts/{self.sandbox.account_sid}/Messages.json",
                data={"To": to, "From": "+14155550100", "Body": "Still down."},
                headers={"Authorization": f"Basic {login}"},
                allow_redirects=False,
            )
        return await self.session.post(
            f"{self.sandbox.fcm_url}/v1/projects/alertd-sandbox/messages:send",
            json={"message": {"token": to.removeprefix("+"), "notification": {"body": "Still down."}}},
            headers={"Authorization": f"Bearer {await self._token()}"},
            allow_redirects=False,
        )

    async def outcome(self, channel: Channel, to: str = TO) -> int | str:
        """The status, or what went wrong instead."""
        try:
            async with asyncio.timeout(5):
                response = await self.send(channel, to)
                await response.json()
        except (aiohttp.ServerDisconnectedError, ConnectionError):
            return "dropped"
        except json.JSONDecodeError:
            return "bad json"
        return response.status

    async def _token(self) -> str:
        if self._bearer is None:
            account = json.loads(self.sandbox.credentials_file.read_text("utf-8"))
            now = int(machine_time())
            claims = {
                "iss": account["client_email"], "aud": account["token_uri"], "iat": now, "exp": now + 3600,
                "scope": "https://www.googleapis.com/auth/cloud-platform",
            }  # fmt: skip
            form = {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": jwt.encode(claims, private_key(account["private_key"]), algorithm="RS256"),
            }
            async with self.session.post(account["token_uri"], data=form) as response:
                self._bearer = str((await response.json())["access_token"])
        return self._bearer


@cache
def private_key(pem: str) -> rsa.RSAPrivateKey:
    """Read once: that takes longer than most of these tests."""
    key = load_pem_private_key(pem.encode("ascii"), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@pytest.fixture
async def sender(tmp_path: Path) -> AsyncIterator[Sender]:
    async with (
        Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        yield Sender(sandbox, session)


# --- each kind ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "fault", "expected", "code"),
    [
        ("sms", Fault(kind="5xx"), 503, "20503"),
        ("sms", Fault(kind="5xx", status=500), 500, "20500"),
        ("sms", Fault(kind="429"), 429, "20429"),
        ("sms", Fault(kind="auth"), 401, "20003"),
        ("sms", Fault(kind="invalid_number"), 400, "21211"),
        ("sms", Fault(kind="opted_out"), 400, "21610"),
        ("sms", Fault(kind="drop"), "dropped", ""),
        ("push", Fault(kind="5xx"), 503, "UNAVAILABLE"),
        ("push", Fault(kind="5xx", status=500), 500, "INTERNAL"),
        ("push", Fault(kind="429"), 429, "QUOTA_EXCEEDED"),
        ("push", Fault(kind="auth"), 401, "UNAUTHENTICATED"),
        ("push", Fault(kind="unregistered"), 404, "UNREGISTERED"),
        ("push", Fault(kind="drop"), "dropped", ""),
    ],
)
async def test_what_is_turned_away_is_not_accepted(
    sender: Sender, channel: Channel, fault: Fault, expected: int | str, code: str
) -> None:
    sender.sandbox.set_faults(fault)
    assert await sender.outcome(channel) == expected
    assert sender.sandbox.messages() == []
    assert [(r.outcome, r.code, r.channel) for r in sender.sandbox.refusals()] == [(fault.kind, code, channel)]


@pytest.mark.parametrize("channel", ["sms", "push"])
@pytest.mark.parametrize(("kind", "expected"), [("drop_after_accept", "dropped"), ("bad_json", "bad json")])
async def test_the_provider_has_it_and_the_sender_does_not_know(
    sender: Sender, channel: Channel, kind: Kind, expected: str
) -> None:
    sender.sandbox.set_faults(Fault(kind=kind))
    assert await sender.outcome(channel) == expected
    [line] = read_accepted(sender.sandbox.log_path)
    assert (line.channel, line.fault) == (channel, kind)
    assert sender.sandbox.refusals() == []


@pytest.mark.parametrize(
    ("fault", "header"),
    [
        (Fault(kind="429"), "7"),
        (Fault(kind="429", retry_after_s=30), "30"),
        (Fault(kind="429", retry_after_s=None), None),
        (Fault(kind="5xx"), None),
        (Fault(kind="5xx", retry_after_s=3), "3"),
    ],
)
@pytest.mark.parametrize("channel", ["sms", "push"])
async def test_retry_after(sender: Sender, channel: Channel, fault: Fault, header: str | None) -> None:
    sender.sandbox.set_faults(fault)
    response = await sender.send(channel)
    assert response.headers.get("Retry-After") == header


@pytest.mark.parametrize("channel", ["sms", "push"])
async def test_a_hang_answers_nothing_until_it_is_lifted(sender: Sender, channel: Channel) -> None:
    sender.sandbox.set_faults(Fault(kind="hang"))
    call = asyncio.create_task(sender.outcome(channel))
    assert await sender.sandbox.wait_for(lambda: [r.outcome for r in sender.sandbox.refusals()] == ["hang"])
    assert not call.done()
    sender.sandbox.set_faults()
    assert await call == "dropped"
    assert sender.sandbox.messages() == []


@pytest.mark.parametrize("channel", ["sms", "push"])
async def test_a_hang_ends_by_itself(sender: Sender, channel: Channel) -> None:
    sender.sandbox.set_faults(Fault(kind="hang", hold_s=0.05))
    assert await sender.outcome(channel) == "dropped"


@pytest.mark.parametrize("channel", ["sms", "push"])
async def test_a_slow_answer_outlasts_a_total_deadline_but_no_single_read(
    sender: Sender, channel: Channel
) -> None:
    sender.sandbox.set_faults(Fault(kind="slow_drip", drip_s=120))
    response = await sender.send(channel)
    async with asyncio.timeout(5):
        first = await response.content.read(1)
    assert first == b"{"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await response.content.read(-1)
    assert [line.fault for line in sender.sandbox.messages()] == ["slow_drip"]
    sender.sandbox.set_faults()  # lifted: the rest comes at once


async def test_a_slow_answer_is_whole_in_the_end(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="slow_drip", drip_s=0.2))
    response = await sender.send("sms")
    body = await response.json()
    assert (response.status, body["to"]) == (201, TO)


async def test_who_follows_a_redirect_is_found_out(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="redirect"))
    response = await sender.send("sms")
    assert response.status == 307
    assert [refusal.outcome for refusal in sender.sandbox.refusals()] == ["redirect"]
    async with sender.session.post(response.headers["Location"]) as followed:
        assert followed.status == 200
    assert [refusal.outcome for refusal in sender.sandbox.refusals()] == ["redirect", "followed_redirect"]
    assert sender.sandbox.messages() == []


async def test_a_fault_after_acceptance_does_not_make_a_bad_request_good(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="drop_after_accept"))
    assert await sender.outcome("sms", "no number") == 400
    assert sender.sandbox.messages() == []


@pytest.mark.parametrize(("channel", "kind"), HTTP_KINDS)
async def test_every_fault_ends_when_it_is_removed(sender: Sender, channel: Channel, kind: Kind) -> None:
    sender.sandbox.set_faults(Fault(kind=kind, hold_s=0.01, drip_s=0.01))
    await sender.outcome(channel)
    sender.sandbox.set_faults()
    assert await sender.outcome(channel) in {200, 201}
    accepted_under = [line.fault for line in sender.sandbox.messages()]
    assert accepted_under == ([kind, None] if kind in AFTER_ACCEPTANCE else [None])


# --- whom a fault hits ----------------------------------------------------------------------------------


async def test_only_these_addresses(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="5xx", to=(TO,)))
    assert [await sender.outcome("sms", to) for to in (TO, OTHER, TO)] == [503, 201, 503]


async def test_only_this_prefix(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="5xx", prefix="+1415"))
    assert [await sender.outcome("sms", to) for to in (TO, "+13035550142")] == [503, 201]


async def test_only_so_many(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="5xx", count=2))
    assert [await sender.outcome("sms") for _ in range(3)] == [503, 503, 201]


async def test_only_so_many_for_each_address(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="5xx", each=1))
    assert [await sender.outcome("sms", to) for to in (TO, OTHER, TO, OTHER)] == [503, 503, 201, 201]


async def test_only_one_channel(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="5xx", channel="push"))
    assert [await sender.outcome("push"), await sender.outcome("sms")] == [503, 201]


async def test_the_same_seed_throws_the_same_dice(sender: Sender) -> None:
    rows = []
    for _ in range(2):
        sender.sandbox.set_faults(Fault(kind="5xx", probability=0.5, seed=7))
        rows.append([await sender.outcome("sms") for _ in range(16)])
    assert rows[0] == rows[1]
    assert set(rows[0]) == {503, 201}


async def test_only_for_a_time(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="5xx", for_s=0), Fault(kind="429", after_s=3600))
    assert await sender.outcome("sms") == 201


async def test_the_first_fault_that_hits_wins(sender: Sender) -> None:
    sender.sandbox.set_faults(Fault(kind="429", count=1), Fault(kind="5xx"))
    assert [await sender.outcome("sms") for _ in range(2)] == [429, 503]


# --- the control endpoint -------------------------------------------------------------------------------


async def control(sender: Sender, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    data = None if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    url = f"{sender.sandbox.url}/control{path}"
    async with sender.session.request(method, url, data=data, headers=headers) as response:
        return response.status, await response.json()


async def test_faults_come_and_go_while_it_runs(sender: Sender) -> None:
    status, answer = await control(sender, "POST", "/faults", [{"kind": "5xx", "count": 1}, {"kind": "429"}])
    assert (status, answer["added"]) == (201, [1, 2])
    assert await sender.outcome("sms") == 503
    _, shown = await control(sender, "GET", "/faults")
    assert [(fault["number"], fault["kind"], fault["hits"]) for fault in shown["faults"]] == [
        (1, "5xx", 1), (2, "429", 0)
    ]  # fmt: skip
    assert await control(sender, "DELETE", "/faults/9") == (404, {"error": "no fault has number 9"})
    _, left = await control(sender, "DELETE", "/faults/2")
    assert [fault["number"] for fault in left["faults"]] == [1]
    assert await sender.outcome("sms") == 201
    assert (await control(sender, "DELETE", "/faults"))[1] == {"removed": 1, "faults": []}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"kind": "earthquake"}, "kind"),
        ({"kind": "5xx", "status": 418}, "status"),
        ({"kind": "5xx", "counts": 3}, "counts"),
        ({"kind": "5xx", "probability": 0}, "probability"),
        ({"kind": "opted_out", "channel": "push"}, "channel"),
        ({}, "kind"),
        ([{"kind": "5xx"}, {"kind": "429", "count": 0}], "count"),
    ],
)
async def test_a_fault_that_cannot_be_is_refused_whole(sender: Sender, body: object, named: str) -> None:
    status, answer = await control(sender, "POST", "/faults", body)
    assert status == 400
    assert named in answer["error"]
    assert (await control(sender, "GET", "/faults"))[1] == {"faults": []}


async def test_hundreds_die_at_once_and_come_back(sender: Sender) -> None:
    dead = {
        "sms": [f"+1{area}55501{n:02}" for area in (212, 303, 415) for n in range(100)],
        "push": ["14155550123"],
        "email": ["Mia@Example.org"],
        "voice": ["+14155550123"],
    }
    status, counts = await control(sender, "POST", "/dead", dead)
    assert (status, counts) == (201, {"sms": 300, "push": 1, "email": 1, "voice": 1})
    assert [await sender.outcome("sms"), await sender.outcome("push")] == [400, 404]
    assert (await control(sender, "GET", "/dead"))[1]["email"] == ["mia@example.org"]
    await control(sender, "DELETE", "/dead?channel=sms")
    assert [await sender.outcome("sms"), await sender.outcome("push")] == [201, 404]
    assert (await control(sender, "POST", "/dead", {"fax": []}))[0] == 400
    assert (await control(sender, "DELETE", "/dead?channel=fax"))[0] == 400


async def test_a_page_on_the_web_cannot_reach_the_controls(sender: Sender) -> None:
    """A form needs no permission to post, and a page may rebind its own name to this machine: neither gets in."""
    faults = f"{sender.sandbox.url}/control/faults"
    async with sender.session.post(faults, data=b'{"kind": "5xx"}', headers={"Content-Type": "text/plain"}) as r:
        assert r.status == 415
    async with sender.session.get(faults, headers={"Host": "rebound.example.org"}) as r:
        assert r.status == 421
    assert await sender.outcome("sms") == 201


async def test_the_sandbox_starts_with_the_faults_and_the_dead_it_is_given(tmp_path: Path) -> None:
    from alertd.sandbox.dead import DeadAddresses

    settings = SandboxSettings(
        data_dir=tmp_path, faults=(Fault(kind="5xx", count=1),), dead=DeadAddresses(sms={TO})
    )
    async with Sandbox(settings) as sandbox, aiohttp.ClientSession() as session:
        sender = Sender(sandbox, session)
        assert [await sender.outcome("sms", to) for to in (OTHER, TO, OTHER)] == [503, 400, 201]


async def test_it_stops_while_somebody_hangs(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        async with Sandbox(SandboxSettings(data_dir=tmp_path, faults=(Fault(kind="hang"),))) as sandbox:
            call = asyncio.create_task(Sender(sandbox, session).outcome("sms"))
            assert await sandbox.wait_for(lambda: len(sandbox.refusals()) == 1)
        assert await call == "dropped"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org"])
def test_it_listens_to_this_machine_only(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValueError, match="host"):
        SandboxSettings(data_dir=tmp_path, host=host)
