"""A WHIP publisher (H.264), a two-way WebRTC peer (VP8), a SIP caller and a WHEP viewer in one room:
everybody is in his tile for everybody, hears the others and not himself; the viewer has no tile. What
has left is not there any more."""
import math
import signal

from lib import case, webrtc
from lib.media import TONES
from lib.peer import Peer, joined
from lib.server import Server

AMPLITUDE = 0.09
LEVEL_DB = 20 * math.log10(AMPLITUDE)
SECONDS = 9


def test(c):
    server = Server(c)
    whip = webrtc.WebPeer(c, server, "whip", "room", "obs", "--codec", "h264", number=0)
    joined(c, server, "room", 1)
    both = webrtc.WebPeer(c, server, "join", "room", "web", "--codec", "vp8", number=1)
    joined(c, server, "room", 2)
    phone = Peer(c, server, "room", "phone", "--audio", "opus", "--video", "h264", "--tone",
                 f"{TONES[2]}:{LEVEL_DB:.2f}", number=2, seconds=40)
    joined(c, server, "room", 3)
    whep = webrtc.WebPeer(c, server, "whep", "room", "viewer", seconds=SECONDS)
    result = whep.result()
    c.check(result["state"] == "connected" and result["connect_ms"] < 3000,
            f"the viewer is connected after {result['connect_ms']:.0f} ms")
    c.check(result["first_picture_ms"] < 3000,
            f"and has its first picture after {result['first_picture_ms']:.0f} ms")
    whep.judge_tiles([0, 1, 2])
    whep.judge_tones([0, 1, 2], [3], LEVEL_DB)
    both.stop()
    both.result()
    both.judge_tiles([0, 1, 2])
    both.judge_tones([0, 2], [1], LEVEL_DB)
    whip.stop()
    c.check(whip.result()["deleted"] == 200, "DELETE is answered with 200")
    phone.process.signal(signal.SIGTERM)
    path = result["where"].split("/", 3)[3]
    c.check(server.http("/" + path)[0] == 404 or server.http("/" + path)[0] == 405,
            "the viewer's resource is gone")
    c.wait_for(lambda: not server.api("conferences")["conferences"], 10, "the room is empty")


case.main(test)
