"""An outage before a backup, and what is to come of it in the database that was restored."""

from alertd.usecases.plan_due import plan_due
from tests import make
from tests.served import Served, open_deps


async def opened(url: str) -> Served:
    """Alertd on this database, with two families and an outage of which they were told."""
    served = Served(*open_deps(url))
    await served.sign_in()
    await served.families(make.family(), make.family(make.caregiver("ben"), id="fam-2"))
    assert (await served.open()).status_code == 201
    await served.work()
    return served


async def goes_on(url: str, secret: str) -> None:
    """The outage is open, both families hear within their window, and the key of before opens doors."""
    served = Served(*open_deps(url))
    served.http.headers["Authorization"] = f"Bearer {secret}"
    assert (await served.ask("GET", "/v1/incidents/1")).json()["state"] != "resolved"
    served.clock.advance(minutes=30)
    await plan_due(served.deps, send=False)
    await served.work()
    heard = served.channel("push").accepted
    assert ["No news" in message.text for message in heard] == [True, True]
    await served.close()
