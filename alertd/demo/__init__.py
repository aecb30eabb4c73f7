"""The 2019 weekend against stand-in providers: what each family would have got, played at 1,800 times the speed.

`alertd demo` is `alertd up --sandbox` with 200 sample families and the script of that weekend. It ends with a
report, judged from the stand-ins' own log by code that shares nothing with the daemon.
"""

from pathlib import Path
from typing import Literal


def run(
    *,
    fast: bool = False,
    acts: int = 1,
    stay: bool = False,
    keep_dir: Path | None = None,
    output: Literal["table", "json"] = "table",
    scenario: Path | None = None,
) -> int:
    """Play the demo in this process (its main thread) and return the exit code: 0 if every family heard in time.

    `fast`: only the first nineteen hours. `acts`: 2 goes on with the relapse of Tuesday. `stay`:
    afterwards stay up until ctrl-c, to look at the inbox.
    `keep_dir`: an empty or new folder for database and logs, which is kept. `output`: "json" puts the report on
    standard output, and everything else on standard error. `scenario`: a folder like the shipped
    `config/scenarios/demo`, with a script of its own, to play in its place.
    """
    from alertd.demo.running import play_demo

    return play_demo(fast=fast, acts=acts, stay=stay, keep_dir=keep_dir, output=output, scenario=scenario)
