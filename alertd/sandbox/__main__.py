"""`python -m alertd.sandbox`: the stand-ins as a process. Prints one line of JSON once they answer."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from alertd.sandbox.dead import DeadAddresses, read_dead
from alertd.sandbox.faults import BadFault, Fault, read_faults
from alertd.sandbox.log import BrokenLog
from alertd.sandbox.server import serve
from alertd.sandbox.settings import ACCOUNT_SID, AUTH_TOKEN, SandboxSettings
from alertd.sandbox.story_clock import REAL, StoryClock, machine_time

_WHAT = """Stand-ins for Twilio, FCM and a mail server on loopback, with an inbox. Prints one line of JSON once
they answer; how to make them fail as real providers do: docs/reference/sandbox.md."""


def parser() -> argparse.ArgumentParser:
    """What the command line understands."""
    made = argparse.ArgumentParser(prog="alertd sandbox", description=_WHAT)
    made.add_argument(
        "--data-dir",
        type=Path,
        required=True,
        help="folder for the log and the credentials; of alertd sandbox: sandbox/ in the data folder",
    )
    made.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    made.add_argument("--port", type=int, default=0, help="HTTP port; 0 = any free one (default)")
    made.add_argument("--smtp-port", type=int, default=0, help="SMTP port; 0 = any free one (default)")
    made.add_argument("--account-sid", default=ACCOUNT_SID, help="Twilio account (default: %(default)s)")
    made.add_argument("--auth-token", default=AUTH_TOKEN, help="its token (default: %(default)s)")
    made.add_argument("--smtp-login", metavar="USER:PASSWORD", help="ask mail clients for this (default: nothing)")
    made.add_argument("--story-start", metavar="ISO", help="story time at the start: 2019-11-30T07:40:00Z")
    made.add_argument("--rate", type=float, default=1.0, help="story seconds per second (default: 1)")
    made.add_argument("--zone", default="UTC", help="time zone of the inbox (default: %(default)s)")
    made.add_argument("--faults", type=Path, metavar="FILE", help="JSON: a fault or a list of them")
    made.add_argument(
        "--dead", type=Path, metavar="FILE", help='JSON: {"sms": [...], "push": [...], "email": [...]}'
    )
    made.add_argument("-o", "--output", choices=("table", "json"), help="the line is JSON either way")
    return made


def read_arguments(arguments: Sequence[str] | None = None) -> SandboxSettings:
    """Settings from the command line. Exits with 2 and a sentence where they make no sense."""
    reader = parser()
    given = reader.parse_args(arguments)
    try:
        return SandboxSettings(
            data_dir=given.data_dir,
            host=given.host,
            port=given.port,
            smtp_port=given.smtp_port,
            account_sid=given.account_sid,
            auth_token=given.auth_token,
            smtp_login=_login(given.smtp_login),
            story=_story(given.story_start, given.rate),
            zone=given.zone,
            faults=_faults(given.faults),
            dead=_dead(given.dead),
        )
    except (ValueError, OSError) as error:
        reader.error(str(error))


def _story(start: str | None, rate: float) -> StoryClock:
    if start is not None:
        return StoryClock(datetime.fromisoformat(start), machine_time(), rate)
    if rate != 1:
        raise ValueError("--rate: a story that runs at a rate of its own needs --story-start")
    return REAL


def _login(given: str | None) -> tuple[str, str] | None:
    if given is None:
        return None
    user, colon, password = given.partition(":")
    if not (user and colon and password):
        raise ValueError("--smtp-login: user, colon, password")
    return user, password


def _faults(file: Path | None) -> tuple[Fault, ...]:
    if file is None:
        return ()
    try:
        return tuple(read_faults(file.read_bytes()))
    except BadFault as error:
        raise ValueError(f"--faults: {error}") from error


def _dead(file: Path | None) -> DeadAddresses:
    if file is None:
        return DeadAddresses()
    try:
        return read_dead(file.read_bytes())
    except msgspec.MsgspecError as error:
        raise ValueError(f"--dead: {error}") from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    settings = read_arguments(arguments)
    with asyncio.Runner(loop_factory=_quickest_loop()) as runner:
        try:
            runner.run(serve(settings))
        except (OSError, ValueError) as error:  # a port that is taken, a folder that cannot be written
            sys.exit(f"sandbox: {error}")
        except BrokenLog as error:
            sys.exit(
                f"sandbox: {error}; move the sandbox's folder away and start again: the messages are test data"
            )


def _quickest_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
