"""A real browser for tests: Chromium without a window, driven over its DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/. One process for a test, with a profile of its own that is removed;
it is stopped by its pid, and finds no host but this machine.
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.servers import NotReady, kill, start

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
HOW_TO_GET_IT = "apt-get install chromium"
PATIENCE = 20.0  # seconds: a page takes milliseconds, a busy machine some more
_PORT_FILE = (
    "DevToolsActivePort"  # written by Chromium once it listens: the port, and the path of the browser itself
)


def find_chromium() -> str | None:
    """The first of its names that is on the PATH."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def _arguments(program: str, profile: Path) -> list[str]:
    arguments = [
        program,
        "--headless=new",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # whatever it wants to fetch elsewhere, it cannot
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-extensions",
        "--disable-sync",
        "--disable-gpu",
        "--disable-dev-shm-usage",  # /dev/shm is 64 MB in a container
        "--hide-scrollbars",  # as phones do
        "--password-store=basic",
        "about:blank",
    ]
    if os.geteuid() == 0:
        # Chromium refuses to run as root with its sandbox. The only pages that it opens here are our own.
        arguments.insert(1, "--no-sandbox")
    return arguments


class Tab:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session = ""
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.requested: list[str] = []  # every URL that the page has asked for
        self.statuses: list[int] = []  # of the documents that it got

    async def listen(self) -> None:
        """Take what the browser says, for as long as it lives."""
        async for message in self._socket:
            said = json.loads(message.data)
            waits = self._waiting.pop(said.get("id", 0), None)
            if waits is not None and not waits.done():
                waits.set_result(said)
            match said.get("method"):
                case "Page.loadEventFired":
                    self._loaded.set()
                case "Network.requestWillBeSent":
                    self.requested.append(said["params"]["request"]["url"])
                case "Network.responseReceived" if said["params"]["type"] == "Document":
                    self.statuses.append(said["params"]["response"]["status"])
        for waits in self._waiting.values():
            waits.cancel()

    async def tell(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol; returns its result, and fails with the browser's own words."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        await self._socket.send_str(json.dumps(command))
        answer = await asyncio.wait_for(self._waiting[number], PATIENCE)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    async def open(self) -> None:
        """Make the tab: a phone whose pages may run no script of their own."""
        target = (await self.tell("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.tell("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Page", "Network", "DOM"):
            await self.tell(f"{domain}.enable")
        await self.tell("Emulation.setScriptExecutionDisabled", value=True)

    async def screen(self, width: int, height: int) -> None:
        """Be a phone with so many CSS pixels."""
        await self.tell(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True
        )

    async def prefer(self, scheme: str) -> None:
        """Its owner likes it `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.tell("Emulation.setEmulatedMedia", features=features)

    async def go(self, url: str) -> None:
        """Follow a link."""
        self._loaded.clear()
        await self.tell("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), PATIENCE)

    async def run(self, expression: str) -> Any:
        """What the test itself asks of the page; the page's own scripts stay off."""
        done = await self.tell("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"])
        return done["result"].get("value")

    async def tap(self, selector: str, *, leads_on: bool = False) -> None:
        """Press what stands there with a real pointer, in its middle; `leads_on`: wait for the next page."""
        at = await self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null;"
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        assert at is not None, f"nothing on the page is {selector}"
        self._loaded.clear()
        for kind in ("mousePressed", "mouseReleased"):
            await self.tell("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)
        if leads_on:
            await asyncio.wait_for(self._loaded.wait(), PATIENCE)

    async def key(self, selector: str, key: str) -> None:
        """Press a key while this has the focus."""
        root = (await self.tell("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.tell("DOM.querySelector", nodeId=root, selector=selector))["nodeId"]
        await self.tell("DOM.focus", nodeId=node)
        for kind in ("rawKeyDown", "keyUp"):
            await self.tell(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=_KEYS[key]
            )

    async def picture(self, path: Path) -> None:
        """The whole page, as a PNG."""
        data = (await self.tell("Page.captureScreenshot", captureBeyondViewport=True))["data"]
        path.write_bytes(base64.b64decode(data))


_KEYS = {"ArrowDown": 40, "ArrowUp": 38}
"""https://developer.mozilla.org/en-US/docs/Web/API/KeyboardEvent/keyCode"""


@asynccontextmanager
async def browsing(program: str) -> AsyncIterator[Tab]:
    """Start Chromium with one tab; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="alertd-chromium-"))
    profile, log = folder / "profile", folder / "log"
    with log.open("wb") as output:
        process = start(_arguments(program, profile), stdout=output, stderr=output, cwd=folder)
    try:
        url = await _listening(process, profile, log)
        async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
            tab = Tab(socket)
            listening = asyncio.create_task(tab.listen())
            try:
                await tab.open()
                yield tab
            finally:
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening
    finally:
        kill(process)  # the whole session of it: it has children
        shutil.rmtree(folder)


async def _listening(process: subprocess.Popen[bytes], profile: Path, log: Path) -> str:
    """Where the browser takes commands, once it does."""
    said = profile / _PORT_FILE
    for _ in range(round(PATIENCE / 0.02)):
        if process.poll() is not None:
            break
        lines = said.read_text().split() if said.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        await asyncio.sleep(0.02)
    raise NotReady(f"chromium does not listen: {log.read_text('utf-8', 'replace')[-2000:]}")
