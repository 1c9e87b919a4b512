"""A real browser for tests: headless Chromium, driven over its own debugging protocol. Clicks are mouse events at a place."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import connect

BINARY = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
WAIT = 15.0


# Whatever is drawn anew meanwhile: whether a click hit what was meant.
HEARD = (
    "if (!window.heard) { window.heard = true;"
    " document.addEventListener('click', (event) => { window.hit ||= window.meant(event.target); }, true); }"
)


class Chromium:
    """`with Chromium() as browser:` one page. Whatever is looked for is waited for; an AssertionError where it never comes."""

    def __enter__(self) -> Self:
        assert BINARY is not None
        self._folder = tempfile.TemporaryDirectory(prefix="triage-chromium-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [
                BINARY, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--no-proxy-server", "--remote-debugging-port=0",
                f"--user-data-dir={self._folder.name}", "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        port = self._port()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            target = next(t for t in json.load(answer) if t["type"] == "page")
        self._line = connect(target["webSocketDebuggerUrl"], max_size=None, proxy=None)
        self._number = 0
        self.errors: list[str] = []  # what the page's script or policy complained of
        self.call("Runtime.enable")
        self.call("Log.enable")
        self.call("Page.enable")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._line.close()
        self._process.terminate()
        self._process.wait(15)
        self._folder.cleanup()

    def _port(self) -> int:
        told = Path(self._folder.name) / "DevToolsActivePort"
        until = time.monotonic() + 30
        while not (told.exists() and (lines := told.read_text().split())):
            assert time.monotonic() < until, "Chromium does not start"
            assert self._process.poll() is None, "Chromium ended"
            time.sleep(0.05)
        return int(lines[0])

    def call(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol."""
        self._number += 1
        self._line.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._line.recv(timeout=30))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(answer["params"]["exceptionDetails"])[:500])
            elif answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
                self.errors.append(answer["params"]["entry"]["text"])

    # ------------------------------------------------------------------------------------------ as a person would

    def goto(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def look(self, *, width: int = 1000, height: int = 900, dark: bool = False) -> None:
        """The size of the window, and the colours that the person prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[theme])

    def value(self, script: str) -> Any:
        """What an expression on the page is."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str, seconds: float = WAIT) -> Any:
        """The expression's value as soon as it is true."""
        until = time.monotonic() + seconds
        while not (found := self.value(script)):
            assert time.monotonic() < until, f"never true: {script}\n{self.value('document.body.innerText')[:3000]}"
            time.sleep(0.05)
        return found

    def click(self, selector: str, text: str = "", within: str = "") -> None:
        """A mouse click in the middle of the first visible element that matches and holds the text.

        Where the page was drawn anew between the look and the click it hit nothing, and is done again, as a person would.
        """
        find = (
            f"[...document.querySelectorAll({json.dumps(f'{within} {selector}'.strip())})].find(e => e.offsetParent !== null"
            f" && !e.disabled && e.innerText.includes({json.dumps(text)}))"
        )
        until = time.monotonic() + WAIT
        while True:
            self.wait(f"!!({find})")
            place = self.value(
                f"(() => {{ const e = {find}; if (!e) return null; window.hit = false; {HEARD}"
                f" window.meant = (at) => !!at.closest({json.dumps(selector)})?.innerText.includes({json.dumps(text)});"
                " e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
                " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
            )
            if place:
                for kind in ("mousePressed", "mouseReleased"):
                    self.call(
                        "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1
                    )
                if self.value("window.hit"):
                    return
            assert time.monotonic() < until, f"never hit: {selector} {text}"

    def type(self, selector: str, text: str) -> None:
        self.wait(f"!!document.querySelector({json.dumps(selector)})")
        self.value(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def choose(self, selector: str, value: str) -> None:
        """An entry of a <select>."""
        self.wait(f"!!document.querySelector({json.dumps(selector)})")
        self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};"
            " e.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def text(self, selector: str = "body") -> str:
        found = self.value(f"document.querySelector({json.dumps(selector)})?.innerText || ''")
        return str(found)

    def shot(self, path: Path) -> Path:
        """What the window shows, as PNG."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
        return path
