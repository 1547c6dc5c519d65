"""A participant who has joined by WebRTC as he should then sends what he should not, some thousands of
each kind by a seed: STUN (his own and strangers'), checks from ever new addresses, DTLS records, RTP and
RTCP under the right key and under none. The server lives, the two others of the room hear their third
without a gap, memory stays where it was. --full: 100 000 of each."""
import sys
import time

from lib import case, webpeer
from lib.server import Server

FULL = "--full" in sys.argv
sys.argv = [a for a in sys.argv if a != "--full"]
SEED = int(next((a.split("=")[1] for a in sys.argv if a.startswith("--seed=")), 1))
sys.argv = [a for a in sys.argv if not a.startswith("--seed=")]
COUNT, A_SECOND = (100000, 2500) if FULL else (5000, 1500)
KINDS = ("stun", "stun-addresses", "dtls", "srtp", "rtp", "rtcp")
GROWTH_KB = 4096  # of the last kinds, when canvas and encoders are there


def test(c):
    each = COUNT / A_SECOND + 2.5
    server = Server(c, "limits.calls_per_source_s=0")
    others = webpeer.Bystanders(c, server, "quiet", each * len(KINDS) * 1.1 + 8)
    memory = {}
    for kind in KINDS:
        report = webpeer.WebPeers(c, server, "quiet", kind, "--attack", kind, "--packets", COUNT,
                                  "--rate", A_SECOND, "--seed", SEED, "--video", 1).result(300)
        start = time.monotonic()
        answer = server.options(2)
        memory[kind] = webpeer.usage(server)[0]
        c.check(report["sent"] == COUNT and answer.startswith("SIP/2.0 200"), f"{kind}: {COUNT} "
                f"sent, OPTIONS answered in {(time.monotonic() - start) * 1000:.1f} ms, "
                f"{memory[kind]} kB")
        c.check(report["left"] == (kind != "stun-addresses"), f"{kind}: the leg "
                f"{'stayed until its end' if report['left'] else 'was ended'}")
    others.judge()
    c.check(memory["rtcp"] - memory["srtp"] < GROWTH_KB or webpeer.is_sanitized(server),
            f"memory after each kind: {memory} kB")
    values = server.metrics()
    c.check(values["tessera_srtp_packets_unauthentic_total"] > COUNT / 4 and
            values["tessera_srtp_packets_replayed_total"] > COUNT / 10 and
            values["tessera_rtcp_packets_malformed_total"] > COUNT / 10 and
            values["tessera_rtp_packets_foreign_total"] > COUNT / 10, "all of it arrived")
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=())
