"""API keys, the key of links, and Twilio's token become others while families are being told."""

import re
import secrets
import threading
import urllib.error
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from alertd.domain.links import TOKEN_CHARS, Purpose, read
from tests.chaos import families
from tests.chaos.drill import Drill, now
from tests.chaos.restarts import rolling
from tests.chaos.row import Row
from tests.integration.town import SECOND, THIRD

_LINK = re.compile(r"http://127\.0\.0\.1:\d+/a/[\w-]{32}")


def links_in(drill: Drill, since: float = 0.0) -> dict[str, str]:
    """The newest link that each number was sent; `since`: at or after that moment, Unix seconds."""
    found = {}
    for message in drill.rig.accepted():
        if message.channel == "sms" and message.at >= since and (link := _LINK.search(message.text)):
            found[message.to] = link[0]
    return found


@contextmanager
def asked_all_the_time(drill: Drill) -> Iterator[None]:
    """Somebody asks the API with the key of the moment, again and again; nobody is told that they may not."""
    answers: Counter[str] = Counter()
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.05):
            try:
                drill.rig.ask("GET", "/v1/incidents/1")
                answers["taken"] += 1
            except urllib.error.HTTPError as error:
                answers[str(error.code)] += 1
            except OSError:
                continue  # the API is being restarted

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        done.set()
        asking.join()
        taken = answers.pop("taken", 0)
        if answers or not taken:
            drill.said.append(f"of {taken} requests more were refused: {dict(answers)}")


def _rotated(drill: Drill) -> None:
    """While one update is told each secret gets another beside it; while the next is told the old ones end."""
    drill.opens()
    sent = links_in(drill)
    old_token, new_token = drill.rig.provider_token, f"rotated-{secrets.token_hex(8)}"
    with asked_all_the_time(drill):
        drill.slow(0.4)
        drill.says(SECOND)
        drill.until_some_told(SECOND, 0.1)
        old_key = drill.rig.secrets[0]
        drill.rig.sign_in()
        drill.rig.command_line("key", "revoke", old_key.split("_")[1])
        if drill.rig.raw("GET", "/v1/incidents/1", headers={"Authorization": f"Bearer {old_key}"})[0] != 401:
            drill.said.append("a revoked key is still taken")
        drill.rig.command_line("link", "rotate")
        drill.rig.sandbox("PUT", "/login", {"auth_token": old_token, "secondary": new_token})
        drill.rig.tells(ALERTD_TWILIO__AUTH_TOKEN=new_token, ALERTD_TWILIO__AUTH_TOKEN_PREVIOUS=old_token)
        with drill.fault():
            rolling(drill)
        drill.until_all_told(SECOND)
        drill.says(THIRD)
        drill.until_some_told(THIRD, 0.1)
        drill.rig.sandbox("PUT", "/login", {"auth_token": new_token})
        promoted = now()
        drill.until_all_told(THIRD)
        drill.well()
    _both_links_lead_somewhere(drill, sent)
    drill.holds_and_ends()
    _callbacks_were_taken(drill, promoted)


def _both_links_lead_somewhere(drill: Drill, sent: dict[str, str]) -> None:
    """Those of the first message, and those of the last, which only families that still climb were asked with."""
    newer = links_in(drill, drill.first_said(THIRD))
    known = [bytes(secret) for (secret,) in drill.rig.rows("SELECT secret FROM signing_key ORDER BY id")]
    by_newest = [link for link in newer.values() if read(known[-1], Purpose.ANSWER, link[-TOKEN_CHARS:])]
    if len(known) != 2 or not sent or len(by_newest) != families.CRITICAL or len(newer) != families.CRITICAL:
        drill.said.append(f"{len(known)} keys of links; the newest signed {len(by_newest)} of {len(newer)} links")
    for link in (*sorted(sent.values())[::50], *newer.values()):
        try:
            drill.rig.follows(link)
        except urllib.error.HTTPError as error:
            drill.said.append(f"a link is answered {error.code}")


def _callbacks_were_taken(drill: Drill, promoted: float) -> None:
    """Whichever token signed them; and no request of ours was a stranger's to Twilio."""
    after = [line for line in drill.rig.told() if line.at >= promoted and line.answer == 204]
    refused = Counter(line.answer for line in drill.rig.told() if line.answer not in (204, None))
    strangers = [line for line in drill.rig.refused() if line.code == "20003"]
    if refused or strangers or not after:
        drill.said.append(
            f"callbacks were answered {dict(refused)}, {len(after)} with the new token were taken; Twilio refused {len(strangers)} of our requests"
        )


ROWS = (
    Row(
        name="secrets-rotated",
        what="API keys, the key of links and Twilio's token are rotated in the middle of two fan-outs",
        run=_rotated,
        step=90.0,
    ),
)
