"""Keys by DTLS (RFC 5763): a caller with DTLS-SRTP and one with plain RTP are in one room, with RTP and
RTCP on two ports and on one; each hears and sees the other, and the secured one joins them by SDES."""
import time

from lib import case, room
from lib.server import Server


def hold_and_resume(meeting, seals):
    """The secured ones hold and come back: two re-INVITEs with the keys they had."""
    for word in ("hold", "resume"):
        for caller, seal in zip(meeting.callers, seals):
            if seal:
                caller.command(word)
        time.sleep(1.5)


def meet(c, name, seals, server, mux):
    """Two callers, each secured as said; sound and pictures judged."""
    meeting = room.Room(c, name, server)
    for person, codecs, seal in zip(("anna", "bert"), (("opus", "h264"), ("pcmu", "vp8")), seals):
        meeting.add(f"{name}-{person}", *codecs, seal=seal, mux=mux)
    meeting.meet()
    meeting.judge_pictures()
    hold_and_resume(meeting, seals)
    meeting.listen()
    for caller, seal in zip(meeting.callers, seals):
        log = caller.process.log()
        want = (2 if mux else 4) if seal == "dtls_srtp" else 0
        done = log.count("DTLS-SRTP complete")
        c.check(done == want, f"{caller.name}: {done} handshakes")
        c.check(("SRTP is Enabled" in log) == (seal == "srtp-mand"), f"{caller.name}: {seal}")
    meeting.end()
    meeting.judge_sound()


def test(c):
    server = Server(c)
    meet(c, "ports", ("dtls_srtp", None), server, mux=False)
    meet(c, "mux", ("srtp-mand", "dtls_srtp"), server, mux=True)
    metrics = server.metrics()
    c.check(metrics["tessera_dtls_handshakes_total"] == 6 and
            metrics["tessera_dtls_handshakes_failed_total"] == 0, "six handshakes, none failed")
    bad = metrics["tessera_srtp_packets_unauthentic_total"]
    c.check(bad <= 16, f"bad packets: {bad}")


case.main(test)
