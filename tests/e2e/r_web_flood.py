"""A participant who has joined by WebRTC as he should then sends as fast as the machine can, 100 000
packets of a kind: authentic checks of one address and of ever new ones, DTLS, RTP and RTCP under the right
key and under none; and strangers who know his port send him noise. The others of the room hear their
third without a gap, and nothing comes more than 50 ms later than on a bare stream beside them."""
import sys

from lib import case, control, webpeer
from lib.server import Server

KINDS = ("noise", "stun", "stun-same", "stun-addresses", "dtls", "srtp", "rtp", "rtcp")
KINDS = [k for k in KINDS if not sys.argv[1:] or f"--{k}" in sys.argv] or KINDS
sys.argv = [a for a in sys.argv if a[2:] not in KINDS]
COUNT, LATE_MS = 100000, 50
EACH_S = 6


def test(c):
    server = Server(c, "limits.calls_per_source_s=0")
    others = webpeer.Bystanders(c, server, "quiet", EACH_S * len(KINDS))
    beside = control.Control(c)
    for kind in KINDS:
        cpu = server.process.cpu_seconds()
        report = webpeer.WebPeers(c, server, "quiet", kind, "--attack", kind, "--packets", COUNT,
                                  "--rate", 0, "--video", 1).result(300)
        cpu = server.process.cpu_seconds() - cpu
        c.check(report["sent"] == COUNT, f"{kind}: {COUNT} sent; {cpu:.2f} s of the server's "
                f"processor; the leg {'stayed' if report['left'] else 'was ended'}")
    bare = beside.result()["max_ms"]
    others.judge()
    c.check(others.late_ms <= bare + LATE_MS + 20, f"the others' sound was late by "
            f"{others.late_ms - 20:.1f} ms at most, a bare stream by {bare}")
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=())
