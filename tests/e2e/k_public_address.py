"""Listening on a wildcard, in a network namespace with one interface: the candidates in answers are
that interface's addresses, and listen.public_address besides where it is set; a publisher and a player
on it have picture and sound; without any address the refusal says what to set."""
import math
import os
import re
import subprocess
import sys

from lib import case, webhttp, webrtc
from lib.peer import joined
from lib.server import Server

V4, V6, PUBLIC = "10.77.0.5", "fd77::5", "203.0.113.7"
LEVEL_DB = 20 * math.log10(0.09)
INSIDE = "TESSERA_TEST_NAMESPACE"
SETUP = ("ip link set lo up && ip link add test0 type veth peer name test1 && "
         f"ip addr add {V4}/24 dev test0 && ip -6 addr add {V6}/64 dev test0 nodad && "
         "ip link set test1 up && ip link set test0 up && exec \"$@\"")
LOCAL_HTTP = "listen.http_address=127.0.0.1"


def enter_namespace():
    """Runs this program again where nobody else's addresses are."""
    if os.environ.get(INSIDE):
        return
    enter = ["unshare", "-rn", "sh", "-c", SETUP, "sh"]
    try:
        possible = subprocess.run([*enter, "true"], capture_output=True, check=False,
                                  timeout=20).returncode == 0
    except OSError:
        possible = False
    if not possible:
        print("skipped: no network namespaces here")
        sys.exit(case.SKIPPED)
    os.execvpe(enter[0], [*enter, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


def candidates(c, *settings, address="127.0.0.1"):
    """(addresses, answer) of an answer's host candidates, which share one port."""
    server = Server(c, *settings, address=address)
    answer = webhttp.post(server, "/whip/r", webhttp.offers()["chromium"])
    found = re.findall(r"a=candidate:\S+ 1 UDP \d+ (\S+) (\d+) typ host", answer.text)
    default = re.search(r"m=audio (\d+) .*\r\nc=IN IP(?:4|6) (\S+)", answer.text)
    c.check(answer.status == 201 and len({port for _, port in found}) == 1 and
            default.groups()[::-1] in found,
            f"{', '.join(settings)}: {found}, by default {default.group(2)}")
    c.check(server.stop() == 0, "and it stops")
    return sorted(a for a, _ in found)


def call(c):
    """Publish and play on the interface."""
    server = Server(c, "listen.address=0.0.0.0", LOCAL_HTTP, f"listen.public_address={PUBLIC}")
    whip = webrtc.WebPeer(c, server, "whip", "room", "publisher", "--address", V4, number=0)
    joined(c, server, "room", 1)
    whep = webrtc.WebPeer(c, server, "whep", "room", "player", "--address", V4, seconds=7)
    result = whep.result()
    c.check(result["state"] == "connected" and result["first_picture_ms"] < 3000,
            f"first picture after {result['first_picture_ms']:.0f} ms")
    whep.judge_tiles([0])
    whep.judge_tones([0], [1], LEVEL_DB)
    whip.stop()
    whip.result()


def test(c):
    wild = "listen.address=0.0.0.0"
    c.check(candidates(c, wild, LOCAL_HTTP) == [V4], "IPv4's wildcard: the interface's address")
    c.check(candidates(c, "listen.address=::", address="::1") == [V4, V6],
            "IPv6's wildcard: both, and not ::1")
    c.check(candidates(c, wild, LOCAL_HTTP, f"listen.public_address={PUBLIC}") == [V4, PUBLIC],
            "the public address besides")
    c.check(candidates(c, f"web.addresses={V6}") == [V6], "web.addresses alone")
    call(c)
    subprocess.run(["ip", "link", "set", "test0", "down"], check=True)
    server = Server(c, wild, LOCAL_HTTP)
    answer = webhttp.post(server, "/whip/r", webhttp.offers()["chromium"])
    c.check(answer.status == 503 and "web.addresses" in answer.text,
            f"no interface: {answer.status} {answer.text}")


enter_namespace()
case.main(test, clients=("unshare", "ip"))
