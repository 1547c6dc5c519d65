"""Mutated SIP, SDP, RTP and RTCP, some thousands of each by a seed, during a call of two
others: the server is alive after them, answers at once, their sound has no gap, and memory
stays where it was. --full: 100 000 of each. The mutations of RTP and RTCP come from a caller's
own address, so that they get as far as can be."""
import random
import re
import struct
import sys
import time

from lib import case, peer, rawcall
from lib.mutate import spoil
from lib.server import Server

FULL = "--full" in sys.argv
sys.argv = [a for a in sys.argv if a != "--full"]
SEED = int(next((a.split("=")[1] for a in sys.argv if a.startswith("--seed=")), 1))
sys.argv = [a for a in sys.argv if not a.startswith("--seed=")]
COUNT = 100000 if FULL else 3000
A_SECOND = 1000 if FULL else 1500   # the bystanders' processor time is not under test
HZ, DBFS, GAP_MS, ANSWER_MS, GROWTH_KB = 613, -20, 20, 50, 24 * 1024


def sip_messages(own, uri):
    """Good ones of several kinds to begin with."""
    invite = rawcall.request("INVITE", uri, own, body=rawcall.offer(9000, 9002))
    refer = rawcall.request("REFER", uri, own, extra="Refer-To: <sip:a@127.0.0.1>\r\n")
    return [m.encode() for m in (
        invite, refer, *(rawcall.request(method, uri, own) for method in
                         ("OPTIONS", "BYE", "CANCEL", "ACK", "INFO", "UPDATE", "REGISTER",
                          "SUBSCRIBE", "PRACK", "MESSAGE")),
        rawcall.request("INVITE", uri, own, extra="Session-Expires: 90;refresher=uac\r\n"
                        "Supported: timer,100rel,replaces\r\nReplaces: a;to-tag=b;from-tag=c\r\n"
                        "Record-Route: <sip:127.0.0.1;lr>, <sip:a@127.0.0.2;lr>\r\n"
                        "Allow: INVITE, INFO\r\nUser-Agent: mutant\r\n"),
        "SIP/2.0 200 OK" + invite[invite.index("\r\n"):],
        "SIP/2.0 401 No" + invite[invite.index("\r\n"):])]


SDP = rawcall.offer(9000, 9002) + (
    "a=fmtp:98 max-fr=30;max-fs=3600\r\nm=video 9010 RTP/AVPF 97\r\nb=TIAS:500000\r\n"
    "a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1;"
    "sprop-parameter-sets=Z0LAHtkA2D3m4QAAAwABAAADADwPFi5I,aMuMsg==\r\n"
    "a=rtcp:9011 IN IP4 127.0.0.1\r\na=rtcp-fb:* ccm fir\r\na=extmap:1 urn:x\r\n"
    "a=content:slides\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
    "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
    "m=application 9 UDP/BFCP *\r\na=ptime:20\r\n"
    "m=audio 9020 RTP/AVP 111 101\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=fmtp:111 useinbandfec=1;usedtx=1\r\n"
    "a=rtpmap:101 telephone-event/48000\r\na=fmtp:101 0-15\r\n")


class Attack:
    """Sends at a steady rate and reads what comes back."""

    def __init__(self, c, server):
        self.rng = random.Random(SEED)
        self.server = server
        self.to = ("127.0.0.1", server.sip_port)
        self.sip = rawcall.bind()
        self.own = self.sip.getsockname()[1]
        self.call = rawcall.RawCall(c, server, "attacked", video=True)
        self.statuses = {}
        self.sent = 0
        self.start = 0.0

    def pace(self):
        """Waits until the next packet is due; answers are read meanwhile."""
        self.sent += 1
        if self.sent % 20 == 0:
            self.read()
            time.sleep(max(0, self.start + self.sent / A_SECOND - time.monotonic()))

    def read(self):
        """Counts answers; a call that was answered is acknowledged and ended."""
        self.sip.setblocking(False)
        try:
            while True:
                text = self.sip.recv(65536).decode("latin1")
                status = text[8:11]
                if not text.startswith("SIP/2.0"):
                    continue
                self.statuses[status] = self.statuses.get(status, 0) + 1
                if status >= "200" and "INVITE" in text:
                    self.finish(text, status)
        except BlockingIOError:
            pass
        finally:
            self.sip.setblocking(True)
        for line in range(4):
            self.call.received(line)

    def finish(self, text, status):
        """ACK and, for a call that stands, BYE."""
        head = {k: re.search(rf"(?im)^{k}:[ \t]*(.*?)\r?$", text) for k in
                ("From", "To", "Call-ID", "CSeq", "Via", "Contact")}
        if not all(head[k] for k in ("From", "To", "Call-ID", "CSeq", "Via")):
            return
        number = head["CSeq"].group(1).split()[0]
        branch = re.search(r"branch=([^;,\s]*)", head["Via"].group(1))
        branch = branch.group(1) if branch else "z9hG4bKx"
        for method, step, tail in (("ACK", 0, "" if status >= "300" else "a"), ("BYE", 1, "b")):
            if method == "BYE" and status >= "300":
                continue
            if not number.isdigit():
                continue
            text = (f"{method} sip:x@127.0.0.1:{self.to[1]} SIP/2.0\r\n"
                    f"Via: SIP/2.0/UDP 127.0.0.1:{self.own};branch={branch}{tail}\r\n"
                    + "".join(f"{k}: {head[k].group(1)}\r\n" for k in ("From", "To", "Call-ID"))
                    + f"CSeq: {int(number) + step} {method}\r\nMax-Forwards: 70\r\n"
                    "Content-Length: 0\r\n\r\n")
            self.sip.sendto(text.encode("latin1"), self.to)

    def run_sip(self):
        seeds = sip_messages(self.own, self.server.uri("mutant"))
        for _ in range(COUNT):
            message = self.rng.choice(seeds).replace(
                b"Call-ID: ", b"Call-ID: %x" % self.rng.getrandbits(40), 1).replace(
                b"branch=", b"branch=z9hG4bK%x" % self.rng.getrandbits(40), 1)
            self.sip.sendto(spoil(self.rng, message), self.to)
            self.pace()

    def run_sdp(self):
        for _ in range(COUNT):
            body = spoil(self.rng, SDP.encode()).decode("latin1")
            room = f"mutant{self.rng.randrange(20)}"
            text = rawcall.request("INVITE", self.server.uri(room), self.own, body=body)
            self.sip.sendto(text.encode("latin1"), self.to)
            self.pace()

    def run_rtp(self):
        vp8 = bytes((0x90, 0x80, 0x01, 0x30, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00))
        for i in range(COUNT):
            line = self.rng.choice((0, 2))
            payload = rawcall.PCMU_SILENCE if line == 0 else vp8 + self.rng.randbytes(200)
            packet = rawcall.rtp(i, i * (160 if line == 0 else 3000), 0x77 + line, payload,
                                 0 if line == 0 else 98, line == 2)
            self.call.rtp(spoil(self.rng, packet), line)
            self.pace()

    def run_rtcp(self):
        theirs = 0x55
        pieces = [
            struct.pack("!BBHIQIII", 0x80, 200, 6, 0x77, time.time_ns(), 1, 2, 3),
            struct.pack("!BBHIIIIIII", 0x81, 201, 7, 0x77, theirs, 1, 2, 3, 4, 5),
            struct.pack("!BBHI", 0x81, 202, 3, 0x77) + b"\x01\x03abc\0\0\0",
            struct.pack("!BBHI", 0x81, 203, 1, 0x78),
            struct.pack("!BBHII", 0x81, 206, 2, 0x77, theirs),
            struct.pack("!BBHIIII", 0x84, 206, 4, 0x77, 0, theirs, 7 << 24),
            struct.pack("!BBHIIII", 0x83, 205, 4, 0x77, 0, theirs, 0xffffffff),
            struct.pack("!BBHI", 0x80, 204, 2, 0x77) + b"name",
            struct.pack("!BBHI", 0x80, 207, 1, 1)]
        for _ in range(COUNT):
            first = self.rng.choice(pieces[:2])
            packet = first + b"".join(self.rng.choices(pieces, k=self.rng.randrange(4)))
            self.call.rtp(spoil(self.rng, packet), self.rng.choice((1, 3)))
            self.pace()


def rss_kb(server):
    """Memory that the server holds."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def answer_ms(server):
    """How long OPTIONS takes; the better of two, since the machine is not ours alone."""
    times = []
    for _ in range(2):
        start = time.monotonic()
        answer = server.options(2)
        times.append((time.monotonic() - start) * 1000 if answer else 9999)
    return min(times)


def test(c):
    seconds = COUNT * 4 / A_SECOND + (60 if FULL else 16)
    server = Server(c, "limits.calls_per_s=2000", "limits.leg_timeout_s=10",
                    "listen.rtp_first=33000", "listen.rtp_last=59999")  # ports rest after a call
    attack = Attack(c, server)
    peer.Peer(c, server, "quiet", "talker", "--tone", f"{HZ}:{DBFS}", "--video", "none",
              seconds=seconds + 8)
    peer.joined(c, server, "quiet", 1)
    judge = peer.Peer(c, server, "quiet", "judge", "--silent", "--video", "none", "--probe", HZ,
                      "--steady", 2.5, seconds=seconds)
    peer.joined(c, server, "quiet", 2)
    attack.call.invite()
    memory = {}
    for name in ("sip", "sdp", "rtp", "rtcp"):
        attack.start, attack.sent = time.monotonic(), 0
        getattr(attack, "run_" + name)()
        time.sleep(0.3)
        attack.read()
        took, memory[name] = answer_ms(server), rss_kb(server)
        c.check(took < ANSWER_MS, f"{name}: {COUNT} mutations sent, OPTIONS answered in "
                f"{took:.1f} ms, {memory[name]} kB; answers so far {attack.statuses}")
    result = judge.result(seconds + 20)
    audio, tone = result["audio"], peer.probe(result, HZ)
    c.check(audio["gaps_rtp"]["max_ms"] <= GAP_MS and audio["lost"] == 0 and
            tone["hole_max_ms"] <= GAP_MS, "the bystanders' sound is complete, its longest hole "
            f"{tone['hole_max_ms']} ms; late by {audio['gaps_arrival']['max_ms']} ms at most")
    c.check(abs(tone["dbfs"] - DBFS) < 1, f"and its level {tone['dbfs']} dBFS")
    c.check(memory["rtcp"] - memory["sdp"] < GROWTH_KB and server.process.child.poll() is None,
            f"memory after each kind: {memory} kB")
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=())
