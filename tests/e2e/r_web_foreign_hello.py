"""While each of 100 WebRTC peers connects, a stranger floods the port of its leg with ClientHellos and
with noise that looks like DTLS: all 100 connect."""
from lib import case, webpeer
from lib.server import Server

COUNT, AT_ONCE, FLOOD = 100, 4, 2000


def test(c):
    server = Server(c, "limits.calls_per_s=1000", "limits.calls_per_source_s=0")
    report = webpeer.WebPeers(c, server, "flooded", "peers", "--count", COUNT, "--at-once", AT_ONCE,
                              "--seconds", 0.2, "--flood", FLOOD).result(90)
    c.check(report["connected"] == COUNT and report["failed"] == 0,
            f"{report['connected']} of {COUNT} connect, after {report['connect_ms']} ms, "
            f"{report['connect_ms_max']} ms at most")
    c.check(server.metrics()["tessera_dtls_handshakes_failed_total"] == 0,
            "no hello of the stranger's was listened to")


case.main(test, clients=())
