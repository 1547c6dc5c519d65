"""Mutated SIP, SDP, RTP and RTCP by a seed, RTP and RTCP in the clear and sealed with the right
keys (SDES, DTLS), during a call of two others: the server is alive after them, answers at once,
their sound has no gap, and memory stays where it was. As many as fit a minute; --full: 100 000 of
each; --only=KIND,KIND: some kinds. Packets come from a caller's own address, so that they get as far as can be."""
import random
import re
import sys
import time

from lib import case, control, mutate, peer, rawcall, sealcall
from lib.server import Server

FULL = "--full" in sys.argv
sys.argv = [a for a in sys.argv if a != "--full"]
SEED = int(next((a.split("=")[1] for a in sys.argv if a.startswith("--seed=")), 1))
sys.argv = [a for a in sys.argv if not a.startswith("--seed=")]
A_SECOND = {"sip": 1000, "sdp": 500, "rtp": 3000, "rtcp": 3000}  # the machine is shared
SECONDS_EACH = 6
HZ, DBFS, GAP_MS, ANSWER_MS = 613, -20, 20, 50
GROWTH_KB = 64 * 1024  # since the first packets: PLI without end brings a repair rendition, one encoder of 720p
BOUND_KB = 160 * 1024  # once the picture decoders have seen the largest pictures that are taken
_REPORTER = 0x51000000  # SSRCs of the reports that keep calls
KINDS = ("sip", "sdp", "rtp", "rtcp", "sdes rtp", "sdes rtcp", "dtls rtp", "dtls rtcp")
ONLY = next((a.split("=")[1] for a in sys.argv if a.startswith("--only=")), "")
sys.argv = [a for a in sys.argv if not a.startswith("--only=")]
KINDS = tuple(k for k in KINDS if not ONLY or k in ONLY.split(","))


def count(kind):
    """How many mutations of a kind."""
    return 100000 if FULL else A_SECOND[kind.split()[-1]] * SECONDS_EACH


class Attack:
    """Sends at a steady rate and reads what comes back."""

    def __init__(self, c, server):
        self.rng = random.Random(SEED)
        self.server = server
        self.to = ("127.0.0.1", server.sip_port)
        self.sip = rawcall.bind()
        self.own = self.sip.getsockname()[1]
        self.calls = {"": rawcall.RawCall(c, server, "attacked", video=True),
                      "sdes": sealcall.SealedCall(c, server, "attacked", "sdes"),
                      "dtls": sealcall.SealedCall(c, server, "attacked", "dtls")}
        self.messages = mutate.sip_messages(self.own, server.uri("mutant"))
        self.theirs = {0: bytes(4), 2: bytes(4)}  # SSRCs of the server, for reports and repeats
        self.statuses = {}
        self.spoilt = self.forged = self.sealed = 0  # sealed: with what SRTP itself must let through
        self.sent, self.start, self.rate, self.reports, self.epoch = 0, 0.0, 0, 0, 0

    def run(self, kind):
        """All mutations of a kind."""
        key, _, what = kind.rpartition(" ")
        self.start, self.sent, self.rate = time.monotonic(), 0, A_SECOND[what]
        make = getattr(self, "_" + what)
        for i in range(count(kind)):
            make(i, self.calls[key])
            self.pace()
        time.sleep(0.3)
        self.read()

    def pace(self):
        """Waits until the next packet is due; answers are read meanwhile."""
        self.sent += 1
        if self.sent % 20:
            return
        if self.sent % self.rate == 0:
            self.keep_alive()
        self.read()
        time.sleep(max(0, self.start + self.sent / self.rate - time.monotonic()))

    def keep_alive(self):
        """A good report on each line of each call, or those not attacked now would be ended; those that
        mutated SDP began and whose BYE was lost are ended so. Always of a new source: one that was
        mutated may have another SRTCP index at the server by now, and then is a replay for good."""
        self.reports += 1
        report = bytearray(mutate.RTCP[1])
        report[4:8] = (_REPORTER + self.reports).to_bytes(4, "big")
        for call in self.calls.values():
            for line in (1, 3):
                self.deliver(bytes(report), line, call)

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
                if status >= "200" and re.search(r"(?im)^CSeq:.*INVITE", text):
                    self.finish(text, status)
        except BlockingIOError:
            pass
        finally:
            self.sip.setblocking(True)
        for call in self.calls.values():
            for line in range(4):
                for packet in call.received(line)[-1:]:
                    if line % 2 == 0 and len(packet) > 12 and packet[0] >> 6 == 2:
                        self.theirs[line] = packet[8:12]

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

    def _sip(self, i, call):
        message = self.rng.choice(self.messages).replace(
            b"Call-ID: ", b"Call-ID: %x" % self.rng.getrandbits(40), 1).replace(
            b"branch=", b"branch=z9hG4bK%x" % self.rng.getrandbits(40), 1)
        self.sip.sendto(mutate.spoil(self.rng, message), self.to)

    def _sdp(self, i, call):
        body = mutate.spoil(self.rng, mutate.SDP.encode()).decode("latin1")
        room = f"mutant{self.rng.randrange(20)}"
        text = rawcall.request("INVITE", self.server.uri(room), self.own, body=body)
        self.sip.sendto(text.encode("latin1"), self.to)

    def _rtp(self, i, call):
        line = self.rng.choice((0, 2))
        packet = mutate.rtp_packet(self.rng, i, line == 2, self.source(i, 0x77 + line))
        spoilt = mutate.spoil(self.rng, packet)
        self.deliver(spoilt, line, call)
        ahead = int.from_bytes(spoilt[2:4], "big") - i & 0xffff
        if spoilt[8:12] == packet[8:12] and 100 < ahead < 0xff00:
            self.epoch += 1

    def _rtcp(self, i, call):
        line = self.rng.choice((1, 3))
        packet = mutate.rtcp_packet(self.rng, self.theirs[line - 1])
        packet = packet[:4] + self.source(i, 0x77).to_bytes(4, "big") + packet[8:]
        spoilt = mutate.spoil(self.rng, packet)
        self.deliver(spoilt, line, call)
        self.epoch += spoilt[:8] != packet[:8]

    def source(self, i, first):
        """The SSRC to send with. A sequence number that jumps takes the rollover counters of both sides
        apart, and a source that one side has forgotten its SRTCP index: what is sealed after that is
        refused as replayed. A new source after a jump, and now and then, brings them together."""
        self.epoch += i % 100 == 0
        return first + (self.epoch << 8)

    def deliver(self, packet, line, call):
        """As it is, or sealed; of the sealed every eighth is spoilt once more, behind the seal."""
        if not isinstance(call, sealcall.SealedCall):
            call.rtp(packet, line)
            return
        sealed = call.seal(packet, line)
        if sealed is None:  # SRTP takes nothing of the kind: it goes as it is
            self.forged += 1
            call.rtp(packet, line)
            return
        self.sealed += 1
        call.rtp(sealed, line)
        if self.rng.randrange(8) == 0:
            self.spoilt += 1
            call.rtp(mutate.spoil(self.rng, sealed), line)


def rss_kb(server):
    """Memory that the server holds."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def answer_ms(server):
    """How long OPTIONS takes; the best of some, since the machine is not ours alone."""
    times = []
    for _ in range(4):
        start = time.monotonic()
        answer = server.options(2)
        times.append((time.monotonic() - start) * 1000 if answer else 9999)
    return min(times)


def bystanders(c, server, seconds):
    """Two that talk meanwhile; returns the one that listens."""
    peer.Peer(c, server, "quiet", "talker", "--tone", f"{HZ}:{DBFS}", "--video", "none",
              seconds=seconds + 8)
    peer.joined(c, server, "quiet", 1)
    judge = peer.Peer(c, server, "quiet", "judge", "--silent", "--video", "none", "--probe", HZ,
                      "--steady", 2.5, seconds=seconds)
    peer.joined(c, server, "quiet", 2)
    return judge


def judge_arrival(c, server, kind, calls):
    """Nothing was mutated in vain: the attacked calls are still there, and their packets came from where
    the server takes them."""
    there = len(server.participants("attacked"))
    foreign = server.metrics()["tessera_rtp_packets_foreign_total"]
    c.check(there == calls and foreign == 0,
            f"{kind}: {there} of {calls} attacked calls are there, {foreign:.0f} packets of strangers")


def judge_seals(c, server, attack):
    """Nearly all that was sealed well got through to the parsers, and nothing else. Counted at a call's
    end."""
    for call in attack.calls.values():
        call.send("BYE", 2)
        call.final()
        call.up = False
    c.wait_for(lambda: not server.conference("attacked"), 5, "the attacked have left")
    m = server.metrics()
    replayed, bad = (m[f"tessera_srtp_packets_{name}_total"] for name in ("replayed", "unauthentic"))
    refused = bad + replayed - attack.spoilt - attack.forged
    c.check(-0.2 * attack.spoilt <= refused + attack.forged and refused <= 0.05 * attack.sealed and
            attack.forged <= 0.3 * attack.sealed,
            f"{attack.sealed} sealed well, {max(0, refused):.0f} of them refused; {attack.spoilt} spoilt "
            f"behind the seal, {attack.forged} without one; {bad:.0f} not authentic, "
            f"{replayed:.0f} replayed")


def judge_memory(c, server, memory):
    """What the calls needed is given back when they are gone (those that nobody acknowledged after
    32 s, RFC 3261), and packets have taken nothing."""
    c.wait_for(lambda: len(server.api("conferences")["conferences"]) <= 2, 45, "calls are gone")
    time.sleep(6)
    memory["end"] = rss_kb(server)
    c.check(memory["end"] - memory["before"] < BOUND_KB and
            memory.get("dtls rtcp", 0) - memory.get("sdes rtp", 0) < GROWTH_KB, f"memory after each: {memory} kB")


def test(c):
    seconds = sum(count(kind) / A_SECOND[kind.split()[-1]] for kind in KINDS) * 1.15 + 12
    server = Server(c, "limits.calls_per_s=2000", "limits.calls_per_source_s=0",
                    "limits.leg_timeout_s=10", "listen.rtp_first=33000",
                    "listen.rtp_last=59999")  # ports rest after a call
    attack = Attack(c, server)
    judge, beside = bystanders(c, server, seconds), control.Control(c)
    for call in attack.calls.values():
        call.invite()
    time.sleep(2)
    memory = {"before": rss_kb(server)}
    for kind in KINDS:
        attack.run(kind)
        if server.process.child.poll() is not None:
            raise case.Failure(f"{kind}: the server ended, status {server.process.child.poll()}")
        took, memory[kind] = answer_ms(server), rss_kb(server)
        c.check(took < ANSWER_MS, f"{kind}: {count(kind)} mutations in "
                f"{time.monotonic() - attack.start:.0f} s, OPTIONS answered in {took:.1f} ms, "
                f"{memory[kind]} kB")
        judge_arrival(c, server, kind, len(attack.calls))
    c.say(f"answers: {attack.statuses}")
    judge_seals(c, server, attack)
    result = judge.result(seconds + 20)
    control.judge_sound(c, result, HZ, beside.allowed_ms(GAP_MS))
    level = peer.probe(result, HZ)["dbfs"]
    c.check(abs(level - DBFS) < 1, f"and its level {level} dBFS")
    judge_memory(c, server, memory)
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=())
