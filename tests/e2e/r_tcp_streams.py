"""Hostile TCP beside a call: messages in pieces of a byte and many in one piece, headers
without end, a Content-Length of gigabytes, hundreds of connections that say nothing or half a
message. All others are served at once meanwhile, the call's sound is complete, memory and
descriptors come back."""
import os
import re
import select
import socket
import time

from lib import case, peer, rawcall
from lib.server import Server

HZ, DBFS, SECONDS = 613, -20, 24
CONNECTIONS, ANSWER_MS, GROWTH_KB = 400, 100, 64 * 1024


def options(server, s, length=0, extra=""):
    text = rawcall.request("OPTIONS", f"sip:127.0.0.1:{server.sip_port}", s.getsockname()[1],
                           transport="TCP", extra=extra)
    return text.replace("Content-Length: 0", f"Content-Length: {length}").encode()


def connect(server):
    s = socket.create_connection(("127.0.0.1", server.sip_port), 2)
    s.settimeout(2)
    return s


def answers(s, wanted, seconds=2):
    """How many final answers come."""
    data, end = b"", time.monotonic() + seconds
    while data.count(b"SIP/2.0 200") < wanted and time.monotonic() < end:
        if select.select([s], [], [], 0.1)[0]:
            more = s.recv(65536)
            if not more:
                break
            data += more
    return data.count(b"SIP/2.0 200")


def pour(s, data, most):
    """Sends until the other side has had enough; how much it took."""
    sent = 0
    s.settimeout(1)
    try:
        while sent < most:
            sent += s.send(data)
    except OSError:
        pass
    return sent


def usage(server):
    """(memory in kB, descriptors) of the server."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        rss = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
    return rss, len(os.listdir(f"/proc/{server.process.pid}/fd"))


def served(c, server, what):
    """UDP and a new TCP connection are answered at once."""
    start = time.monotonic()
    udp = server.options(2).startswith("SIP/2.0 200")
    middle = time.monotonic()
    with connect(server) as s:
        s.sendall(options(server, s))
        tcp = answers(s, 1)
    took = max(middle - start, time.monotonic() - middle) * 1000
    c.check(udp and tcp and took < ANSWER_MS, f"{what}: others are answered in {took:.1f} ms")


def test(c):
    server = Server(c)
    peer.Peer(c, server, "tcp", "talker", "--tone", f"{HZ}:{DBFS}", "--video", "none",
              seconds=SECONDS + 8)
    peer.joined(c, server, "tcp", 1)
    judge = peer.Peer(c, server, "tcp", "judge", "--silent", "--video", "none", "--probe", HZ,
                      "--steady", 2.5, seconds=SECONDS)
    peer.joined(c, server, "tcp", 2)
    before = usage(server)

    with connect(server) as s:
        message = options(server, s)
        for i in range(len(message)):
            s.sendall(message[i:i + 1])
        c.check(answers(s, 1) == 1, "a message that comes byte by byte is answered")
        s.sendall(b"\r\n\r\n" + b"".join(options(server, s) for _ in range(20)))
        c.check(answers(s, 20) == 20, "twenty messages in one piece get twenty answers")

    with connect(server) as s:
        took = pour(s, b"X-Long: " + b"a" * 60000, 64 << 20)
        c.check(took < 32 << 20, f"a header without end: {took >> 10} kB were taken")
    with connect(server) as s:
        s.sendall(b"OPTIONS sip:x SIP/2.0\r\n")
        took = pour(s, b"X-Many: a\r\n" * 5000, 64 << 20)
        c.check(took < 32 << 20, f"headers without end: {took >> 10} kB were taken")
    for length in (2 ** 31, 2 ** 32 + 1, 10 ** 30, 4000000000):
        with connect(server) as s:
            s.sendall(options(server, s, length))
            took = pour(s, b"b" * 60000, 64 << 20)
            c.check(took < 32 << 20, f"Content-Length {length}: {took >> 10} kB were taken")
    served(c, server, "after floods")
    rss = usage(server)[0]
    c.check(rss - before[0] < GROWTH_KB, f"memory {before[0]} to {rss} kB")

    silent = [connect(server) for _ in range(CONNECTIONS)]
    half = options(server, silent[0])[:150]
    for i, s in enumerate(silent):
        if i % 2:
            s.sendall(half)
    served(c, server, f"{CONNECTIONS} connections that say nothing or half a message")
    rss, descriptors = usage(server)
    c.check(rss - before[0] < GROWTH_KB, f"they cost {rss - before[0]} kB and "
            f"{descriptors - before[1]} descriptors")
    for s in silent:
        s.close()
    c.wait_for(lambda: usage(server)[1] <= before[1] + 3, 5, "descriptors are given back")
    served(c, server, "after them")

    result = judge.result(SECONDS + 10)
    audio, tone = result["audio"], peer.probe(result, HZ)
    c.check(audio["gaps_rtp"]["count"] == 0 and audio["lost"] == 0 and tone["hole_max_ms"] <= 20,
            f"the call's sound is complete, its longest hole {tone['hole_max_ms']} ms")


case.main(test, clients=())
