"""Callers for stored streams: SIP by hand, one socket for all of them. They call, and hang up; media are
sent and taken by bench_feed from the ports that the offers name."""
import re
import socket
import time

OPUS, VIDEO_PT = 111, {"vp8": 98, "h264": 97}
FMTP = {"vp8": "", "h264": "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n"}
RATE = {"vp8": "VP8/90000", "h264": "H264/90000"}


class Call:
    """What was offered and what the answer says: ports that take our sound and our picture."""

    def __init__(self, number, name, audio_port, video_port):
        self.number, self.name = number, name
        self.local = (audio_port, video_port)
        self.to = (0, 0)
        self.dialog = None


class Callers:
    """Calls of one room. answered() until all stand."""

    def __init__(self, server_port, room):
        self.server, self.room = ("127.0.0.1", server_port), room
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(2)
        self.port = self.socket.getsockname()[1]
        self.calls = []

    def call(self, name, ports, direction, codecs, kbps=None):
        """codecs: of the picture, in order of preference; the first is what is sent or wanted.
        kbps: what the caller says that he can take (b=AS)."""
        c = Call(len(self.calls), name, *ports)
        self.calls.append(c)
        self.socket.sendto(self._invite(c, direction, codecs, kbps).encode(), self.server)
        while c.dialog is None:
            self._take(self.socket.recv(65536).decode())
        return c

    def _head(self, method, c, cseq, to_tag=""):
        return (f"{method} sip:{self.room}@127.0.0.1:{self.server[1]} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{c.number}-{cseq}-{method}\r\n"
                f"From: \"{c.name}\" <sip:c{c.number}@127.0.0.1:{self.port}>;tag=t{c.number}\r\n"
                f"To: <sip:{self.room}@127.0.0.1>{to_tag}\r\nCall-ID: bench-{self.port}-{c.number}\r\n"
                f"CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n"
                f"Contact: <sip:c{c.number}@127.0.0.1:{self.port}>\r\n")

    def _invite(self, c, direction, codecs, kbps):
        sdp = (f"v=0\r\no=- {c.number + 1} 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
               f"m=audio {c.local[0]} RTP/AVP {OPUS}\r\na=rtpmap:{OPUS} opus/48000/2\r\n"
               f"a=ptime:20\r\na={direction}\r\n"
               f"m=video {c.local[1]} RTP/AVP {' '.join(str(VIDEO_PT[k]) for k in codecs)}\r\n"
               + (f"b=AS:{kbps}\r\n" if kbps else "")
               + "".join(f"a=rtpmap:{VIDEO_PT[k]} {RATE[k]}\r\n{FMTP[k]}" for k in codecs)
               + f"a=rtcp-fb:* nack pli\r\na={direction}\r\n")
        return (self._head("INVITE", c, 1) + "Content-Type: application/sdp\r\n"
                f"Content-Length: {len(sdp)}\r\n\r\n{sdp}")

    def _take(self, message):
        status = message.split(" ", 2)[1]
        c = self.calls[int(re.search(r"Call-ID: *bench-\d+-(\d+)", message, re.I).group(1))]
        if not message.startswith("SIP/2.0") or status < "200" or "INVITE" not in message:
            return
        if status != "200":
            raise OSError(f"the call of {c.name} was answered with {message.splitlines()[0]}")
        tag = re.search(r"^(?:To|t):.*?(;tag=[^\s;>]+)", message, re.I | re.M).group(1)
        contact = re.search(r"^(?:Contact|m): *<([^>]+)>", message, re.I | re.M).group(1)
        c.to = tuple(int(re.search(rf"^m={kind} (\d+)", message, re.M).group(1))
                     for kind in ("audio", "video"))
        c.dialog = (tag, contact)
        self._in_dialog("ACK", c, 1)

    def _in_dialog(self, method, c, cseq):
        tag, contact = c.dialog
        text = self._head(method, c, cseq, tag).split("\r\n", 1)[1]
        self.socket.sendto(f"{method} {contact} SIP/2.0\r\n{text}Content-Length: 0\r\n\r\n".encode(),
                           self.server)

    def end(self):
        """BYE for all; who does not answer is left alone."""
        for c in self.calls:
            if c.dialog:
                self._in_dialog("BYE", c, 2)
        time.sleep(0.2)
        self.socket.close()
