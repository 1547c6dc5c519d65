"""Chromium's camera of 720p among nine: our page sends the size of its tile and the bits that it is worth,
any other page obeys REMB and transport-wide feedback; all of it within seconds, and back when alone."""
import time

from lib import case
from lib.chromium import Chromium
from lib.peer import Peer
from lib.server import Server

CAMERA = {"width": 1280, "height": 720, "fps": 15}
WORTH = 1500000 * ((426 * 240) / (1280 * 720)) ** 0.75  # of one tile of nine, at 30 pictures/s


def test(c):
    server = Server(c)
    browser = Chromium(c, server)
    browser.call("open", id="page", way="page", room="room", size=CAMERA, steady=True)
    browser.call("open", id="plain", way="join", room="room", codec="vp8", size=CAMERA)
    others = Peer(c, server, "room", "other", "--audio", "none", "--video", "h264", "--size",
                  "160x90@5", "--no-decode", count=7, seconds=60)
    c.wait_for(lambda: len(server.participants("room")) == 9, 10, "nine in the room")
    began = time.monotonic()

    def stream(name):
        return browser.stats(name)[name]["out"][0]

    def told(name):
        return next((t for t in reversed(browser.stats(name)[name]["told"])), {})

    c.wait_for(lambda: told("page").get("maxWidth") == 426, 5, "the page is told the size of its tile")
    said = told("page")
    c.check(said["maxHeight"] == 240 and abs(said["maxBitrate"] / WORTH - 1) < 0.01,
            f"the page is told {said['maxWidth']}x{said['maxHeight']}, {said['maxBitrate']} bit/s")
    c.wait_for(lambda: 0 < stream("page")["width"] <= 428, 8, "the page sends no more than its tile shows")
    for name in ("page", "plain"):
        c.wait_for(lambda n=name: 0 < stream(n)["target"] <= WORTH * 1.02, 10,
                   f"{name} aims at {WORTH:.0f} bit/s at most")
    c.say(f"all of it {time.monotonic() - began:.1f} s after the ninth has come (2 s are waited)")
    sent = browser.sent(4, "page", "plain")
    for name, (s,) in sent.items():
        c.check(s["bps"] < WORTH * 1.35, f"{name} sends {s['bps'] / 1000:.0f} kbit/s, "
                f"{s['width']}x{s['height']} at {s['fps']:.0f}/s")
    c.check(abs(sent["page"][0]["width"] - 426) <= 4 and abs(sent["page"][0]["height"] - 240) <= 2,
            "the page sends the size of its tile")

    others.process.signal(15)
    others.process.wait(10)
    c.wait_for(lambda: told("page").get("maxWidth") == 640, 5, "of two the page is told 640")
    c.wait_for(lambda: abs(stream("page")["width"] - 640) <= 4, 10, "and sends it")
    c.say("of two in the room it sends 640 columns")
    browser.call("close", id="plain")
    c.wait_for(lambda: told("page").get("maxWidth") == 0, 8, "nobody looks any more, and it is told so")
    c.wait_for(lambda: not stream("page")["active"], 5, "it then sends no picture at all")
    c.say("nobody looks: it sends no picture")


case.main(test, clients=("chromium", "node"))
