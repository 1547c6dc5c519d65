"""Many peer connections in one page of a headless Chromium or Firefox (tests/web/senders.mjs), each a leg
of the server: by our page's own code, or as any other page would."""
import json
import os
import select
import subprocess
import sys
import time

from lib.case import SKIPPED, Failure, need

_WEB = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../web"))


class Chromium:
    """One browser. call("open", id=..., way="page"|"whip"|"join", ...): see senders.page.js."""

    kind, program = "chromium", "chromium"

    def __init__(self, case, server):
        need(self.program)
        if not os.path.isdir(os.path.join(_WEB, "node_modules", "playwright-core")):
            print("skipped: npm's packages for tests/web are not installed (scripts/setup test)")
            sys.exit(SKIPPED)
        self.case, self._rest = case, b""
        with open(case.path("log", f"{self.kind}.log"), "wb") as log:
            self._child = subprocess.Popen(
                ["node", os.path.join(_WEB, "senders.mjs"), f"http://127.0.0.1:{server.http_port}", self.kind],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        case.cleanup(self.close)
        self._answer(60)

    def close(self):
        """Ends the browser."""
        if self._child.poll() is not None:
            return
        self._child.stdin.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(5)

    def _answer(self, seconds):
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._child.stdout], [], [], left)[0]:
                raise Failure(f"{self.kind} gave no answer within {seconds} s")
            got = os.read(self._child.stdout.fileno(), 1 << 16)
            if not got:
                raise Failure(f"{self.kind} has ended")
            self._rest += got
        line, self._rest = self._rest.split(b"\n", 1)
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(f"in {self.kind}: " + answer["error"])
        return answer["result"]

    def call(self, verb, **options):
        """The result of one verb in the page."""
        self._child.stdin.write(json.dumps({"verb": verb, "options": options}).encode() + b"\n")
        self._child.stdin.flush()
        return self._answer(40)

    def stats(self, *ids):
        """{id: {"out": [...], "in": [...], "told": [...]}}; all of them when none is named."""
        return self.call("stats", **({"ids": ids} if ids else {}))

    def sent(self, seconds, *ids):
        """Over these seconds, of each leg and layer: bits and pixels a second, size, pictures."""
        before = self.stats(*ids)
        time.sleep(seconds)
        return {i: [_rate(a, b) for a, b in _pairs(before[i]["out"], leg["out"])]
                for i, leg in self.stats(*ids).items()}


class Firefox(Chromium):
    """Debian's Firefox, worked alike."""

    kind, program = "firefox", "firefox-esr"


BROWSERS = {"chromium": Chromium, "firefox": Firefox}


def _pairs(before, after):
    old = {s["rid"]: s for s in before}
    return [(old[s["rid"]], s) for s in after if s["rid"] in old]


def _rate(a, b):
    seconds = (b["at"] - a["at"]) / 1000
    fps = (b["frames"] - a["frames"]) / seconds
    return {"rid": b["rid"], "bps": (b["bytes"] - a["bytes"]) * 8 / seconds, "fps": fps,
            "pixels": fps * b["width"] * b["height"], "width": b["width"], "height": b["height"],
            "target": b["target"], "why": b["why"], "codec": b["codec"]}
