"""TURN through coturn, by web.ice_servers with a server's name: our relay is in the answer, under the
right port; Link fields tell clients of it; and a browser that may use nothing but its own relay and
believes nothing but ours has picture and sound. Without coturn's answer, calls come up all the same."""
import math
import re

from lib import case, ports, webrtc
from lib.case import Process
from lib.media import TONES
from lib.peer import Peer, joined
from lib.server import Server
from lib.webhttp import offers, post, request

LEVEL_DB = 20 * math.log10(0.09)
USER, PASSWORD = "tessera", "only-for-this-test"


def start_turn(c, port):
    relays = ports.block()
    turn = Process(c, "turnserver", [
        "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
        f"--listening-port={port}", f"--min-port={relays}", f"--max-port={relays + 399}",
        f"--user={USER}:{PASSWORD}", "--realm=test", "--lt-cred-mech", "--no-tls", "--no-dtls",
        "--no-cli", "--allow-loopback-peers", "--log-file=stdout", "--verbose",
        f"--pidfile={c.path('turn.pid')}", f"--userdb={c.path('turn.db')}"])
    c.wait_for(lambda: "Relay ports initialization done" in turn.log() or
               "listener opened" in turn.log(), 10, "coturn listens")
    return turn, range(relays, relays + 400)


def relay_of(answer):
    """Its relay candidates' ports."""
    return [int(p) for p in re.findall(r"a=candidate:\S+ 1 UDP \d+ 127\.0\.0\.1 (\d+) typ relay",
                                       answer, re.I)]


def test(c):
    webrtc.need_chromium()
    port, sdp = ports.Ports().take(2), offers()["chromium"]
    turn, relays = start_turn(c, port)
    # localhost has more than one address: what libnice would make of the name loses the port.
    server = Server(c, "video.fps=15", "web.ice_servers="
                    f"turn:localhost:{port}?transport=udp {USER} {PASSWORD},stun:nowhere.invalid")
    c.wait_for(lambda: f"ice-server host=localhost address=127.0.0.1 port={port}" in
               server.process.log(), 5, "the name was looked up")
    c.wait_for(lambda: "ice-server-unknown host=nowhere.invalid" in server.process.log(), 20,
               "the log says which name is none")
    answer = post(server, "/whip/room", sdp)
    c.check(answer.status == 201 and [p for p in relay_of(answer.text) if p in relays],
            f"relay candidates in the answer: {relay_of(answer.text)}")
    link = f'<turn:localhost:{port}?transport=udp>; rel="ice-server"; username="{USER}"'
    c.check(link in answer.header("Link"), "and the name in the Link field")
    request(server, "DELETE", answer.header("Location"))
    judge_calls(c, server)
    c.check(turn.log().count("ALLOCATE processed, success") >= 3 and turn.child.poll() is None,
            f"{turn.log().count('ALLOCATE processed, success')} relays were given out")
    turn.kill()
    answer = post(server, "/whip/room", sdp)
    c.check(answer.status == 201 and "typ host" in answer.text and not relay_of(answer.text),
            "with coturn dead: an answer without relays")
    request(server, "DELETE", answer.header("Location"))
    c.check(server.stop() == 0, "it stops as it should")


def judge_calls(c, server):
    """A publisher and a player, each behind a relay."""
    more = ("--relay", "--relays-only")
    whip = webrtc.ChromePeer(c, server, "whip", "room", "publisher", *more, number=0, seconds=150)
    c.wait_for(lambda: len(server.participants("room")) == 1, 30, "the publisher is in the room")
    Peer(c, server, "room", "phone", "--audio", "opus", "--video", "h264", "--tone",
         f"{TONES[1]}:{LEVEL_DB:.2f}", number=1, seconds=130)
    joined(c, server, "room", 2)
    whep = webrtc.ChromePeer(c, server, "whep", "room", "player", *more, seconds=14)
    result = whep.result(100)
    c.check(result["state"] == "connected" and result["pair"]["local"] == "relay",
            f"the player uses its relay, the other end is {result['pair']['remote']}; connected "
            f"after {result['connect_ms']:.0f} ms, {result['fps']:.1f} pictures a second")
    whep.judge_tiles([0, 1])
    whep.judge_tones([0, 1], [2], LEVEL_DB)
    whip.stop()
    result = whip.result()
    c.check(result["state"] == "connected" and result["pair"]["local"] == "relay",
            f"the publisher uses its relay, the other end is {result['pair']['remote']}")


case.main(test, clients=("turnserver", "ffmpeg"))
