"""The server on ::1: a WHIP publisher, a two-way peer and a player on IPv6 alone, and a SIP caller on
IPv6 in the same room; everybody is heard and seen."""
import math
import re
import time

from lib import case, webhttp, webrtc
from lib.media import TONES
from lib.peer import joined
from lib.phone import Phone
from lib.server import Server

LEVEL_DB = 20 * math.log10(0.09)


def test(c):
    server = Server(c, address="::1")
    made = webhttp.post(server, "/whip/other", webhttp.offers()["chromium"])
    found = re.findall(r"a=candidate:\S+ 1 UDP \d+ (\S+) \d+ typ host", made.text)
    c.check(made.status == 201 and set(found) == {"::1"} and "c=IN IP6 ::1" in made.text,
            f"candidates in the answer: {found}")
    webhttp.request(server, "DELETE", made.header("Location"))
    whip = webrtc.WebPeer(c, server, "whip", "room", "obs", "--codec", "h264", number=0)
    joined(c, server, "room", 1)
    both = webrtc.WebPeer(c, server, "join", "room", "web", "--codec", "vp8", number=1)
    joined(c, server, "room", 2)
    phone = Phone(c, server, "phone", hz=TONES[2])
    c.check(phone.call().status == 200, "a SIP call over IPv6 is answered")
    joined(c, server, "room", 3)
    time.sleep(1)
    since = time.monotonic()
    time.sleep(2)
    levels = [phone.heard_db(TONES[n], since) for n in (0, 1)]
    c.check(all(abs(level - LEVEL_DB) < 1.5 for level in levels),
            f"the caller hears both: {levels[0]:.1f} and {levels[1]:.1f} dB")
    whep = webrtc.WebPeer(c, server, "whep", "room", "viewer", seconds=9)
    result = whep.result()
    c.check(result["state"] == "connected" and result["first_picture_ms"] < 3000,
            f"the player's first picture after {result['first_picture_ms']:.0f} ms")
    whep.judge_tones([0, 1], [3], LEVEL_DB)
    both.stop()
    both.result()
    both.judge_tones([0], [1], LEVEL_DB)
    phone.bye()
    whip.stop()
    c.check(whip.result()["state"] == "connected", "the publisher was there to the end")
    c.wait_for(lambda: not server.api("conferences")["conferences"], 10, "the room is empty")
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=())
