"""200 WebRTC peers come and go, 20 at a time; of five one leaves with DELETE, the others die after the
answer, in ICE, in DTLS, with media flowing. Nothing is left behind, and the third round needs no more
memory than the second."""
import time

from lib import case, webpeer
from lib.server import Server

ROUNDS, COUNT, AT_ONCE = 3, 200, 20
GROWTH_KB = 1024


def test(c):
    server = Server(c, "listen.rtp_first=33000", "listen.rtp_last=49999",  # ports rest after a call
                    "limits.leg_timeout_s=10", "limits.calls_per_s=1000",
                    "limits.calls_per_source_s=0", "limits.connecting_per_source=0")
    before = webpeer.usage(server)
    seen = []
    for number in range(ROUNDS):
        report = webpeer.WebPeers(c, server, "rush", f"round{number}", "--count", COUNT, "--at-once",
                                  AT_ONCE, "--seconds", 0.3, "--ends", "mixed").result(60)
        c.check(report["created"] == COUNT and report["failed"] == 0 and
                report["connected"] == 2 * COUNT / 5 and report["left"] == COUNT / 5,
                f"round {number + 1}: {report['connected']} connected after "
                f"{report['connect_ms']} ms, {report['connect_ms_max']} ms at most; "
                f"{report['failed']} failed, answers {report['statuses']}")
        c.wait_for(lambda: server.metrics()["tessera_legs"] == 0, 60, "all legs are gone")
        c.wait_for(lambda: not server.api("conferences")["conferences"], 5, "the room is gone")
        time.sleep(6)  # 5 s after a conference memory is given back
        seen.append(webpeer.usage(server))
        c.say(f"after round {number + 1}: {seen[-1][0]} kB, {seen[-1][1]} descriptors")
    values = server.metrics()
    c.check(seen[-1][1] <= before[1] + 4, f"descriptors: {before[1]}, then {seen[-1][1]}")
    c.check(values["tessera_rtp_port_pairs_used"] == 0, "no RTP port is taken")
    c.check(values["tessera_ice_agents_total"] == ROUNDS * COUNT, "each had one ICE agent")
    c.check(seen[2][0] - seen[1][0] <= GROWTH_KB or webpeer.is_sanitized(server),
            f"memory: {before[0]}, {', '.join(str(rss) for rss, _ in seen)} kB")
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=())
