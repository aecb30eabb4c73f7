"""Failpoints: read strictly, passed as often as it says, and nothing where none is set."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alertd import failpoints, settings
from alertd.domain.errors import Invalid
from alertd.failpoints import FailpointReached, read
from alertd.ingest.reading import Mistakes


def test_nothing_is_set_here_and_every_point_is_none() -> None:
    assert failpoints.SET == {}
    assert all(failpoints.at(point) is None for point in failpoints.POINTS)


def test_a_name_that_does_not_exist_is_refused_in_the_program() -> None:
    with pytest.raises(AssertionError):
        failpoints.at("after_lunch")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("after_lunch=kill", 'there is no failpoint "after_lunch": after_claim, before_send'),
        ("after_claim=explode", '"after_claim=explode" is no failpoint: write point=kill'),
        ("after_claim=kill:0", '"after_claim=kill:0" is no failpoint'),
        ("after_claim=sleep", '"after_claim=sleep" is no failpoint'),
        ("after_claim", '"after_claim" is no failpoint'),
        ("after_claim=kill,after_claim=raise", "after_claim is set twice"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_way_out(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read(text)


def test_it_happens_at_the_pass_that_is_named_and_only_then() -> None:
    point = read("before_send=raise:3")["before_send"]
    point("fam-1")
    point("fam-2")
    with pytest.raises(FailpointReached, match="before_send"):
        point("fam-3")
    point("fam-4")


def test_of_one_family_only_its_own_passes_count() -> None:
    point = read("before_send@fam-2=raise")["before_send"]
    point("fam-1")
    with pytest.raises(FailpointReached):
        point("fam-2")


def test_a_sleep_takes_its_time() -> None:
    point = read("mid_slice=sleep(0.05)")["mid_slice"]
    began = time.monotonic()
    point()
    assert time.monotonic() - began >= 0.05


def test_among_processes_that_share_a_folder_it_happens_once(tmp_path: Path) -> None:
    one, other = (read("mid_fanout=raise", tmp_path)["mid_fanout"] for _ in range(2))
    with pytest.raises(FailpointReached):
        one()
    other()
    assert [each.name for each in tmp_path.iterdir()] == ["mid_fanout"]


def test_a_process_kills_itself_as_its_environment_says() -> None:
    program = "from alertd import failpoints; point = failpoints.at('after_accept'); point(''); print('one', flush=True); point('')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"ALERTD_FAILPOINTS": "after_accept=kill:2"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "one\n"), done.stderr


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"ALERTD_FAILPOINTS": "after_lunch=kill"}, 'ALERTD_FAILPOINTS: there is no failpoint "after_lunch"'),
        (
            {"ALERTD_FAILPOINTS": "mid_slice=kill", "ALERTD_FAILPOINTS_FOLDER": "/nowhere"},
            "ALERTD_FAILPOINTS: ALERTD_FAILPOINTS_FOLDER names no folder",
        ),
    ],
)
def test_no_process_starts_with_a_failpoint_that_nobody_knows(env: dict[str, str], says: str) -> None:
    with pytest.raises(Mistakes) as refused:
        settings.load({"HOME": "/home/mia", **env})
    assert says in str(refused.value)


def test_the_docs_name_every_failpoint_with_its_sentence() -> None:
    page = Path(__file__).parents[2] / "docs" / "reliability.md"
    told = page.read_text("utf-8")
    assert all(f"| `{point}` | {where} |" in told for point, where in failpoints.POINTS.items())


def test_a_failpoint_that_exists_is_no_mistake() -> None:
    settings.load({"HOME": "/home/mia", "ALERTD_FAILPOINTS": "after_claim=kill:3,mid_slice=sleep(2.5)"})
