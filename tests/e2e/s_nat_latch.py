"""A caller whose SDP names an address that nobody reaches (media.nat: latch, RFC 7362): he is heard and
answered where his packets come from, a stranger before and after him is not, nor one who comes too
late; a re-INVITE lets it be settled anew."""
import re
import time

from lib import case, rawcall
from lib.server import Server

NOWHERE = "127.0.0.9"


def hidden(c, server, room):
    """A call with an SDP of an address that is not the caller's."""
    raw = rawcall.RawCall(c, server, room)
    return raw


def send(sock, port, ssrc, count=10, seq=0):
    """A little sound from a socket."""
    for i in range(count):
        sock.sendto(rawcall.rtp(seq + i, (seq + i) * 160, ssrc), ("127.0.0.1", port))
        time.sleep(0.02)


def heard(sock, seconds=0.5):
    """Whether anything comes to the socket."""
    sock.settimeout(seconds)
    try:
        sock.recv(4096)
        return True
    except OSError:
        return False


def line(server, room):
    """What the server says of the caller's sound."""
    return server.participants(room)[0]["lines"][0]


def invite(raw, again=False):
    """INVITE, or re-INVITE, with an address where nobody listens."""
    body = rawcall.offer(raw.ports[0]).replace("IN IP4 127.0.0.1", "IN IP4 " + NOWHERE)
    number = 3 if again else 1
    text = rawcall.request("INVITE", raw.uri, raw.own, raw.to_tag, number, raw.call_id, body=body)
    raw.sip.sendto(text.encode(), raw.to)
    answer = raw.final()
    raw.to_tag = re.search(r"(?im)^To:.*;tag=([^;\s]+)", answer).group(1)
    port = int(re.search(r"(?m)^m=audio (\d+)", answer).group(1))
    raw.theirs[0], raw.theirs[1] = port, port + 1
    raw.send("ACK", number)
    raw.up = True


def test(c):
    server = Server(c, "media.nat=latch")
    raw = hidden(c, server, "nat")
    invite(raw)
    c.wait_for(lambda: server.participants("nat"), 3, "he is in the room")
    elsewhere, beside = rawcall.bind(0, "127.0.0.66"), rawcall.bind(0)
    send(elsewhere, raw.theirs[0], 0xbad)
    c.check(line(server, "nat")["packets_in"] == 0 and not heard(elsewhere),
            "a foreign host is neither heard nor answered")
    send(raw.media[0], raw.theirs[0], 0x1001)
    c.check(line(server, "nat")["ssrc_in"] == 0x1001, "his own packets are heard")
    c.check(heard(raw.media[0]), "and answered where they come from")
    raw.rtp(rawcall.rtcp_bye(0x9999), 1)
    c.check(heard(raw.media[1], 4), "so are his reports")
    before = line(server, "nat")["packets_in"]
    send(beside, raw.theirs[0], 0xbad, 20)
    send(elsewhere, raw.theirs[0], 0xbad, 20)
    c.check(line(server, "nat")["packets_in"] == before and not heard(beside) and
            not heard(elsewhere), "after that nobody else is, not from the same host either")
    invite(raw, again=True)
    send(beside, raw.theirs[0], 0x2002, 10)
    c.check(heard(beside), "after a re-INVITE another port of his is answered")
    raw.close()
    late = hidden(c, server, "late")
    invite(late)
    time.sleep(5.2)
    send(late.media[0], late.theirs[0], 0x3003)
    c.check(line(server, "late")["packets_in"] == 0 and not heard(late.media[0]),
            "who is silent for 5 s is not taken any more")
    c.check(server.metrics()["tessera_rtp_addresses_latched_total"] >= 3, "it is counted")


case.main(test, clients=())
