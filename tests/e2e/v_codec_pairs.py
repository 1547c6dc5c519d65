"""VP8, VP9 and H.264 in packetization modes 0 and 1 in one room: each sees all four, and both modes
share one encoder. They look until 8 s after their first picture: the first of them leaves at 12 s."""
import time

from lib import case, peer
from lib.server import Server

KINDS = (("vp8", ()),
         ("vp9", ()),
         ("h264", ("--video-fmtp", "profile-level-id=42e01f;packetization-mode=1")),
         ("h264", ("--video-fmtp", "profile-level-id=42e01f;packetization-mode=0")))


def test(c):
    server = Server(c, "video.fps=15", "video.codecs=H264,VP8,VP9")
    peers = []
    for i, (codec, fmtp) in enumerate(KINDS):
        peers.append(peer.Peer(c, server, "pairs", f"{codec}-{i}", "--video", codec, *fmtp,
                               "--silent", "--size", "320x180@10", "--tiles", len(KINDS), "--steady", 3,
                               "--until", 8, number=i, seconds=12))
        peer.joined(c, server, "pairs", i + 1)
    time.sleep(2)
    running = sorted(r["codec"] for r in server.conference("pairs")["renditions"])
    c.check(running == ["H264", "VP8", "VP9"], f"encoders: {running}")
    for caller in peers:
        result = caller.result()
        peer.judge_numbers(c, result, range(len(KINDS)))
        c.check(result["video"]["errors"] == 0 and result["video"]["lost"] == 0,
                f"{caller.name}: {result['video']['frames']} pictures without an error")


case.main(test, clients=())
