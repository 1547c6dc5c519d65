"""A raw call whose packets are sealed with the right keys (SDES, or DTLS as the client), so that
whatever a test puts into them gets past SRTP. RTP and RTCP share a port. Needs the modules that
python3-aiortc brings."""
import base64
import os
import re
import select
import time
from collections import OrderedDict

import pylibsrtp
from OpenSSL import SSL
from aiortc.rtcdtlstransport import RTCCertificate

from lib import rawcall
from lib.case import Failure

_KEY, _SALT = 16, 14
_SOURCES = 8  # of one line that the server remembers; it forgets the one heard of first


class Sealer:
    """SRTP of one line in the direction of the server. As the server does, it begins anew with a
    source that eight others have replaced: rollover counters stay equal on both sides."""

    def __init__(self, key):
        self.key = key
        self.sources = OrderedDict()

    def seal(self, packet, rtcp):
        """The packet sealed, or None when SRTP takes nothing of its kind (a header cut short)."""
        if len(packet) < (8 if rtcp else 12) or len(packet) > 1300:
            return None
        ssrc = bytes(packet[4:8] if rtcp else packet[8:12])
        session = self.sources.get(ssrc) or self._session(ssrc)
        try:
            sealed = session.protect_rtcp(packet) if rtcp else session.protect(packet)
        except pylibsrtp.Error:
            return None
        if ssrc not in self.sources:
            self.sources[ssrc] = session
            if len(self.sources) > _SOURCES:
                self.sources.popitem(last=False)
        return sealed

    def _session(self, ssrc):
        policy = pylibsrtp.Policy(key=self.key, ssrc_type=pylibsrtp.Policy.SSRC_SPECIFIC,
                                  ssrc_value=int.from_bytes(ssrc, "big"))
        policy.window_size = 1024
        policy.allow_repeat_tx = True
        return pylibsrtp.Session(policy)


class SealedCall(rawcall.RawCall):
    """kind: "sdes" or "dtls"."""

    def __init__(self, case, server, room, kind, video=True):
        super().__init__(case, server, room, video)
        self.kind = kind
        self.keys = [os.urandom(_KEY + _SALT) for _ in range(2)]
        self.certificate = RTCCertificate.generateCertificate() if kind == "dtls" else None
        self.sealers = []

    def body(self):
        """The plain offer with keys or a fingerprint on each line."""
        first, *lines = re.split(r"(?m)^(?=m=)", super().body())
        if self.kind == "sdes":
            profile, further = "RTP/SAVP", [
                "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + base64.b64encode(k).decode()
                for k in self.keys]
        else:
            shown = self.certificate.getFingerprints()[0]
            profile = "UDP/TLS/RTP/SAVPF"
            further = [f"a=setup:active\r\na=fingerprint:{shown.algorithm} {shown.value}"] * 2
        return first + "".join(line.replace("RTP/AVP", profile) + "a=rtcp-mux\r\n" + more + "\r\n"
                               for line, more in zip(lines, further))

    def invite(self):
        super().invite()
        if "a=rtcp-mux" not in self.answer:
            raise Failure("no rtcp-mux in the answer to a sealed call")
        lines = range(2 if self.video else 1)
        for line in lines:
            self.theirs[2 * line + 1] = self.theirs[2 * line]
        if self.kind == "dtls":
            self.keys = [self._handshake(2 * line) for line in lines]
        self.sealers = [Sealer(key) for key in self.keys]

    def _handshake(self, line, seconds=10):
        """Key and salt of the client, which we are, by DTLS on a line's socket."""
        tls = SSL.Connection(self.certificate._create_ssl_context())
        tls.set_connect_state()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                tls.do_handshake()
                self._flush(tls, line)
                break
            except SSL.WantReadError:
                self._flush(tls, line)
            if select.select([self.media[line]], [], [], 1)[0]:
                datagram = self.media[line].recv(4096)
                if 20 <= datagram[0] <= 63:
                    tls.bio_write(datagram)
        else:
            raise Failure(f"no handshake within {seconds} s")
        secret = tls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (_KEY + _SALT))
        return secret[:_KEY] + secret[2 * _KEY:2 * _KEY + _SALT]

    def rtp(self, packet, line=0, source=None):
        """RTCP leaves by the socket of RTP, as rtcp-mux has it (RFC 5761 section 3): from any other port
        it is a stranger's, and never comes to the seal."""
        super().rtp(packet, line, source or self.media[line & ~1])

    def _flush(self, tls, line):
        """What the handshake wants to send, one record a datagram."""
        try:
            while True:
                records = tls.bio_read(4096)
                while records:
                    size = 13 + int.from_bytes(records[11:13], "big")
                    self.rtp(records[:size], line)
                    records = records[size:]
        except SSL.WantReadError:
            pass

    def seal(self, packet, line):
        """Sealed as what goes to a line (0, 2: RTP; 1, 3: RTCP); None: see Sealer."""
        return self.sealers[line // 2].seal(packet, line % 2 == 1)
