"""Chromium without a window, driven over its debugging protocol (JSON and a zero byte, on a pipe)."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe"
SECONDS = 30  # for anything that is waited for
KEYS = {"Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), " ": ("Space", 32, " ")}


class Browser:
    """One page of one Chromium with a profile of its own."""

    def __init__(self, profile: Path, width: int, height: int, *, phone: bool = False) -> None:
        assert CHROMIUM is not None
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        wiring = f'exec 3<&{commands} 4>&{answers}; exec "$@"'  # Chromium reads 3 and writes 4
        line = ["bash", "-c", wiring, "-", CHROMIUM, *FLAGS.split(), f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(line, pass_fds=(commands, answers), stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self._number, self._received, self._session = 0, b"", None
        self.requests: list[str] = []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Network.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def close(self) -> None:
        """End Chromium."""
        self._session = None
        self.call("Browser.close")
        self._process.wait(SECONDS)
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; what happens meanwhile is noted."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + SECONDS
        while True:
            while b"\0" not in self._received:
                ready, _, _ = select.select([self._answers], [], [], max(0, until - time.monotonic()))
                assert ready, f"no answer to {method}"
                self._received += os.read(self._answers, 2**20)
            line, _, self._received = self._received.partition(b"\0")
            answer = json.loads(line)
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer)
                result: dict[str, Any] = answer["result"]
                return result

    def js(self, expression: str) -> Any:
        """The value of an expression on the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until an expression is true on a page that is loaded."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            try:
                if self.js(f'document.readyState == "complete" && Boolean({condition})'):
                    return
            except AssertionError:  # the page is being replaced
                pass
            time.sleep(0.02)
        raise AssertionError(f"not in {SECONDS} s: {condition}; the page says {self.js('document.body.innerText')}")

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait(f"location.href == {json.dumps(address)}")

    def press(self, key: str) -> None:
        """A key on the keyboard, pressed and let go."""
        code, number, text = KEYS[key] if key in KEYS else (f"Key{key.upper()}", ord(key.upper()), key)
        event = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text if key != "Tab" else "", **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def point(self, selector: str, *, touch: bool = False) -> None:
        """Click or tap the middle of an element, where it is."""
        find = f"(b => [b.x + b.width / 2, b.y + b.height / 2])(document.querySelector({json.dumps(selector)})"
        x, y = self.js(find + ".getBoundingClientRect())")
        if touch:
            self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
            self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            return
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
