"""A SIP caller of a few lines over UDP, for tests that send what no good caller sends: every
message and every RTP packet is put together here, and what comes back can be looked at."""
import random
import re
import select
import socket
import struct
import time

from lib.case import Failure

PCMU_SILENCE = b"\xff" * 160


def request(method, uri, own, to_tag="", cseq=1, call_id="", tag="", branch="", body="",
            extra="", transport="UDP"):
    """A request as text, complete in all that a server asks for."""
    branch = branch or f"z9hG4bK{random.getrandbits(64):x}"
    to = uri.split(";")[0]
    return (f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} 127.0.0.1:{own};branch={branch}\r\n"
            f"From: <sip:raw@127.0.0.1:{own}>;tag={tag or 'raw'}\r\n"
            f"To: <{to}>{';tag=' + to_tag if to_tag else ''}\r\n"
            f"Call-ID: {call_id or '%x' % random.getrandbits(64)}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:raw@127.0.0.1:{own}>\r\nMax-Forwards: 70\r\n{extra}"
            + ("Content-Type: application/sdp\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}")


def offer(audio, video=0, codec="0 PCMU/8000"):
    """An offer of one sound codec and, with a port, VP8."""
    number, name = codec.split()
    text = ("v=0\r\no=raw 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {audio} RTP/AVP {number}\r\na=rtpmap:{number} {name}\r\n")
    if video:
        text += (f"m=video {video} RTP/AVP 98\r\na=rtpmap:98 VP8/90000\r\n"
                 "a=rtcp-fb:98 nack pli\r\n")
    return text


def rtp(seq, ts, ssrc, payload=PCMU_SILENCE, pt=0, marker=False):
    """An RTP packet."""
    return struct.pack("!BBHII", 0x80, pt | (0x80 if marker else 0), seq & 0xffff,
                       ts & 0xffffffff, ssrc) + payload


def rtcp_bye(ssrc):
    """An empty receiver report and BYE."""
    return struct.pack("!BBHI", 0x80, 201, 1, ssrc) + struct.pack("!BBHI", 0x81, 203, 1, ssrc)


def bind(port=0, address="127.0.0.1"):
    """A UDP socket."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind((address, port))
    return s


class RawCall:
    """One call with sound and perhaps pictures; RTP at even ports, RTCP at odd ones."""

    def __init__(self, case, server, room, video=False):
        self.server, self.uri = server, server.uri(room)
        self.to = ("127.0.0.1", server.sip_port)
        self.sip = bind()
        self.own = self.sip.getsockname()[1]
        first = server.ports.take(4)
        self.media = [bind(first + i) for i in range(4)]
        self.ports = [first + i for i in range(4)]
        self.theirs = [0, 0, 0, 0]  # of the server, in the same order
        self.video = video
        self.call_id = f"raw-{random.getrandbits(64):x}"
        self.to_tag, self.answer, self.cseq, self.up = "", "", 0, False
        case.cleanup(self.close)

    def body(self):
        """Its offer."""
        return offer(self.ports[0], self.ports[2] if self.video else 0)

    def invite(self):
        """Calls and answers with ACK."""
        text = request("INVITE", self.uri, self.own, cseq=1, call_id=self.call_id,
                       body=self.body())
        self.cseq = 1
        self.sip.sendto(text.encode(), self.to)
        answer = self.final()
        if not answer.startswith("SIP/2.0 200"):
            raise Failure(f"a raw call got {answer[:40]!r}")
        self.answer = answer
        self.to_tag = re.search(r"(?im)^To:.*;tag=([^;\s]+)", answer).group(1)
        ports = [int(p) for p in re.findall(r"(?m)^m=\w+ (\d+)", answer)]
        for i, port in enumerate(ports[:2]):
            self.theirs[2 * i], self.theirs[2 * i + 1] = port, port + 1
        self.send("ACK", 1)
        self.up = True

    def send(self, method, cseq, body="", extra=""):
        """A request within the call."""
        text = request(method, self.uri, self.own, self.to_tag, cseq, self.call_id, body=body,
                       extra=extra)
        self.sip.sendto(text.encode(), self.to)

    def final(self, seconds=3):
        """The next final answer, as text; '' when none comes."""
        end = time.monotonic() + seconds
        while select.select([self.sip], [], [], max(0, end - time.monotonic()))[0]:
            text = self.sip.recv(65536).decode(errors="replace")
            if text.startswith("SIP/2.0") and not text.startswith("SIP/2.0 1"):
                return text
        return ""

    def rtp(self, packet, line=0, source=None):
        """Sends to the server's port of a line (0, 1: sound and its RTCP; 2, 3: pictures)."""
        (source or self.media[line]).sendto(packet, ("127.0.0.1", self.theirs[line]))

    def received(self, line=0):
        """All that has come on a line and was not looked at yet."""
        got = []
        while select.select([self.media[line]], [], [], 0)[0]:
            got.append(self.media[line].recv(4096))
        return got

    def close(self):
        """Hangs up without waiting for the answer."""
        if self.up:
            self.send("BYE", 2)
            self.up = False
        for s in [self.sip] + self.media:
            s.close()
