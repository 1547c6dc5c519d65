"""A SIP phone over UDP with sound (PCMU or PCMA), for what happens within a dialog: each message
is sent and awaited by hand, a thread sends a tone and keeps what comes, so that a test can say who
hears whom, and when."""
import random
import re
import select
import socket
import struct
import threading
import time
import uuid

import numpy as np

from lib import measure
from lib.case import Failure
from lib.digest import Message

CODECS = {"pcmu": (0, "PCMU"), "pcma": (8, "PCMA")}
ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"


def _tables():
    """(encode, decode) of each codec: 16-bit samples to bytes and back, by G.711's own segments."""
    code = np.arange(256)
    u = ~code & 0xff
    mulaw = (((u & 15) << 3) + 132 << (u >> 4 & 7)) - 132
    mulaw = np.where(u & 128, -mulaw, mulaw)
    a = code ^ 0x55
    segment = a >> 4 & 7
    alaw = np.where(segment > 0, ((a & 15) << 4) + 264 << np.maximum(segment - 1, 0),
                    ((a & 15) << 4) + 8)
    alaw = np.where(a & 128, alaw, -alaw)
    return {"pcmu": mulaw, "pcma": alaw}


_DECODE = _tables()


def _encode(codec, samples):
    table = _DECODE[codec]
    order = np.argsort(table)
    at = np.clip(np.searchsorted(table[order], samples), 1, 255)
    low, high = order[at - 1], order[at]
    nearer = np.abs(table[low] - samples) <= np.abs(table[high] - samples)
    return np.where(nearer, low, high).astype(np.uint8).tobytes()


class Phone:
    """One phone with one call at a time. hz: the tone that it sends once it knows where to."""

    def __init__(self, case, server, name, hz=440, t1=0.5):
        self.case, self.server, self.name, self.hz, self.t1 = case, server, name, hz, t1
        self.address, self.host = server.address, server.host
        self.sip = socket.socket(server.family, socket.SOCK_DGRAM)
        self.sip.bind((self.address, 0))
        self.own = self.sip.getsockname()[1]
        self.to = (self.address, server.sip_port)
        self.codec, self.remote, self.sending = "pcmu", None, True
        self.received = []  # (time, payload type, payload)
        self._queue = []
        self.media = None
        self.open_media()
        self.new_dialog()
        self._running = True
        self._thread = threading.Thread(target=self._stream, daemon=True)
        self._thread.start()
        case.cleanup(self.close)

    def open_media(self):
        """Sound at another port than before."""
        self.port = self.server.ports.take(2)
        media = socket.socket(self.server.family, socket.SOCK_DGRAM)
        media.bind((self.address, self.port))
        media.setblocking(False)
        self.media, old = media, self.media
        if old:
            old.close()

    def close(self):
        """Silence, without a word."""
        self._running = False
        self._thread.join(1)
        self.sip.close()
        self.media.close()

    # ---- sound ----

    def _stream(self):
        tables = {c: [_encode(c, 6000 * np.sin(2 * np.pi * self.hz / 8000 *
                                               (np.arange(160) + 160 * i))) for i in range(50)]
                  for c in CODECS}
        seq, ts, ssrc, n = random.getrandbits(15), random.getrandbits(31), random.getrandbits(32), 0
        due = time.monotonic()
        while self._running:
            due += 0.02
            if self.remote and self.sending:
                head = struct.pack("!BBHII", 0x80, CODECS[self.codec][0], seq & 0xffff,
                                   ts & 0xffffffff, ssrc)
                try:
                    self.media.sendto(head + tables[self.codec][n % 50], self.remote)
                except OSError:
                    pass
            seq, ts, n = seq + 1, ts + 160, n + 1
            self._receive(max(0, due - time.monotonic()))

    def _receive(self, seconds):
        end = time.monotonic() + seconds
        while True:
            media = self.media
            try:
                ready = select.select([media], [], [], max(0, end - time.monotonic()))[0]
                if not ready:
                    return
                data = media.recv(4096)
            except (OSError, ValueError):
                continue
            head = 12 + 4 * (data[0] & 15)  # the mixer lists who is in the sound
            if len(data) > head:
                self.received.append((time.monotonic(), data[1] & 0x7f, data[head:]))

    def heard_db(self, hz, since, until=None):
        """The level of a tone in what came between these times; -99 when nothing did."""
        until = until or time.monotonic()
        names = {number: name for name, (number, _) in CODECS.items()}
        parts = [_DECODE[names[pt]][np.frombuffer(data, np.uint8)] for at, pt, data in
                 list(self.received) if since <= at <= until and pt in names]
        if not parts:
            return -99.0
        samples = np.concatenate(parts) / 32768
        if len(samples) < 1600:
            return -99.0
        # Of 48 kHz, as the measurements have it: each sample six times does not move the tone.
        return float(measure.tones_db(np.repeat(samples, 6), [hz])[0])

    def hears(self, other, seconds=1.0, settle=0.6):
        """Whether it hears the other phone from now on, after some time to settle."""
        time.sleep(settle)
        since = time.monotonic()
        time.sleep(seconds)
        return self.heard_db(other.hz, since) > -35

    # ---- descriptions ----

    def sdp(self, direction="sendrecv", version=None, lines=None, address=None):
        """One sound line at the phone's port, or these lines."""
        number, name = CODECS[self.codec]
        self.version = version or self.version + 1
        lines = lines or [f"m=audio {self.port} RTP/AVP {number}", f"a=rtpmap:{number} {name}/8000",
                          f"a={direction}"]
        kind = "IP6" if ":" in self.address else "IP4"
        return "\r\n".join([f"v=0\r\no=phone 7 {self.version} IN {kind} {self.address}", "s=-",
                            f"c=IN {kind} {address or self.address}", "t=0 0", *lines, ""])

    def take_media(self, message):
        """Sends to where the first sound line of this body says."""
        found = re.search(r"m=audio (\d+)", message.body)
        port = int(found.group(1)) if found else 0
        self.remote = (self.address, port) if port else None

    # ---- messages ----

    def new_dialog(self):
        """What is sent from now on belongs to another call."""
        self.call_id = f"{self.name}-{uuid.uuid4().hex[:12]}"
        self.tag, self.their_tag = uuid.uuid4().hex[:8], ""
        self.cseq, self.version, self.target, self.theirs = 0, 0, None, None
        self.branch = ""
        self.remote = None

    def contact(self):
        """Its Contact header."""
        return f"Contact: <sip:{self.name}@{self.host}:{self.own}>"

    def send(self, method, room="room", headers=(), body="", kind="application/sdp", cseq=None,
             contact=None):
        """A request, within the dialog where there is one. ACK and CANCEL take the last number."""
        if method not in ("ACK", "CANCEL"):
            self.cseq = cseq or self.cseq + 1
        if method != "CANCEL":
            self.branch = "z9hG4bK" + uuid.uuid4().hex[:16]
        uri = self.target or self.server.uri(room)
        to = self.theirs or f"<{self.server.uri(room)}>"
        allow = [] if any(h.startswith("Allow:") for h in headers) else ["Allow: " + ALLOW]
        text = "\r\n".join([
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.own};branch={self.branch}",
            f"From: \"{self.name}\" <sip:{self.name}@{self.host}:{self.own}>;tag={self.tag}",
            f"To: {to}{';tag=' + self.their_tag if self.their_tag else ''}",
            f"Call-ID: {self.call_id}", f"CSeq: {cseq or self.cseq} {method}",
            contact or self.contact(),
            *([] if any(h.startswith("Max-Forwards") for h in headers) else ["Max-Forwards: 70"]),
            *allow, *headers, *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}", "", body])
        self.last = text
        self.sip.sendto(text.encode(), self.to)
        return self.cseq

    def answer(self, request, status, headers=(), body=""):
        """Answers a request: "200 OK"."""
        copied = [f"{n}:{v}" for n, v in request.headers
                  if n.lower() in ("via", "from", "call-id", "cseq", "record-route")]
        to = request.get("To")
        text = "\r\n".join([f"SIP/2.0 {status}", *copied,
                            f"To: {to}{'' if 'tag=' in to else ';tag=' + self.tag}",
                            self.contact(), *headers,
                            *([] if any(h.startswith("Allow:") for h in headers)
                              else ["Allow: " + ALLOW]),
                            *(["Content-Type: application/sdp"] if body else []),
                            f"Content-Length: {len(body)}", "", body])
        self.sip.sendto(text.encode(), self.to)

    def next(self, wanted, seconds=3.0, fail=True):
        """The next message for which wanted(message) holds; others wait. None came: None, or it
        fails."""
        end = time.monotonic() + seconds
        while True:
            for i, message in enumerate(self._queue):
                if wanted(message):
                    return self._queue.pop(i)
            if not select.select([self.sip], [], [], max(0, end - time.monotonic()))[0]:
                if fail:
                    have = "; ".join(m.first for m in self._queue)
                    raise Failure(f"{self.name} waits {seconds} s for nothing (has: {have})")
                return None
            self._queue.append(Message(self.sip.recv(65536).decode(errors="replace")))

    def request(self, method, seconds=3.0, fail=True):
        """The next request of this method; each once, however often it is sent again."""
        seen = self.__dict__.setdefault("_seen", set())

        def wanted(m):
            return m.first.startswith(method + " ") and (method, m.get("Via")) not in seen
        message = self.next(wanted, seconds, fail)
        if message:
            seen.add((method, message.get("Via")))
        return message

    def response(self, cseq=None, seconds=3.0, provisional=False, fail=True):
        """The final answer to a request of this number (the last one)."""
        number = str(cseq or self.cseq)
        return self.next(lambda m: m.status >= (101 if provisional else 200) and
                         m.get("CSeq").split()[0] == number, seconds, fail)

    def ask(self, method, headers=(), body="", **options):
        """A request within the dialog and its final answer; a 2xx to INVITE is acknowledged."""
        cseq = self.send(method, headers=headers, body=body, **options)
        answer = self.response(cseq)
        if method == "INVITE":
            self.acknowledge(answer)
        elif method == "UPDATE" and answer.status == 200 and answer.body:
            self.take_media(answer)
        return answer

    def acknowledge(self, answer, body=""):
        """ACK to a final answer; of a 2xx the dialog and the media are taken."""
        if answer.status < 300:
            self.their_tag = answer.get("To").split("tag=")[-1]
            self.theirs = answer.get("To").split(";tag=")[0]
            self.target = re.search(r"<([^>]*)>", answer.get("Contact")).group(1)
            if answer.body:
                self.take_media(answer)
            self.send("ACK", body=body)
            return
        branch, tag = self.branch, self.their_tag
        self.their_tag = answer.get("To").split("tag=")[-1]
        first, rest = self.last.split("\r\n", 1)
        text = self.last.replace("INVITE ", "ACK ", 1).replace(" INVITE\r\n", " ACK\r\n", 1)
        text = re.sub(r"(?m)^To: .*$", "To: " + answer.get("To"), text.split("\r\n\r\n")[0])
        text = re.sub(r"(?m)^Content-(Type|Length):.*\r\n", "", text + "\r\n")
        self.sip.sendto((text.rstrip() + "\r\nContent-Length: 0\r\n\r\n").encode(), self.to)
        self.branch, self.their_tag = branch, tag

    def call(self, room="room", headers=(), body=None, seconds=3.0):
        """Calls a room; the answer."""
        cseq = self.send("INVITE", room, headers, self.sdp() if body is None else body)
        answer = self.response(cseq, seconds)
        self.acknowledge(answer)
        return answer

    def called(self, invite, body=None, headers=()):
        """Answers a call of the server's with 200; from now on it is this phone's dialog."""
        self.new_dialog()
        self.ring(invite)
        self.take_media(invite)
        self.answer(invite, "200 OK", headers, self.sdp() if body is None else body)
        return self.request("ACK")

    def ring(self, invite):
        """Takes the dialog of an INVITE."""
        self.call_id = invite.get("Call-ID")
        self.theirs, _, tag = invite.get("From").partition(";tag=")
        self.their_tag = tag
        self.target = re.search(r"<([^>]*)>", invite.get("Contact")).group(1)

    def bye(self):
        """Hangs up."""
        return self.ask("BYE")


def version_of(message):
    """The version in the o= line of a message's body."""
    return int(re.search(r"(?m)^o=\S+ \d+ (\d+) ", message.body).group(1))
