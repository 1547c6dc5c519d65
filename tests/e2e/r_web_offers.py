"""The offer of every client that is known here, at every door: an answer where the directions allow
one, else a refusal that says why. Then 200 offers spoilt by a seed (--full: 5000). Two callers of
another room hear each other undisturbed meanwhile, and afterwards nothing is left: neither of those
that were ended, nor of those that nobody came for."""
import json
import random
import re
import sys
import time

from lib import case, peer, webhttp
from lib.mutate import spoil
from lib.server import Server
from lib.webhttp import post, request

FULL = "--full" in sys.argv
sys.argv = [a for a in sys.argv if a != "--full"]
COUNT, A_SECOND = 5000 if FULL else 200, 25
SEED = 4
HZ, DBFS, GAP_MS = 613, -20, 20
COME_S = 30    # so long a leg waits for its peer

WORDS = [b"", b"\0", b"\r\n", b" ", b"0", b"-1", b"4294967296", b"99999999999999999999", b"/", b"\xff",
         b"A" * 300, b"a=", b"a=rid:hi send\r\n", b"a=simulcast:send hi;lo\r\n", b"a=ice-lite\r\n",
         b"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", b"m=application 9 UDP/DTLS/SCTP x\r\n",
         b"a=mid:0\r\n", b"a=group:BUNDLE 0 0 1 7\r\n", b"a=candidate:1 1 udp 1 ::1 9 typ host\r\n",
         b"a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid\r\n", b"a=ssrc-group:FID 1 1\r\n",
         b"a=setup:holdconn\r\n", b"a=fmtp:96 apt=96\r\n", b"a=inactive\r\n", b"a=sendrecv\r\n"]


def allowed(door, sdp):
    """Whether some line sends or receives what the door is there for. (m= lines without a direction
    send and receive, RFC 8866 section 6.7.)"""
    wanted = {"whip": ("sendonly", "sendrecv"), "whep": ("recvonly", "sendrecv"),
              "join": ("sendonly", "sendrecv", "recvonly")}[door]
    for line in re.split(r"(?m)^m=", sdp)[1:]:
        found = re.search(r"(?m)^a=(sendonly|recvonly|sendrecv|inactive)", line)
        if line.startswith(("audio", "video")) and (found.group(1) if found else
                                                    "sendrecv") in wanted:
            return True
    return False


def reason(answer):
    """What a refusal says, or ''."""
    try:
        return json.loads(answer.text)["error"]
    except (ValueError, KeyError):
        return ""


def known_offers(c, server, offers):
    """Each at each door; returns what was made."""
    made = []
    for name, sdp in offers.items():
        said = []
        for door in ("whip", "whep", "join"):
            answer = post(server, f"/{door}/fixtures", sdp)
            good = answer.status == 201 if allowed(door, sdp) else \
                answer.status in (400, 406) and reason(answer)
            said.append(f"{door} {answer.status} {reason(answer)[:50]}".strip())
            if not good or (answer.status == 201 and
                            answer.text.count("\nm=") != sdp.count("\nm=")):
                raise case.Failure(f"{name}: {said[-1]}\n{answer.text}")
            if answer.status == 201:
                made.append(answer.header("Location"))
        c.say(f"ok: {name}: {'; '.join(said)}")
    return made


def strange_offers(c, server, offers):
    """Spoilt ones at all doors."""
    rng, made, statuses = random.Random(SEED), [], {}
    seeds = [sdp.encode() for sdp in offers.values()]
    start = time.monotonic()
    for i in range(COUNT):
        answer = post(server, f"/{rng.choice(('whip', 'whep', 'join'))}/strange",
                      spoil(rng, rng.choice(seeds), WORDS, 20000))
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        if answer.status == 201:
            made.append(answer.header("Location"))
        elif answer.status not in (400, 406) or not reason(answer):
            raise case.Failure(f"number {i}: {answer.status} {answer.text[:200]}")
        if len(made) > 20:
            request(server, "DELETE", made.pop(0))
        time.sleep(max(0, start + i / A_SECOND - time.monotonic()))
    c.say(f"ok: answers to {COUNT} strange offers: {statuses}")
    return made


def test(c):
    server = Server(c, "listen.rtp_first=33000", "listen.rtp_last=59999",
                    "limits.calls_per_source_s=0", "limits.connecting_per_source=0",
                    "limits.calls_per_s=1000")
    offers = webhttp.offers()
    seconds = COUNT / A_SECOND + 10
    peer.Peer(c, server, "quiet", "talker", "--tone", f"{HZ}:{DBFS}", "--video", "none",
              seconds=seconds + 8)
    peer.joined(c, server, "quiet", 1)
    judge = peer.Peer(c, server, "quiet", "judge", "--silent", "--video", "none", "--probe", HZ,
                      "--steady", 2.5, seconds=seconds)
    peer.joined(c, server, "quiet", 2)
    made = known_offers(c, server, offers)
    made += strange_offers(c, server, offers)
    abandoned = made[::4]
    ended = {request(server, "DELETE", path).status for path in made if path not in abandoned}
    c.check(ended <= {200, 404}, f"DELETE: {ended}")
    left_at = time.monotonic()
    result = judge.result(seconds + 20)
    audio, tone = result["audio"], peer.probe(result, HZ)
    c.check(audio["gaps_rtp"]["max_ms"] <= GAP_MS and audio["lost"] == 0 and
            tone["hole_max_ms"] <= GAP_MS and abs(tone["dbfs"] - DBFS) < 1,
            f"the bystanders' sound is complete, its longest hole {tone['hole_max_ms']} ms; late by "
            f"{audio['gaps_arrival']['max_ms']} ms at most")
    c.wait_for(lambda: not server.api("conferences")["conferences"], COME_S + 12,
               "rooms and legs are gone")
    c.check(all(request(server, "DELETE", path).status == 404 for path in made),
            f"and so are all {len(made)} resources, {len(abandoned)} of them for want of a peer, "
            f"{time.monotonic() - left_at:.0f} s after the last offer")
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=())
