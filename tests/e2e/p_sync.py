"""Lips and voice in Chromium: a phone's flash and beep are seen and heard together there, and those of
Chromium's own camera and microphone by a phone: within 45 ms."""
import statistics
import time

from lib import browser, case
from lib.peer import Peer, joined
from lib.server import Server

FPS = 30
SECONDS = 15
SYNC_MAX_MS = 45

def middle(values):
    """The median and the range that nine of ten are within."""
    values = sorted(values)
    return statistics.median(values), values[len(values) // 20], values[-1 - len(values) // 20]


def to_the_browser(c, server):
    """A phone claps, Chromium watches."""
    Peer(c, server, "see", "clapper", "--silent", "--flash", "--size", "320x180@30", seconds=SECONDS + 30)
    joined(c, server, "see", 1)
    who = browser.Browser(c, server, "chromium", "chromium", number=1, amplitude=0)
    who.join("see")
    time.sleep(4)  # until reports and queues have settled
    played = who.played()
    who.evaluate("e2e.watch(0.1, 0.4)")
    time.sleep(SECONDS)
    way_ms = who.loudspeaker_ms(played)
    onsets = who.evaluate("e2e.onsets")
    flashes, beeps = ([o["at"] for o in onsets if o["kind"] == kind] for kind in ("flash", "beep"))
    c.check(len(flashes) >= SECONDS - 3 and len(beeps) >= SECONDS - 3,
            f"{len(flashes)} flashes, {len(beeps)} beeps")
    apart = [min((f - b for b in beeps), key=abs) for f in flashes]
    ms, low, high = middle(apart)
    c.say(f"picture after decoded sound by {ms:.0f} ms ({low:.0f} to {high:.0f}), which is {way_ms:.0f} ms "
          "on its way to the loudspeaker")
    c.check(abs(ms - way_ms) <= SYNC_MAX_MS, f"Chromium: picture after sound by {ms - way_ms:.0f} ms")
    who.close()


def from_the_browser(c, server):
    """Chromium claps, a phone watches."""
    who = browser.Browser(c, server, "chromium", "clapper2", number=1, clap=True)
    who.join("hear")
    phone = Peer(c, server, "hear", "phone", "--silent", "--size", "320x180@10", "--steady", 5,
                 seconds=SECONDS + 6)
    sync = phone.result()["sync"]
    c.say(f"the phone saw {sync['flashes']} flashes and heard {sync['beeps']} beeps; worst {sync['worst_ms']} ms")
    c.check(sync["pairs"] >= SECONDS - 3, f"{sync['pairs']} flashes with their beep")
    c.check(abs(sync["median_ms"]) <= SYNC_MAX_MS, f"phone: picture after sound by {sync['median_ms']:.0f} ms")


def test(c):
    server = Server(c, f"video.fps={FPS}")
    to_the_browser(c, server)
    from_the_browser(c, server)


browser.need()
case.main(test, clients=("ffmpeg",))
