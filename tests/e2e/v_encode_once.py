"""Nine receivers of one layout and codec cost one encoder, and thirty hardly more: processor time of
the server per media second grows at most 1.2 times."""
import time

from lib import case, peer
from lib.server import Server

GROWTH = 1.2
MEASURED_S = 8


def encoders(server):
    """(encoders of pictures that run, their subscribers) of the room."""
    found = server.conference("many")["renditions"]
    return len(found), sum(r["subscribers"] for r in found)


def cost(c, server):
    """Processor seconds of the server for a second of the meeting."""
    before, started = server.process.cpu_seconds(), time.monotonic()
    time.sleep(MEASURED_S)
    spent = server.process.cpu_seconds() - before
    return spent / (time.monotonic() - started)


def test(c):
    server = Server(c)
    for i, tone in enumerate((613, 839, 1061)):
        peer.Peer(c, server, "many", f"sender{i}", "--recvonly-audio" if i else "--tone",
                  *(() if i else (f"{tone}:-20",)), "--no-decode", "--size", "640x360@25", number=i,
                  seconds=60)
    peer.joined(c, server, "many", 3)

    def receivers(name, count):
        return peer.Peer(c, server, "many", name, "--recvonly-audio", "--recvonly-video", "--no-decode",
                         count=count, seconds=60)
    receivers("six", 6)
    peer.joined(c, server, "many", 9)
    time.sleep(4)
    c.check(encoders(server) == (1, 9), f"(encoders, subscribers) for 9: {encoders(server)}")
    nine = cost(c, server)
    receivers("twentyone", 21)
    peer.joined(c, server, "many", 30)
    time.sleep(4)
    c.check(encoders(server) == (1, 30), f"(encoders, subscribers) for 30: {encoders(server)}")
    thirty = cost(c, server)
    c.check(thirty <= GROWTH * nine,
            f"processor seconds a second: {nine:.3f} for 9, {thirty:.3f} for 30: "
            f"{thirty / nine:.2f} times")
    running = {k: v for k, v in server.metrics().items() if "encoder" in k or "rendition" in k}
    c.say(f"metrics: {running}")


case.main(test, clients=())
