"""A headless Chromium for tests, through the WebDriver protocol (W3C WebDriver) of chromedriver.

with browser.opened(folder) as page:
    page.go("http://127.0.0.1:1234/")
    page.run("return document.title")
    page.press("#dock button")
"""

import base64
import http.client
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.processes import LONG, until

_SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"),
    *("--disable-default-apps", "--disable-domain-reliability", "--metrics-recording-only", "--window-size=1200,1060"),
)
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name of an element's id, as the standard has it


@dataclass(frozen=True, slots=True)
class Page:
    """One window. `port`: chromedriver's; `session`: the path of what it does for this window."""

    port: int
    session: str

    def go(self, url: str) -> None:
        self._post("url", url=url)

    def run(self, script: str, *arguments: object) -> Any:
        """What the body of a function returns in the page."""
        return self._post("execute/sync", script=script, args=arguments)

    def press(self, selector: str) -> None:
        """Click an element as a person would: it must be there, and nothing above it."""
        element = self._post("element", using="css selector", value=selector)
        self._post(f"element/{element[_ELEMENT]}/click")

    def screenshot(self) -> bytes:
        """A PNG of the window."""
        return base64.b64decode(call(self.port, "GET", f"{self.session}/screenshot"))

    def _post(self, what: str, **words: object) -> Any:
        return call(self.port, method="POST", path=f"{self.session}/{what}", words=words)


@contextmanager
def opened(folder: Path) -> Iterator[Page]:
    """A browser that keeps what it writes below `folder`, until the block ends."""
    environ = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    command = ("chromedriver", "--port=0", f"--log-path={folder / 'chromedriver.log'}")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdout=pipe, text=True, start_new_session=True) as driver:
        try:
            assert driver.stdout is not None
            ready = next(line for line in driver.stdout if "started successfully on port" in line)
            port = int(re.findall(r"on port (\d+)", ready)[0])
            session = f"/session/{_begin(port, folder / 'profile')}"
            yield Page(port, session)
            call(port, "DELETE", session)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(driver.pid, signal.SIGKILL)  # with a browser that is still there


def _begin(port: int, profile: Path) -> str:
    assert until(lambda: _ready(port))
    options = {"args": [*_SWITCHES, f"--user-data-dir={profile}"]}
    body = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
    return str(call(port, method="POST", path="/session", words=body)["sessionId"])


def _ready(port: int) -> bool:
    with suppress(OSError):
        return bool(call(port, "GET", "/status")["ready"])
    return False


def call(port: int, method: str, path: str, words: object = None) -> Any:
    """The value that chromedriver answers with, which must not be an error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)
    try:
        body = None if words is None else json.dumps(words)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        with connection.getresponse() as answer:
            value = json.load(answer)["value"]
        assert answer.status == 200, value
        return value
    finally:
        connection.close()
