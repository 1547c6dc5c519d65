"""What is not possible is refused, and what is not known is answered: unknown media lines keep
their place with port 0, limits give 503 with Retry-After, an impossible name 404, no common
codec 488."""
import socket

from lib import case, sipp
from lib.server import Server

_CANCELLED = """{method} sip:cancel@127.0.0.1:{port} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK-cancel-{own}
From: <sip:c@127.0.0.1:{own}>;tag=c{own}
To: <sip:cancel@127.0.0.1:{port}>
Call-ID: cancel-{own}
CSeq: 1 {method}
Contact: <sip:c@127.0.0.1:{own}>
Max-Forwards: 70
"""


def unknown_lines(c, server):
    """Five lines, two of them known: all five come back, in order."""
    call = sipp.Sipp(c, server, "lines", "lines")
    call.send_invite(sipp.sdp(
        "m=application 9 UDP/BFCP *", *sipp.audio(), "m=image 6 udptl t38",
        "m=video [auto_media_port] RTP/AVP 97", "a=rtpmap:97 VP8/90000",
        "m=text 7002 RTP/AVP 98", "a=rtpmap:98 t140/1000"))
    call.expect(200, [("", "m=application 0 .*m=audio [1-9][0-9]* .*m=image 0 .*"
                           "m=video [1-9][0-9]* .*m=text 0 ")])
    call.ack()
    call.bye()
    call.start()
    call.finish()


def refused(c, server, name, room, body, status, headers=()):
    """One call that must be refused with this status."""
    call = sipp.Sipp(c, server, room, name)
    call.send_invite(body)
    call.expect(status, headers)
    call.ack(in_dialog=False)
    call.start()
    call.finish()


def cancelled(c, server):
    """INVITE and CANCEL back to back: whichever is first, no call is left."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", server.ports.take(2)))
        s.settimeout(2)
        own = s.getsockname()[1]

        def send(method, extra=""):
            text = _CANCELLED.format(method=method, port=server.sip_port, own=own) + extra
            s.sendto(text.replace("\n", "\r\n").encode(), ("127.0.0.1", server.sip_port))
        body = sipp.sdp("m=audio 9000 RTP/AVP 0").replace("[local_ip]", "127.0.0.1")
        send("INVITE", "Content-Type: application/sdp\nContent-Length: "
             f"{len(body.replace(chr(10), chr(13) + chr(10)))}\n\n{body}")
        send("CANCEL", "Content-Length: 0\n\n")
        answers = ""
        while "487" not in answers:
            try:
                answers += s.recv(65536).decode().splitlines()[0] + "\n"
            except OSError:
                break
        c.check("200" in answers or "487" in answers,
                "CANCEL is answered: " + answers.replace("\n", "; "))
        if "487" in answers:
            send("ACK", "Content-Length: 0\n\n")
        return "487" in answers


def test(c):
    server = Server(c, "limits.legs=3", "limits.conferences=2", "limits.legs_per_conference=2")
    unknown_lines(c, server)
    refused(c, server, "nocodec", "room",
            sipp.sdp("m=audio 6000 RTP/AVP 18", "a=rtpmap:18 G729/8000"), 488)
    refused(c, server, "badname", "a%00b", sipp.sdp(*sipp.audio()), 404)
    if cancelled(c, server):
        c.wait_for(lambda: not server.api("conferences")["conferences"], 5,
                   "no conference is left after CANCEL")
    guests = [sipp.Sipp(c, server, room, f"guest{i}") for i, room in enumerate(("full", "full"))]
    for guest in guests:
        guest.invite(sipp.sdp(*sipp.audio()))
        guest.wait_bye()
        guest.start()
    c.wait_for(lambda: len(server.participants("full")) == 2, 5, "two guests")
    refused(c, server, "third", "full", sipp.sdp(*sipp.audio()), 503, [("Retry-After", "[0-9]+")])
    server.stop()
    for guest in guests:
        guest.finish()


case.main(test, clients=("sipp", "ffmpeg"))
