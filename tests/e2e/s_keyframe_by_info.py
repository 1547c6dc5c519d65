"""A device that announces neither PLI nor FIR is asked for a keyframe by INFO too (RFC 5168): as often
as once a second while none comes, and no more once one has come."""
import re
import socket
import struct
import time

from lib import case
from lib.server import Server

_SDP = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {audio} RTP/AVP 0
m=video {video} RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 profile-level-id=42e01f
"""
_REQUEST = """{method} sip:info@127.0.0.1:{server} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK-{method}-{own}
Max-Forwards: 70
From: <sip:old-device@127.0.0.1:{own}>;tag=old
To: <sip:info@127.0.0.1:{server}>{tag}
Call-ID: info-{own}
CSeq: {cseq} {method}
Contact: <sip:old-device@127.0.0.1:{own}>
Content-Type: application/sdp
Content-Length: {length}

{body}"""
_INTER = b"\x41\x9a\x00\x11"  # a P slice: nothing that decoding could start with


class Device:
    """A caller of plain sockets: one INVITE, inter pictures 25 times a second, INFO counted."""

    def __init__(self, server):
        self.server = server
        self.sip, self.audio, self.video = (self._socket() for _ in range(3))
        self.sip.settimeout(0.04)
        self.tag, self.video_port, self.infos, self.sequence = "", 0, [], 0

    @staticmethod
    def _socket():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        return s

    def request(self, method, cseq, body=""):
        body = body.replace("\n", "\r\n")
        text = _REQUEST.format(method=method, server=self.server.sip_port, cseq=cseq, tag=self.tag,
                               own=self.sip.getsockname()[1], length=len(body), body="\0")
        text = text.replace("\n", "\r\n").replace("\0", body)
        self.sip.sendto(text.encode(), ("127.0.0.1", self.server.sip_port))

    def invite(self):
        self.request("INVITE", 1, _SDP.format(audio=self.audio.getsockname()[1],
                                              video=self.video.getsockname()[1]))

    def _message(self, text):
        if text.startswith("SIP/2.0 200") and "INVITE" in text and not self.tag:
            self.tag = ";tag=" + re.search(r"To:.*tag=([^\r;]+)", text).group(1)
            self.video_port = int(re.search(r"m=video (\d+)", text).group(1))
            self.request("ACK", 1)
        elif text.startswith("INFO"):
            self.infos.append(text)
            head = re.findall(r"(?m)^(?:Via|From|To|Call-ID|CSeq):[^\r]*", text)
            answer = "\r\n".join(["SIP/2.0 200 OK", *head, "Content-Length: 0", "", ""])
            self.sip.sendto(answer.encode(), ("127.0.0.1", self.server.sip_port))

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self._message(self.sip.recv(65536).decode(errors="replace"))
            except socket.timeout:
                pass
            if self.video_port:
                self.sequence += 1
                head = struct.pack(">BBHII", 0x80, 0xe0, self.sequence & 0xffff,
                                   self.sequence * 3600, 77)
                self.video.sendto(head + _INTER, ("127.0.0.1", self.video_port))


def test(c):
    server = Server(c)
    device = Device(server)
    device.invite()
    device.run(5)
    device.request("BYE", 2)
    c.check(bool(device.tag), "the call was answered")
    c.check(3 <= len(device.infos) <= 7, f"{len(device.infos)} INFO in 5 s without a keyframe")
    c.check(all("picture_fast_update" in i and "media_control+xml" in i for i in device.infos),
            "each asks for a picture update")


case.main(test, clients=())
