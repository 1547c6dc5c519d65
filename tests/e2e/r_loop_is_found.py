"""A room that calls itself: its own sound coming back is found within a second, counted and told of,
and not mixed, so that whoever is in the room hears what he would without it."""
import time

from lib import case, peer
from lib.server import Server

HZ, DBFS, SECONDS = 613, -20, 12


def test(c):
    server = Server(c, "listen.http_control=true")
    peer.Peer(c, server, "mirror", "talker", "--tone", f"{HZ}:{DBFS}", "--video", "none",
              seconds=SECONDS + 4)
    peer.joined(c, server, "mirror", 1)
    judge = peer.Peer(c, server, "mirror", "judge", "--silent", "--video", "none", "--probe", HZ,
                      "--steady", 2, seconds=SECONDS)
    peer.joined(c, server, "mirror", 2)
    time.sleep(4)
    status, text = server.http("/api/v1/conferences/mirror/call", {"uri": server.uri("mirror")})
    c.check(status == 202, f"the room calls itself: {status} {text}")
    c.wait_for(lambda: len(server.participants("mirror")) == 4, 5, "both ends are in the room")
    joined = time.monotonic()
    c.wait_for(lambda: len({e["leg"] for e in server.events("loop-found")}) == 2, 3, "both find it")
    c.check(time.monotonic() - joined <= 1, f"the loop is found after "
            f"{time.monotonic() - joined:.1f} s: {server.events('loop-found')[-1]}")
    c.check(server.metrics()["tessera_rtp_loops_total"] >= 2, "and counted")
    tone = peer.probe(judge.result(), HZ)
    c.check(abs(tone["dbfs"] - DBFS) < 1 and tone["max_dbfs"] < DBFS + 1 and tone["hole_max_ms"] <= 20,
            f"the room's sound is as before: {tone['dbfs']} dBFS, {tone['min_dbfs']} to "
            f"{tone['max_dbfs']}, {tone['hole_max_ms']} ms")


case.main(test, clients=())
