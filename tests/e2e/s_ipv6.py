"""Signalling and media over IPv6: callers on ::1 over UDP, TCP and TLS are in one room, in the clear and
with keys by SDES and DTLS; each hears and sees the others."""
from lib import case, room, tls
from lib.server import Server

CALLERS = (("anna", "opus", "h264", "udp", None), ("bert", "pcmu", "h264", "tcp", "srtp-mand"),
           ("carl", "pcma", "h264", "tls", "dtls_srtp"))


def test(c):
    port, settings = tls.settings(*tls.make(c, "six", "ec"))
    server = Server(c, *settings, address="::1", tls_port=port)
    c.check(server.options(1).startswith("SIP/2.0 200"), "OPTIONS over UDP")
    with tls.Line(port, "::1") as line:
        c.check(line.options(server.sip_port) == 200, "OPTIONS over TLS")
    meeting = room.Room(c, "six", server)
    for name, audio, video, transport, seal in CALLERS:
        meeting.add(name, audio, video, transport=transport, seal=seal, address="::1")
    meeting.meet()
    meeting.judge_pictures()
    said = server.process.log()
    for name, _, _, transport, _ in CALLERS:
        c.check(f"name=\"{name}\" transport={transport} source=::1" in said,
                f"{name} came over {transport} from ::1")
    meeting.listen()
    for caller, (_, _, _, _, seal) in zip(meeting.callers, CALLERS):
        log = caller.process.log()
        sealed = "SRTP is Enabled" in log or "DTLS-SRTP complete" in log
        c.check(sealed == bool(seal), f"{caller.name}: {seal or 'in the clear'}")
    meeting.end()
    meeting.judge_sound()


case.main(test, clients=("baresip", "ffmpeg", "openssl"))
