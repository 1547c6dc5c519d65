"""A simulcast of a browser's, three layers of one 720p camera: alone in the room its largest layer is
decoded, among nine its smallest that does; the others are not decoded, changing over does not freeze
the picture, and a layer that the sender gives up is done without."""
import threading
import time

from lib import case, measure
from lib.chromium import BROWSERS
from lib.peer import Peer
from lib.server import Server

FPS = 10
CAMERA = {"width": 1280, "height": 720, "fps": FPS, "detail": False, "colour": "#2a8"}


class Sender:
    """What the server says of him who sends the simulcast."""

    def __init__(self, server):
        self.server = server

    def now(self):
        return next(p for p in self.server.participants("room") if p["name"] == "cam")

    def rows(self):
        size = self.now()["video_in_size"]
        return size["height"] if size else 0

    def line(self):
        return self.now()["lines"][-1]


class Gaps(threading.Thread):
    """The longest time, ms, in which the server decoded no picture of his: asked every 40 ms."""

    def __init__(self, sender):
        super().__init__(daemon=True)
        self.sender, self.longest, self._over = sender, 0, False
        self.start()

    def run(self):
        count, since = -1, 0
        while not self._over:
            pictures, now = self.sender.now()["pictures_in"], time.monotonic()
            if pictures != count:
                self.longest = max(self.longest, (now - since) * 1000 if since else 0)
                count, since = pictures, now
            time.sleep(0.04)

    def end(self):
        """What it was."""
        self._over = True
        self.join()
        return self.longest


def tile(count):
    """His tile's lower part, where the camera's strip is, in parts of the canvas: he came first."""
    x, y, w, h = measure.grid(count, 1280, 720)[0]
    return {"x": (x + w / 4) / 1280, "y": (y + h * 0.82) / 720, "w": w / 2 / 1280, "h": h * 0.1 / 720}


def watched(c, browser, sender, what, rows, count):
    """Looks at his tile until he is decoded with so many rows, and for a second more."""
    # Its own estimate of the way starts at 300 kbit/s, and may rise by 8 % a second alone.
    longest, until = 0, time.monotonic() + 60
    while sender.rows() != rows and time.monotonic() < until:
        longest = max(longest, browser.call("watch", id="cam", rect=tile(count), seconds=1)["longest"])
    seen = browser.call("watch", id="cam", rect=tile(count), seconds=2)
    c.check(sender.rows() == rows, f"{what}: decoded with {sender.rows()} rows")
    c.check(seen["changes"] >= 4, f"{what}: the picture moves ({seen['changes']} changes in 2 s)")
    return max(longest, seen["longest"])


def only_one_is_decoded(c, server, sender, what):
    """As many pictures as one layer has, of one size, over two seconds."""
    def counted():
        values = server.metrics()
        return (sender.now()["pictures_in"],
                next(v for k, v in values.items() if k.endswith("video_decoded_total")))
    before = counted()
    time.sleep(2)
    pictures = counted()[0] - before[0]
    c.check(pictures <= 2 * FPS + 6, f"{what}: {pictures} pictures decoded in 2 s, one layer's")
    c.say(f"{what}: layers bring {sender.line()['layer_bps_in']} bit/s, "
          f"of them layer {sender.line()['layer']} is decoded")


def test(c):
    server = Server(c, "video.fps=10")
    browser = BROWSERS[c.options.browser](c, server)
    sender = Sender(server)
    browser.call("open", id="cam", way="join", room="room", rids=["q", "h", "f"], codec="vp8",
                 size=CAMERA, steady=True)
    c.wait_for(lambda: sender.rows() > 0, 10, "his first picture")
    watched(c, browser, sender, "alone", 720, 1)
    only_one_is_decoded(c, server, sender, "alone")
    # A busy machine has a browser send late at any time: 500 ms are those of a quiet one.
    gaps = Gaps(sender)
    seen = browser.call("watch", id="cam", rect=tile(1), seconds=4)["longest"]
    usual = gaps.end()
    most = max(500, usual + 350)
    c.say(f"while nothing changes no picture is decoded for {usual:.0f} ms at most, and he sees "
          f"none for {seen:.0f} ms")
    c.check(sender.line()["limit_out_bps"] > 1500000,
            f"alone he may send {sender.line()['limit_out_bps']} bit/s, the lower layers included")

    others = Peer(c, server, "room", "other", "--audio", "none", "--video", "h264", "--size",
                  "160x90@5", "--no-decode", count=8, seconds=60)
    c.wait_for(lambda: len(server.participants("room")) == 9, 10, "nine in the room")
    gaps, longest = Gaps(sender), 0
    until = time.monotonic() + 15
    while sender.rows() > 360 and time.monotonic() < until:
        longest = max(longest, browser.call("watch", id="cam", rect=tile(9), seconds=1)["longest"])
    c.check(sender.rows() in (360, 180), f"among nine: decoded with {sender.rows()} rows for 240")
    longest = max(longest, browser.call("watch", id="cam", rect=tile(9), seconds=3)["longest"])
    gap = gaps.end()
    c.check(gap < most, f"changing to a small one: no picture for {gap:.0f} ms at most ({longest:.0f} seen)")
    only_one_is_decoded(c, server, sender, "among nine")
    rates = {s["rid"]: s["bps"] for s in browser.sent(2, "cam")["cam"]}
    c.check(rates["f"] < 1000, f"the largest is not even sent any more: {rates}")

    gaps = Gaps(sender)
    browser.call("layer", id="cam", rid="h", active=False)
    c.wait_for(lambda: sender.rows() == 180, 10, "the smallest one, as the middle one has ended")
    time.sleep(2)
    gap = gaps.end()
    c.check(gap < most + 1000, f"a layer ended: no picture for {gap:.0f} ms at most")
    browser.call("layer", id="cam", rid="h", active=True)
    others.process.signal(15)
    others.process.wait(10)
    c.wait_for(lambda: len(server.participants("room")) == 1, 10, "alone again")
    gaps = Gaps(sender)
    longest = watched(c, browser, sender, "alone again", 720, 1)
    gap = gaps.end()
    c.check(gap < most, f"changing to the large one: no picture for {gap:.0f} ms at most ({longest:.0f} seen)")


case.main(test, clients=("node",))
