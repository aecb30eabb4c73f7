"""Everything that a row needs: begun while the row before it ends, judged when its own play is over.

To start nine processes takes longer than most plays do on two cores, and the end of a play is mostly waiting.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.chaos import families
from tests.chaos.databases import OwnPostgres, Templates
from tests.chaos.drill import SOAK, Drill
from tests.chaos.oracle import Ruling, judge
from tests.chaos.preload import Preloaded, preloaded
from tests.chaos.proxy import Proxy
from tests.chaos.row import Row
from tests.chaos.switch import Switch
from tests.integration.rig import RATE, Rig
from tests.servers import NotReady

AUDIT_SECONDS = 3.0
"""How often the auditor asks."""

PING_SECONDS = 30.0
"""How often the switch outside is pinged: as in production, as that is the shortest that settings allow."""


class Stage:
    """One row's servers and processes. Use it as a context manager: it begins to start them, and ends them all."""

    def __init__(self, row: Row, templates: Templates, folder: Path) -> None:
        self.row, self._templates, self.folder = row, templates, folder
        self._stack = ExitStack()
        self._postgres: OwnPostgres | None = None
        self._proxy: Proxy | None = None
        self._switch: Switch | None = None
        self._faults: Preloaded | None = None
        self._rig: Rig | None = None
        self._failed: Exception | None = None

    def __enter__(self) -> Self:
        try:
            self._begin()
        except Exception as error:  # noqa: BLE001  it is told in its turn: another row is still on
            self._failed = error
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _begin(self) -> None:
        row, failpoints = self.row, self.folder / "failpoints"
        failpoints.mkdir(parents=True)
        faults = self._faults = self._stack.enter_context(preloaded()) if row.preloaded else None
        url = self._database()
        variables = {
            "ALERTD_TIMING__AUDIT_SECONDS": str(AUDIT_SECONDS),
            "ALERTD_WORKERS__NICE": "0",  # or whoever else has the machine keeps them from it
            **row.pace.settings(),
            **row.variables,
        }
        if row.switched:
            self._switch = self._stack.enter_context(Switch(PING_SECONDS))
            variables["ALERTD_DEAD_MAN__URL"] = self._switch.url
            variables["ALERTD_DEAD_MAN__EVERY_SECONDS"] = str(PING_SECONDS)
        rig = Rig(
            self.folder,
            url,
            window=row.window,
            sweepers=row.sweepers,
            bulk=row.bulk,
            policies=families.policies(row.window * RATE / 60, row.step * RATE / 60),
            broker=row.broker,
            env=_own_env(row, failpoints, faults.env(self.folder / "database") if faults is not None else {}),
            variables=variables,
        )
        rig.begin()
        self._rig = self._stack.enter_context(rig)

    def _database(self) -> str:
        row = self.row
        if row.dialect == "sqlite":
            return self._templates.sqlite(self.folder / "database")
        faults = self._faults if "postgres" in row.preloaded else None
        self._postgres = self._stack.enter_context(self._templates.postgres(faults))
        if not row.proxied:
            return self._postgres.url()
        self._proxy = self._stack.enter_context(Proxy(self._postgres.socket))
        return f"postgresql://postgres@127.0.0.1:{self._proxy.port}/alertd?sslmode=disable&gssencmode=disable"

    def play(self, *, seed: int = 0, soak: float = SOAK, ending: Callable[[], None] = lambda: None) -> Ruling:
        """Play the row, and judge what came of it. Raises NotReady where its servers did not start.

        `ending`: is called when everybody was told that it is over, and what is left is to wait.
        """
        row, rig = self.row, self._rig
        if self._failed is not None:
            raise NotReady(f"{type(self._failed).__name__}: {self._failed}") from self._failed
        assert rig is not None
        rig.ready()
        rig.sign_in()
        town = families.town(row.families, row.critical, mail=row.mail)
        drill = Drill(
            rig, town, row, seed=seed, postgres=self._postgres, proxy=self._proxy, switch=self._switch,
            faults=self._faults, soak=soak, ending=ending,
        )  # fmt: skip
        rig.move_in(town)
        try:
            row.run(drill)
        except Exception as error:  # noqa: BLE001  whatever broke the play is what the row found
            drill.said.append(f"{type(error).__name__}: {error}")
        try:
            return judge(drill.evidence(), row.allowed)
        except Exception as error:  # noqa: BLE001  a play that broke off may have left no database
            broken = (*drill.said, f"nothing can be judged: {type(error).__name__}: {error}")
            return Ruling(lost=0, repeats=0, unknown=0, delay=0.0, silence=0.0, broken=broken)
        finally:
            for name in rig.processes:  # to stop well takes some seconds, and is another row's matter
                if rig.alive(name):
                    rig.kill(name)


def _own_env(row: Row, folder: Path, faults: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What single processes have in their environment from the beginning, by their names."""
    armed = row.arms(folder) if row.armed else {}
    return {
        name: {**armed.get(name, {}), **(faults if name in row.preloaded else {})}
        for name in {*armed, *row.preloaded}
    }
