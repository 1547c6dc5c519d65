"""Sound and picture of a caller reach the others within 45 ms of each other, by RTP time mapped
with the sender reports, in each codec."""
from lib import case, peer
from lib.server import Server

LIMIT_MS = 45
CODECS = (("opus", "h264"), ("g722", "vp8"), ("pcmu", "h264"))


def test(c):
    server = Server(c, "video.width=960", "video.height=540")
    peer.Peer(c, server, "sync", "clapper", "--silent", "--flash", "--size", "320x180@25",
              seconds=40)
    peer.joined(c, server, "sync", 1)
    ears = [peer.Peer(c, server, "sync", f"{audio}-{video}", "--silent", "--audio", audio,
                      "--video", video, "--size", "320x180@10", "--probe", 1000, "--steady", 4,
                      number=1 + i, seconds=13)
            for i, (audio, video) in enumerate(CODECS)]
    for ear in ears:
        sync = ear.result()["sync"]
        c.check(sync["pairs"] >= 5, f"{ear.name}: {sync['pairs']} flashes with a beep")
        c.check(abs(sync["worst_ms"]) <= LIMIT_MS,
                f"{ear.name}: picture after sound by {sync['median_ms']} ms, at worst "
                f"{sync['worst_ms']} ms")


case.main(test, clients=())
