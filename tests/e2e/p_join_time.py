"""From the click on "Join" to the first mixed picture: below 1 s at the median of 20 joins in Chromium,
and of 7 in Firefox."""
import statistics

from lib import browser, case
from lib.peer import Peer, joined
from lib.server import Server

LIMIT_MS = 1000


def join(c, who):
    """A page that was just opened, from the click on."""
    who.open(f"/r/quick?name={who.name}")
    c.wait_for(lambda: who.evaluate("document.body.dataset.view === 'prejoin' && "
                                    "!!document.querySelector('#preview').srcObject"), 20, "the preview")
    took = who.evaluate("e2e.clickToPicture()")
    c.check(took > 0, f"{who.name}: a picture after {took:.0f} ms")
    return took


def joins(c, server, kind, count):
    who = browser.Browser(c, server, kind, kind, number=1)
    times = []
    for _ in range(count):
        times.append(join(c, who))
        joined(c, server, "quick", 2)
        if len(times) == 1:
            who.shot(f"joined-{kind}")
        who.leave()
        joined(c, server, "quick", 1)
    who.no_complaints()
    who.close()
    median = statistics.median(times)
    c.check(median < LIMIT_MS, f"{kind}: {median:.0f} ms at the median of {count} joins "
                               f"({min(times):.0f} to {max(times):.0f})")


def test(c):
    server = Server(c)
    Peer(c, server, "quick", "phone", "--silent", "--size", "320x180@15", seconds=150)
    joined(c, server, "quick", 1)
    joins(c, server, "chromium", 20)
    joins(c, server, "firefox", 7)


browser.need()
case.main(test, clients=("ffmpeg",))
