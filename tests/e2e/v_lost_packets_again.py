"""5 % of what the server sends is lost, all of it comes 25 ms late and up to 10 ms out of order: who
asks for lost packets again (NACK, RFC 4585), and shows pictures 200 ms late for that, sees them stand
still for at most 1 % of the time more than the other one of his room, who loses nothing.
One without NACK beside him, whose packets stay in order, is printed for comparison."""
import time

from lib import case, peer, relay
from lib.server import Server

SECONDS, SETTLE_S = 24, 2
LOSS, DELAY_MS, JITTER_MS = 5, 25, 10
STILL_PERCENT = 1


def call(c, server, room, *further):
    """A caller behind a relay that loses what is sent to him, and somebody to look at."""
    way = relay.Relay(c, server.ports, 7)
    for one in (way.up, way.down):
        one.delay_ms = DELAY_MS
    way.down.jitter_ms = JITTER_MS if "--nack" in further else 0  # nobody else puts in order
    small = ("--silent", "--size", "176x144@15", "--video-bps", 100000, "--tiles", 2)
    lossy = peer.Peer(c, server, room, "lossy-" + room, *small, "--relay", way.base, *further,
                      number=1, seconds=SECONDS)
    peer.joined(c, server, room, 1)
    good = peer.Peer(c, server, room, "good-" + room, *small, number=2, seconds=SECONDS)
    peer.joined(c, server, room, 2)
    time.sleep(SETTLE_S)
    way.down.loss = LOSS
    return way, lossy, good


def still(video):
    """For how much of the time the picture stood still, in percent."""
    return 100 * video["freeze_arrival"]["sum_ms"] / 1000 / SECONDS


def test(c):
    server = Server(c, "video.width=640", "video.height=360", "video.fps=15")
    rooms = {"nack": call(c, server, "nack", "--nack"), "plain": call(c, server, "plain")}
    share, beside = {}, {}
    for name, (way, lossy, good) in rooms.items():
        video = lossy.result()["video"]
        share[name] = still(video)
        beside[name] = still(good.result()["video"])
        c.say(f"{name}: still for {share[name]:.2f} % of the time, "
              f"{video['freeze_arrival']['max_ms']:.0f} ms at most; {way.down.lost} of "
              f"{way.down.lost + way.down.passed} packets lost, {video['nacks']} asked for, "
              f"{video['recovered']} came then, {video['lost']} never; {video['pli_sent']} PLI, "
              f"{video['frames']} pictures")
        if name == "nack":
            c.check(video["recovered"] > 10, "lost packets came again")
    c.check(share["nack"] - beside["nack"] <= STILL_PERCENT, f"still for {share['nack']:.2f} % of the time "
            f"with NACK, {beside['nack']:.2f} % without loss beside him (the machine's own)")


case.main(test, clients=())
