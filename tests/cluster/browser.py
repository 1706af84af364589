# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A page in headless Chromium, asked over two pipes in the words of Chrome's DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECONDS = 30
#: It asks nobody, and runs as root, as these tests do.
_COMMAND = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe", "about:blank"),
)


class Browser:
    """One tab, and what was heard from it since a page was opened.

    :ivar said: messages of the console, errors of scripts, and what the page forbade.
    :ivar asked: addresses that were asked for, the page's own first.
    """

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._number, self._rest, self._session = 0, b"", ""
        self._events: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.asked: list[str] = []
        made = self.ask("Target.createTarget", url="about:blank")
        of = {"targetId": made["targetId"], "flatten": True}
        self._session = self.ask("Target.attachToTarget", **of)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command; return what it came to."""
        self._number += 1
        words: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            words["sessionId"] = self._session
        os.write(self._writes, json.dumps(words).encode() + b"\0")
        while True:
            one = self._next()
            if one.get("id") == self._number:
                assert "error" not in one, (method, one)
                found: dict[str, Any] = one["result"]
                return found
            self._heard(one)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + _SECONDS
        while b"\0" not in self._rest:
            ready = select.select([self._reads], [], [], max(0, end - time.monotonic()))[0]
            more = os.read(self._reads, 1 << 20) if ready else b""
            assert more, "Chromium says nothing more"
            self._rest += more
        text, _end, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def _heard(self, one: dict[str, Any]) -> None:
        method, params = one.get("method", ""), one.get("params", {})
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"].partition(",")[0])
        if method == "Runtime.exceptionThrown":
            self.said.append(json.dumps(params["exceptionDetails"]))
        if method == "Runtime.consoleAPICalled":
            self.said.append(json.dumps(params["args"]))
        if method == "Log.entryAdded":
            self.said.append(params["entry"]["text"])
        self._events.append(one)

    def open(self, page: Path, *, scheme: str = "light", width: int = 1200) -> float:
        """Open a file; return after how many seconds it stood there, painted.

        :param scheme: what a user prefers, ``light`` or ``dark``.
        :param width: of the screen, pixels.
        """
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.ask("Emulation.setDeviceMetricsOverride", **screen)
        self._events, self.said, self.asked = [], [], []
        begin = time.monotonic()
        self.ask("Page.navigate", url=page.as_uri())
        while not any(one.get("method") == "Page.loadEventFired" for one in self._events):
            self._heard(self._next())
        self.run(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )
        return time.monotonic() - begin

    def run(self, script: str) -> Any:
        """Return what a script in the page comes to; the page's own rules do not concern it."""
        found = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """Write what is seen as PNG; ``whole``: with what is below the screen."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(found["data"]))


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Start Chromium, which ends with all of its processes afterwards.

    :param folder: empty, for what it keeps of a user.
    """
    its_input, writes = os.pipe()
    reads, its_output = os.pipe()
    process = subprocess.Popen(
        # It takes these two numbers and no others.
        [
            *("bash", "-c", f'exec "$@" 3<&{its_input} 4>&{its_output}', "-"),
            *_COMMAND,
            f"--user-data-dir={folder}",
        ],
        env={**os.environ, "HOME": str(folder), "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
        pass_fds=(its_input, its_output),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        os.close(its_input)
        os.close(its_output)
        yield Browser(reads, writes)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(writes)
        os.close(reads)
