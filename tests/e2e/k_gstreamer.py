"""GStreamer's webrtcbin by WHIP and WHEP: two publishers (VP8, H.264) and a SIP caller, and two
players (H.264, VP8) who see all three in their tiles and hear them, for 20 s (--full: 60 s)."""
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


def test(c):
    server = Server(c, "video.fps=15")
    webrtc.need_gstreamer()
    publishers = []
    for number, codec in enumerate(("vp8", "h264")):
        publishers.append(webrtc.GstPeer(c, server, "whip", "room", "gst-" + codec, "--codec", codec,
                                         number=number, seconds=SECONDS + 30))
        joined(c, server, "room", number + 1)
    Peer(c, server, "room", "phone", "--audio", "opus", "--video", "h264", "--tone",
         f"{TONES[2]}:{LEVEL_DB:.2f}", number=2, seconds=SECONDS + 30)
    joined(c, server, "room", 3)
    players = [webrtc.GstPeer(c, server, "whep", "room", "play-" + codec, "--codec", codec,
                              seconds=SECONDS) for codec in ("h264", "vp8")]
    for player in players:
        result = player.result(SECONDS + 30)
        c.check(result["state"] == "connected" and result["connect_ms"] < 3000,
                f"{player.name} is connected after {result['connect_ms']:.0f} ms")
        c.check(result["first_picture_ms"] < 3000,
                f"first picture after {result['first_picture_ms']:.0f} ms")
        c.check(result["fps"] > 13 and result["freeze_ms"] < 500,
                f"{result['fps']:.1f} pictures a second, {result['pictures']} in all, at most "
                f"{result['freeze_ms']:.0f} ms apart")
        c.check(result["deleted"] == 200, "DELETE is answered with 200")
        player.judge_tiles([0, 1, 2])
        player.judge_tones([0, 1, 2], [3], LEVEL_DB)
    for publisher in publishers:
        publisher.stop()
        result = publisher.result()
        c.check(result["state"] == "connected" and result["deleted"] == 200,
                f"{publisher.name} was {result['state']} to the end")


case.main(test, clients=())
