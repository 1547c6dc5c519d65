"""The web doors under strain: strange offers by a seed, bodies that are huge or never end, connections
that say nothing, and a participant whose page chats at full speed without ever reading. Offers get an
answer that fits, none of it is 500, the others of the room hear each other, memory is bounded."""
import random
import socket
import sys
import time

from lib import case, webpeer
from lib.server import Server

FULL = "--full" in sys.argv
sys.argv = [a for a in sys.argv if a != "--full"]
OFFERS, SILENT, CHATS = (2000 if FULL else 200), 400, (20000 if FULL else 4000)
GROWTH_KB = 40 * 1024

LINE = ("c=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\n"
        "a=ice-pwd:0123456789012345678901\r\na=sendrecv\r\na=extmap:4 urn:ietf:params:rtp-hdrext:"
        "sdes:mid\r\na=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
        "a=candidate:1 1 UDP 2113929471 127.0.0.1 9 typ host\r\na=ssrc:7 cname:x\r\n")
OFFER = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
         "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
         "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=mid:0\r\n" + LINE +
         "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n"
         "a=fmtp:97 apt=96\r\na=rtcp-fb:* transport-cc\r\na=mid:1\r\na=rid:h send\r\na=rid:l send\r\n"
         "a=simulcast:send h;l\r\n" + LINE)
WORDS = ["", "\0", "\r\n", " ", "-1", "0", "65536", "4294967296", "99999999999999999999", "*", ":",
         "\u00ff" * 9, "A" * 5000, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", "m=application 9 UDP/DTLS/SCTP "
         "webrtc-datachannel\r\n", "a=mid:0\r\n", "a=mid:" + "x" * 300 + "\r\n", "a=ice-lite\r\n",
         "a=group:BUNDLE " + "0 " * 500 + "\r\n", "a=setup:holdconn\r\n", "a=simulcast:send ~h,l;;\r\n",
         "a=extmap:4/sendonly urn:x\r\n" * 50, "a=candidate:1 1 UDP 1 x.local 9 typ host\r\n" * 60]


def strange(rng):
    """The offer with one to four of its lines or pieces spoilt."""
    lines = OFFER.splitlines(keepends=True)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, kind = rng.randrange(len(lines)), rng.randrange(6)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, rng.choice(lines))
        elif kind == 2:
            lines.insert(at, rng.choice(WORDS))
        elif kind == 3:
            cut = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + rng.choice(WORDS) + lines[at][cut + rng.randrange(4):]
        elif kind == 4:
            rng.shuffle(lines)
        else:
            lines *= rng.choice((1, 2, 20))
        if not lines or len(lines) > 4000:
            break
    return "".join(lines).encode("latin1", "replace")


def connect(server):
    """A TCP connection to the door."""
    return socket.create_connection(("127.0.0.1", server.http_port), 5)


def head(size):
    return (b"POST /join/strange HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n" % size)


def status_of(s):
    """Of the answer; 0: the connection just ended."""
    try:
        data = s.recv(4096)
        return int(data.split()[1]) if data.startswith(b"HTTP/1.1 ") else 0
    except OSError:
        return 0


def send_offers(c, server):
    rng, statuses, slowest = random.Random(1), {}, 0
    for _ in range(OFFERS):
        body, start = strange(rng), time.monotonic()
        with connect(server) as s:
            try:
                s.sendall(head(len(body)) + body)
            except OSError:
                pass
            status = status_of(s)
        slowest = max(slowest, time.monotonic() - start)
        statuses[status] = statuses.get(status, 0) + 1
    c.check(set(statuses) <= {201, 400, 406, 413, 0} and statuses.get(400, 0) > OFFERS / 10 and
            statuses.get(201, 0) > OFFERS / 50 and statuses.get(0, 0) < OFFERS / 5,
            f"{OFFERS} strange offers: {statuses}, slowest {slowest * 1000:.0f} ms")


def send_bodies(c, server):
    with connect(server) as s:
        s.sendall(head(1 << 30))
        c.check(status_of(s) == 413, "a body of 1 GB is refused at its announcement")
    slow = [connect(server) for _ in range(SILENT)]
    for i, s in enumerate(slow):
        s.sendall((head(1000) + b"v=0\r\n") if i % 2 else b"POST /join/x HT")
    start = time.monotonic()
    c.check(server.http("/healthz")[0] == 200, f"with {SILENT} half requests open the server answers "
            f"in {(time.monotonic() - start) * 1000:.1f} ms")
    c.wait_for(lambda: webpeer.usage(server)[1] < SILENT / 2, 20, "the half ones are cut")
    for s in slow:
        s.close()


def test(c):
    server = Server(c, "limits.calls_per_source_s=0", "limits.connecting_per_source=0",
                    "limits.calls_per_s=10000")
    others = webpeer.Bystanders(c, server, "quiet", 40 if not FULL else 120)
    before = webpeer.usage(server)[0]
    chatter = webpeer.WebPeers(c, server, "quiet", "chatter", "--attack", "chat", "--packets", CHATS,
                               "--rate", 400, "--seconds", 5)
    send_offers(c, server)
    send_bodies(c, server)
    c.check(chatter.result(120)["sent"] == CHATS, f"{CHATS} chat messages were sent, none was read")
    after = webpeer.usage(server)[0]
    values = server.metrics()
    c.check(values["tessera_websockets_broken_off_total"] > 0, "his WebSockets were broken off "
            f"{values['tessera_websockets_broken_off_total']:.0f} times")
    others.judge()
    c.check(after - before < GROWTH_KB or webpeer.is_sanitized(server), f"memory: {before}, then {after} kB")
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=())
