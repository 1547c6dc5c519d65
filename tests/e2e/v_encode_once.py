"""Nine callers of one layout and codec cost one encoder, and 21 more receivers hardly anything:
processor time of the server per media second grows at most 1.2 times."""
import time

from lib import case, peer
from lib.server import Server

GROWTH = 1.2
WINDOW_S, WINDOWS = 5, 3


def meeting(c, more):
    """A server of its own with nine who send and receive, and so many who only receive."""
    server = Server(c)
    # One process codes for all nine: they send the same.
    peer.Peer(c, server, "many", f"nine-and-{more}", "--tone", "613:-45", "--no-decode", "--size",
              "640x360@25", count=9, seconds=60)
    peer.joined(c, server, "many", 9)
    if more:
        peer.Peer(c, server, "many", f"more-{more}", "--recvonly-audio", "--recvonly-video",
                  "--no-decode", count=more, seconds=60)
        peer.joined(c, server, "many", 9 + more)
    return server


def encoders(server):
    """By the metrics: encoders of pictures that run, and their subscribers."""
    metrics = server.metrics()
    return tuple(int(sum(v for k, v in metrics.items() if k.startswith(name)))
                 for name in ("tessera_renditions_running", "tessera_rendition_subscribers"))


def compare(c, few, many):
    """How many times as much processor time the second one needs in the same seconds."""
    before = [s.process.cpu_seconds() for s in (few, many)]
    time.sleep(WINDOW_S)
    spent = [s.process.cpu_seconds() - b for s, b in zip((few, many), before)]
    c.say(f"processor seconds a second: {spent[0] / WINDOW_S:.3f} and {spent[1] / WINDOW_S:.3f}")
    return spent[1] / spent[0]


def test(c):
    # Both at the same time: what else the machine does makes the same work dearer, now and then.
    servers = [meeting(c, 0), meeting(c, 21)]
    time.sleep(4)
    for server, receivers in zip(servers, (9, 30)):
        c.check(encoders(server) == (1, receivers), f"(encoders, subscribers): {encoders(server)}")
    growth = sorted(compare(c, *servers) for _ in range(WINDOWS))[WINDOWS // 2]
    c.check(growth <= GROWTH, f"30 receivers cost {growth:.2f} times as much as 9")


case.main(test, clients=())
