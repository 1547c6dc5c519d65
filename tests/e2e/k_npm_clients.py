"""npm's whip-whep in Chromium, from another origin and with trickle: a publisher with a file-fed
camera and a player, with a SIP caller in the room, for 20 s (--full: 60 s). Both restart ICE on
the way (PATCH with If-Match: *) and go on."""
import math
import sys

from lib import case, webrtc
from lib.media import TONES
from lib.peer import Peer, joined
from lib.server import Server

FULL = "--full" in sys.argv
sys.argv = [a for a in sys.argv if a != "--full"]
SECONDS = 60 if FULL else 20
LEVEL_DB = 20 * math.log10(0.09)
TOKEN = "for-this-test"


def test(c):
    webrtc.need_chromium()
    server = Server(c, "video.fps=15", f"web.token={TOKEN}")
    whip = webrtc.ChromePeer(c, server, "whip", "room", "publisher", "--token", TOKEN,
                             "--restart-at", 8, number=0, seconds=SECONDS + 30)
    c.wait_for(lambda: len(server.participants("room")) == 1, 30, "the publisher is in the room")
    Peer(c, server, "room", "phone", "--audio", "opus", "--video", "h264", "--tone",
         f"{TONES[1]}:{LEVEL_DB:.2f}", number=1, seconds=SECONDS + 30)
    joined(c, server, "room", 2)
    whep = webrtc.ChromePeer(c, server, "whep", "room", "player", "--token", TOKEN,
                             "--restart-at", 6, seconds=SECONDS)
    result = whep.result(SECONDS + 30)
    c.check(result["state"] == "connected" and result["connect_ms"] < 3000,
            f"the player is connected after {result['connect_ms']:.0f} ms")
    c.check(result["first_picture_ms"] < 3000,
            f"and has its first picture after {result['first_picture_ms']:.0f} ms")
    c.check(result["fps"] > 13 and result["freeze_ms"] < 700,
            f"{result['fps']:.1f} pictures a second ({result['pictures']} in all), at most "
            f"{result['freeze_ms']:.0f} ms apart, over an ICE restart")
    c.check(result["etag"] == '"2"' and result["deleted"] == 200, "restarted once, deleted")
    whep.judge_tiles([0, 1])
    whep.judge_tones([0, 1], [2], LEVEL_DB)
    whip.stop()
    result = whip.result()
    sent = result["stats"]["outbound-rtp video"]
    c.check(result["state"] == "connected" and result["etag"] == '"2"',
            f"the publisher was {result['state']} to the end, over its restart; it sent "
            f"{sent['codec']} with {sent['framesPerSecond']} pictures a second")


case.main(test, clients=("ffmpeg",))
