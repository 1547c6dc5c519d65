"""Senders of 720p in a room of sixteen, class by class: what each sends before and after it is told what
its tile of 320x180 needs, and what that spares the server. One Chromium holds all browsers of a row;
the rest of the sixteen are callers with a picture of 160x90, the same in every row."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from lib import case  # noqa: E402
from lib.chromium import Chromium  # noqa: E402
from lib.peer import Peer  # noqa: E402
from lib.server import Server  # noqa: E402

ROOM = 16
SENDERS = int(os.environ.get("SENDERS", "4"))   # browsers; phones are sixteen always
FPS = int(os.environ.get("FPS", "10"))
SETTLE_S, MEASURE_S = 20, 8
CAMERA = {"width": 1280, "height": 720, "fps": FPS}
PHONE = ("--audio", "none", "--video", "h264", "--size", f"1280x720@{FPS}", "--video-bps", "1500000",
         "--avpf", "--no-decode")

BROWSERS = (
    ("browser, told nothing", {"way": "whip", "codec": "vp8", "deaf": True}),
    ("browser: REMB", {"way": "whip", "codec": "vp8"}),
    ("browser: simulcast of three, REMB", {"way": "whip", "codec": "vp8", "rids": ["q", "h", "f"]}),
    ("our page: scale, bits, REMB", {"way": "page"}),
)


class Meter:
    """What the server received and did in a while, of those who send 720p."""

    def __init__(self, server, who):
        self.server, self.who = server, who
        self.before = self._now()

    def _now(self):
        people = [p for p in self.server.participants("room") if p["name"].startswith(self.who)]
        video = [line for p in people for line in p["lines"] if line["line"] == "video"]
        return {"at": time.monotonic(), "bytes": sum(v["bytes_in"] for v in video),
                "pixels": sum(v for k, v in self.server.metrics().items()
                              if k.endswith("video_decoded_pixels_total")),
                "cpu": self.server.process.cpu_seconds(), "people": people}

    def rates(self):
        """Bits/s of all of them, pixels/s that were decoded, processor seconds a second."""
        now, then = self._now(), self.before
        seconds = now["at"] - then["at"]
        return {"bps": (now["bytes"] - then["bytes"]) * 8 / seconds,
                "decoded": (now["pixels"] - then["pixels"]) / seconds,
                "cpu": (now["cpu"] - then["cpu"]) / seconds, "people": now["people"]}


def row(c, what, n, got, sent, size):
    """A row of the table."""
    c.rows.append((what, n, got["bps"] / n / 1000, sent / n / 1e6, size, got["decoded"] / 1e6, got["cpu"]))
    c.say(f"{what}: {got['bps'] / n / 1000:.0f} kbit/s each, {size}, {got['cpu']:.2f} cores, "
          f"load {os.getloadavg()[0]:.0f}")


def browsers(c, what, how):
    server = Server(c)
    page = Chromium(c, server)
    others = Peer(c, server, "room", "other", "--audio", "none", "--video", "h264", "--size", "160x90@5",
                  "--no-decode", count=ROOM - SENDERS, seconds=150) if SENDERS < ROOM else None
    page.call("open", id="eye", way="whep", room="room")
    for i in range(SENDERS):
        page.call("open", id=f"cam{i}", room="room", size=CAMERA, **how)
    c.wait_for(lambda: len([p for p in server.participants("room")]) >= ROOM, 20, "sixteen in the room")
    time.sleep(SETTLE_S)
    meter = Meter(server, "cam")
    sent = page.sent(MEASURE_S, *(f"cam{i}" for i in range(SENDERS)))
    got = meter.rates()
    largest = max((s for leg in sent.values() for s in leg if s["fps"] > 0), key=lambda s: s["width"])
    row(c, what, SENDERS, got, sum(s["pixels"] for leg in sent.values() for s in leg),
        f"{largest['width']}x{largest['height']}")
    if others:
        others.process.signal(15)
    page.close()
    server.stop()


def phones(c, what, *further, settings=(), settle=SETTLE_S):
    server = Server(c, *settings)
    callers = Peer(c, server, "room", "cam", *PHONE, *further, count=ROOM, seconds=settle + MEASURE_S + 8)
    c.wait_for(lambda: len(server.participants("room")) == ROOM, 20, "sixteen in the room")
    time.sleep(settle)
    meter = Meter(server, "cam")
    time.sleep(MEASURE_S)
    got = meter.rates()
    sizes = {(p["video_in_size"] or {}).get("width", 0): p["video_in_size"] for p in got["people"]}
    size = sizes[max(sizes)]
    row(c, what, ROOM, got, got["decoded"], f"{size['width']}x{size['height']}")
    callers.process.signal(15)
    server.stop()


def table(rows):
    """Markdown."""
    print("| sender, 720p | kbit/s sent by each | largest picture | Mpixel/s sent by each "
          "| decoded, Mpixel/s of all | server, cores |")
    print("|---|---|---|---|---|---|")
    for what, n, kbps, mpixels, size, decoded, cpu in rows:
        print(f"| {what} ({n}) | {kbps:.0f} | {size} | {mpixels:.2f} | {decoded:.1f} | {cpu:.2f} |")


def test(c):
    c.rows = []
    wanted = os.environ.get("ROWS", "")
    for what, how in BROWSERS:
        if wanted in what:
            browsers(c, what, how)
    if wanted in "phone":
        told = subprocess.run([c.options.peer, "--help"], capture_output=True, check=False, text=True)
        busy = ["--busy"] if "--busy" in told.stdout + told.stderr else []
        phones(c, "phone, told nothing", *busy)
        if "--obey" in told.stdout + told.stderr:
            phones(c, "phone: TIAS, level in the answer", "--obey", *busy)
            phones(c, "phone: TIAS, level by re-INVITE", "--obey", *busy, settle=45,
                   settings=["video.reinvite_for_size=true"])
        if "--tmmbr" in told.stdout + told.stderr:
            phones(c, "phone: TMMBR", "--tmmbr", *busy)
    table(c.rows)


case.main(test, clients=("chromium", "node"), tries=1)
