"""Headless Chromium for tests and measurements: the DevTools protocol over a pipe, with the standard library alone."""

from __future__ import annotations

import base64
import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

#: The program, or None where none is installed.
PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
_PATIENCE = 30.0
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run")
# The browser reads from descriptor 3 and writes to 4; those that it gets may be just these the other way round.
_LAUNCHER = """
import fcntl, os, sys
hears, says = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(hears, 3)
os.dup2(says, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "End": 35, "Home": 36, "Escape": 27}


class Chromium:
    """A browser with one tab, as a context manager.

    Args:
        size: of the window in pixels, (width, height).
    """

    def __init__(self, size: tuple[int, int] = (1280, 900)) -> None:
        assert PROGRAM is not None, "no Chromium is installed"
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)
        hears, self._out = os.pipe()
        self._in, says = os.pipe()
        flags = [*_FLAGS, f"--user-data-dir={self._folder.name}", f"--window-size={size[0]},{size[1]}"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, str(hears), str(says), PROGRAM, *flags, "about:blank"],
            pass_fds=(hears, says),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(hears)
        os.close(says)
        self._buffer, self._last = b"", 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        (page,) = [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        self._attach(page["targetId"])

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)
        self._folder.cleanup()

    def _attach(self, tab: str) -> None:
        """Let commands and events be those of this tab alone."""
        self._session = self.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        self._tab = tab
        self.events.clear()
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol and its result; events that come before it are kept in ``events``."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        rest = json.dumps(message).encode() + b"\0"
        while rest:
            rest = rest[os.write(self._out, rest) :]
        while (answer := self._receive()).get("id") != self._last:
            self._keep(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _receive(self) -> dict[str, Any]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._in, selectors.EVENT_READ)
            while b"\0" not in self._buffer:
                if not selector.select(_PATIENCE):
                    raise TimeoutError("Chromium does not answer")
                part = os.read(self._in, 1 << 20)
                if not part:
                    raise EOFError("Chromium has ended")
                self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)

    def _keep(self, event: dict[str, Any]) -> None:
        if event.get("sessionId") == self._session:
            self.events.append(event)

    def open(self, path: Path, script: str = "") -> None:
        """Load a page from disk to its end, in a new tab: what the last page still complains of is not this one's.

        Args:
            path: of the page.
            script: run in the page before its own.
        """
        before, self._session = self._tab, None
        self._attach(self.call("Target.createTarget", url="about:blank")["targetId"])
        self.call("Target.closeTarget", targetId=before)
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.call("Page.navigate", url=path.absolute().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._keep(self._receive())

    def faults(self) -> list[str]:
        """Exceptions in the page, and what its console or its security policy complained of, since it was opened."""
        self.run("0")  # so that earlier events have come
        found = []
        for event in self.events:
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(params["entry"]["text"])
        return found

    def run(self, script: str) -> Any:
        """The value of an expression in the page; of a promise, what it becomes."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"]["description"])
        return result["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until an expression holds in the page."""
        end = time.monotonic() + _PATIENCE
        while not self.run(script):
            if time.monotonic() > end:
                raise TimeoutError(f"never came true: {script}")
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and release a key: a character, or a name such as ``ArrowLeft``."""
        text = {} if key in _KEYS else {"text": key}
        code = _KEYS.get(key, ord(key[0].upper()) if key.isalnum() else 0)  # that of a comma is another key's
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code,
                **(text if kind == "keyDown" else {}),
            )  # fmt: skip

    def click(self, selector: str) -> None:
        """Click with the mouse on the middle of the first element that a CSS selector finds."""
        box = self.run(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            " found.scrollIntoView({block: 'nearest'}); const box = found.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type text into the field that has the focus."""
        for character in text:
            self.press(character)

    def save_downloads(self, folder: Path) -> None:
        """Let the page save files into a folder."""
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in a field for files."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as a PNG file."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
