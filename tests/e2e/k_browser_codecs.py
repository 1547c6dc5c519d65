"""Chromium in a room with a phone, each codec of pictures that it can send (VP8, H264, VP9, AV1) and
receive (VP8, H264, VP9): everybody is in his tile. The browser is told who is in the sound and how loud
(RFC 6465), and the server believes its audio level (RFC 6464)."""
import math

from lib import case, measure
from lib.chromium import Chromium
from lib.media import COLOURS, TONES
from lib.peer import Peer
from lib.server import Server

PAIRS = (("vp8", "vp8"), ("h264", "h264"), ("vp9", "vp9"), ("av1", "vp8"))
PHONE, QUIET = 8, 0.1
OFF = 4  # of 255: a canvas is BT.709 of full range, which Chromium says beside the stream


def tiles(count):
    """A part of each tile that is of one colour, in parts of the canvas: no number, no name."""
    return [{"x": (x + w * 0.15) / 1280, "y": (y + h * 0.18) / 720, "w": w * 0.1 / 1280, "h": h * 0.12 / 720}
            for x, y, w, h in measure.grid(count, 1280, 720)]


def levels(c, server, browser, name):
    """RFC 6465: the phone's level, by the browser; RFC 6464: the browser's, by the server."""
    phone = next(p for p in server.participants("room") if p["name"] == "phone")

    def heard():
        found = browser.call("sources", id=name)
        return found if any(s.get("level") for s in found["csrcs"]) else None
    found = c.wait_for(heard, 10, "the browser hears of a contributing source and its level")
    loud = max(s["level"] for s in found["csrcs"])
    db = 20 * math.log10(loud) if loud else -127
    # dBov of RFC 6464: a sine at full scale is -3, so that -20 dBFS of amplitude is -23.
    c.check(abs(db - phone["level_dbov"]) <= 3,
            f"getContributingSources: {len(found['csrcs'])} sources, the loudest {db:.0f} dBov, "
            f"by the server the phone has {phone['level_dbov']}")
    c.check(found["ssrcs"] and found["ssrcs"][0].get("level") is not None,
            f"getSynchronizationSources has a level: {found['ssrcs'][0]['level']:.3f}")
    own = c.wait_for(lambda: next((p["level_dbov"] for p in server.participants("room")
                                   if p["name"] == name and p["level_dbov"] > -60), None), 10,
                     "the browser's own level is known")
    c.check(abs(own - (20 * math.log10(QUIET) - 3)) <= 4, f"the browser's tone is at {own} dBov")


def test(c):
    path = c.path("config.yaml")
    with open(path, "w", encoding="utf-8") as config:
        config.write("video:\n  codecs: [VP8, H264, VP9]\n")
    server = Server(c, "video.fps=10", config_file=path)
    browser = Chromium(c, server)
    phone = Peer(c, server, "room", "phone", "--audio", "opus", "--video", "h264", "--tone",
                 f"{TONES[PHONE - 1]}:-20", "--size", "320x180@10", "--no-decode",
                 number=PHONE, seconds=90)
    c.wait_for(lambda: server.participants("room"), 10, "the phone is there")
    for i, (sends, receives) in enumerate(PAIRS):
        r, g, b = COLOURS[i]
        browser.call("open", id=sends, way="join", room="room", codec=sends, out=receives,
                     hz=TONES[i] if i == 0 else 0, gain=QUIET,
                     size={"width": 320, "height": 180, "fps": 10, "colour": f"rgb({r},{g},{b})", "detail": False})
        c.wait_for(lambda n=sends: any(p["name"] == n and p["has_picture"]
                                       for p in server.participants("room")), 10, f"{sends} is decoded")
    expected = [COLOURS[PHONE]] + [COLOURS[i] for i in range(len(PAIRS))]
    for sends, receives in PAIRS:
        def right(name=sends):
            seen = browser.call("colours", id=name, rects=tiles(1 + len(PAIRS)))
            off = [max(abs(a - b) for a, b in zip(s, e)) for s, e in zip(seen or [], expected)]
            return off if off and max(off) <= OFF else None
        off = c.wait_for(right, 15, f"{sends} sees all in their tiles")
        person = next(p for p in server.participants("room") if p["name"] == sends)
        c.check(person["video_in"] == sends.upper() and person["video_out"] == receives.upper(),
                f"{sends} in, {receives} out: {person['video_in']}, {person['video_out']}, "
                f"colours {max(off)} off at most")
    levels(c, server, browser, PAIRS[0][0])
    phone.process.signal(15)


case.main(test, clients=("chromium", "node"))
