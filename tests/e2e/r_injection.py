"""RTP and RTCP that nobody negotiated: packets from a foreign address before and during a call are
neither heard nor answered, nor is a BYE from there believed. From the right address a second source
replaces the first only as a source that stays would, and a BYE that names another does nothing."""
import random
import socket
import threading
import time

from lib import case, media, peer, rawcall
from lib.server import Server

HZ, DBFS, FOREIGN_HZ = 613, -20, 1130
SECONDS = 20


def ulaw(hz, count):
    """Packets of a loud tone in PCMU: a square wave does."""
    half = 8000 / hz / 2
    samples = bytes(0x90 if int(i / half) % 2 else 0x10 for i in range(160 * count))
    return [samples[i * 160:(i + 1) * 160] for i in range(count)]


class Sender:
    """Sends a tone as one source, 50 packets a second, from any socket."""

    def __init__(self, s, to, ssrc, hz=FOREIGN_HZ, seconds=3.0):
        self.packets = ulaw(hz, 50)
        self.socket, self.to, self.ssrc = s, to, ssrc
        self.left = int(seconds * 50)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        start, seq = time.monotonic(), random.getrandbits(16)
        for i in range(self.left):
            packet = rawcall.rtp(seq + i, i * 160, self.ssrc, self.packets[i % 50])
            try:
                self.socket.sendto(packet, self.to)
            except OSError:
                return
            time.sleep(max(0, start + (i + 1) * 0.02 - time.monotonic()))


def ports_of(server):
    """Where legs receive, found as an attacker would: by trying."""
    return range(server.rtp_first, server.rtp_first + 40)


def test(c):
    server = Server(c)
    stranger = rawcall.bind(0, "127.0.0.1")
    elsewhere = rawcall.bind(0, "127.0.0.66")
    # Before the call: ports that will be his are sprayed already.
    spray = [rawcall.rtp(i, i * 160, 0xbad, ulaw(FOREIGN_HZ, 1)[0]) for i in range(50)]

    def shower(bye=False):
        for port in ports_of(server):
            for s in (stranger, elsewhere):
                try:
                    for packet in spray[:10]:
                        s.sendto(packet, ("127.0.0.1", port))
                    if bye:
                        s.sendto(rawcall.rtcp_bye(bye), ("127.0.0.1", port))
                except OSError:
                    pass  # a refused port's echo

    shower()
    peer.Peer(c, server, "inject", "good", "--tone", f"{HZ}:{DBFS}", "--size", "320x180@10",
              number=1, seconds=SECONDS + 8)
    peer.joined(c, server, "inject", 1)
    raw = rawcall.RawCall(c, server, "inject")
    raw.invite()
    peer.joined(c, server, "inject", 2)
    judge = peer.Peer(c, server, "inject", "judge", "--silent", "--video", "none", "--probe",
                      f"{HZ},{FOREIGN_HZ}", "--steady", 2.5, seconds=SECONDS)
    peer.joined(c, server, "inject", 3)
    time.sleep(2.5)

    # A foreign source as steady as a caller, to the raw call's own port and the good one's.
    before = {p["name"]: p for p in server.participants("inject")}
    if c.options.set:  # media.nat=latch: his first packet settles where he is
        raw.rtp(rawcall.rtp(1, 160, 0x1001))
        raw.rtp(rawcall.rtcp_bye(0x1002), 1)
        time.sleep(0.3)
    senders = [Sender(s, ("127.0.0.1", raw.theirs[0]), 0xbad, seconds=4)
               for s in (stranger, elsewhere)]
    good_ssrc = before["good"]["lines"][0]["ssrc_in"]
    end = time.monotonic() + 4
    while time.monotonic() < end:
        shower(bye=good_ssrc)
        time.sleep(0.1)
    for s in senders:
        s.thread.join()
    after = {p["name"]: p for p in server.participants("inject")}
    c.check(after["raw"]["lines"][0]["packets_in"] == (1 if c.options.set else 0),
            "nothing of the foreign source was taken for the raw caller's")
    for s, name in ((stranger, "at his address"), (elsewhere, "elsewhere")):
        s.settimeout(0.2)
        try:
            answer = s.recv(4096)
        except (socket.timeout, ConnectionError):
            answer = b""
        c.check(not answer, f"the stranger {name} was answered nothing")
    c.check(after["good"]["lines"][0]["ssrc_in"] == good_ssrc, "the good one's source is his own")

    # From the right address: one source, then single packets of others, BYE of others.
    own = Sender(raw.media[0], ("127.0.0.1", raw.theirs[0]), 0x1001, hz=FOREIGN_HZ * 2, seconds=6)
    time.sleep(1)
    for i in range(100):
        raw.rtp(rawcall.rtp(i * 331, i * 7919, random.getrandbits(32)))
        raw.rtp(rawcall.rtcp_bye(random.getrandbits(32)), 1)
        time.sleep(0.02)
    info = next(p for p in server.participants("inject") if p["name"] == "raw")
    c.check(info["lines"][0]["ssrc_in"] == 0x1001, "single packets of other sources replace none")
    own.thread.join()
    second = Sender(raw.media[0], ("127.0.0.1", raw.theirs[0]), 0x2002, FOREIGN_HZ * 2, 1)
    second.thread.join()
    info = next(p for p in server.participants("inject") if p["name"] == "raw")
    c.check(info["lines"][0]["ssrc_in"] == 0x2002, "a new source that stays is taken")

    result = judge.result()
    tone, foreign = peer.probe(result, HZ), peer.probe(result, FOREIGN_HZ)
    c.check(abs(tone["dbfs"] - DBFS) < 1 and tone["hole_max_ms"] <= 20,
            f"the good one is heard all the time: {tone['dbfs']} dBFS, {tone['hole_max_ms']} ms")
    # It was sent at -3 dBFS; what the loud onset of the raw caller's own tone leaves there is -45.
    c.check(foreign["max_dbfs"] < -35, f"the foreign tone is not: {foreign['max_dbfs']} dBFS")
    c.check(result["audio"]["gaps_rtp"]["count"] == 0, "the sound is complete")
    c.check(len(server.participants("inject")) == 2, "nobody was thrown out")


case.main(test, clients=())
