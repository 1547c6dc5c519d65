"""A flood of SIP requests of eight methods from one address beside a call: the call's sound
keeps every packet, memory has a bound, and as soon as the flood ends others are answered at
once. --full: a minute of it, without a pause."""
import random
import re
import subprocess
import sys
import time

from lib import case, control, peer, rawcall
from lib.server import Server

FULL = "--full" in sys.argv
sys.argv = [a for a in sys.argv if a != "--full"]
FLOOD_S = 60 if FULL else 8
HZ, DBFS, SECONDS = 613, -20, FLOOD_S + 12
METHODS = ("OPTIONS", "INVITE", "BYE", "CANCEL", "REGISTER", "INFO", "SUBSCRIBE", "MESSAGE")
# 1000 requests a second are read of one source, and remembered for 32 s with 5 to 10 kB each.
ANSWER_MS, MEMORY_KB = 50, (400 if FULL else 200) * 1024


def flood(port, room_uri):
    """What the child does: as many requests as it can send."""
    s = rawcall.bind(0, "127.0.0.77")
    own = s.getsockname()[1]
    texts = [rawcall.request(m, room_uri, own, to_tag="" if i % 2 else "x", call_id="CALLID",
                             branch="z9hG4bKBRANCH",
                             body=rawcall.offer(9000) if m == "INVITE" else "").encode()
             for m in METHODS for i in range(2)]
    end, sent = time.monotonic() + FLOOD_S, 0
    s.setblocking(False)
    while time.monotonic() < end:
        for text in texts:
            number = b"%x" % random.getrandbits(48)
            try:
                s.sendto(text.replace(b"CALLID", number).replace(b"BRANCH", number),
                         ("127.0.0.1", port))
                sent += 1
            except OSError:
                time.sleep(0.0005)
        try:
            while True:
                s.recv(65536)
        except OSError:
            pass
        if not FULL:
            time.sleep(0.0002)  # two cores serve server, bystanders and this
    print(sent)


def rss_kb(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def test(c):
    server = Server(c)
    peer.Peer(c, server, "calm", "talker", "--tone", f"{HZ}:{DBFS}", "--video", "none",
              seconds=SECONDS + 6)
    peer.joined(c, server, "calm", 1)
    judge = peer.Peer(c, server, "calm", "judge", "--silent", "--video", "none", "--probe", HZ,
                      "--steady", 2.5, seconds=SECONDS)
    peer.joined(c, server, "calm", 2)
    time.sleep(2)
    before, cpu = rss_kb(server), server.process.cpu_seconds()
    beside = control.Control(c)
    child = subprocess.Popen([sys.executable, __file__, "flood", str(server.sip_port),
                              server.uri("flooded"), *["--full"] * FULL],
                             stdout=subprocess.PIPE, text=True)
    c.cleanup(child.kill)
    try:
        child.wait(FLOOD_S * 0.75)
    except subprocess.TimeoutExpired:
        later = rss_kb(server)
    sent = int(child.communicate(timeout=FLOOD_S + 10)[0])
    allowed = beside.allowed_ms(20)
    times = []
    for _ in range(3):
        start = time.monotonic()
        answer = server.options(1)
        times.append((time.monotonic() - start) * 1000 if answer else 9999)
    after = rss_kb(server)
    cpu = server.process.cpu_seconds() - cpu
    c.say(f"{sent / FLOOD_S:.0f} requests/s; {cpu:.1f} s of processor")
    c.check(min(times) < ANSWER_MS, f"OPTIONS right after it: {min(times):.1f} ms")
    c.check(after - before < MEMORY_KB and (not FULL or after - later < 32 * 1024),
            f"memory {before} kB, {later} after three quarters of it, {after} at its end")
    result = judge.result(SECONDS + 10)
    control.judge_sound(c, result, HZ, allowed)


if len(sys.argv) > 1 and sys.argv[1] == "flood":
    flood(int(sys.argv[2]), sys.argv[3])
else:
    case.main(test, clients=())
