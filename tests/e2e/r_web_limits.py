"""One address cannot fill the server by the web doors: legs that do not connect are few for each source
and end by themselves, joins a second and legs at a time have their limits, and in a full server a leg
that has not connected gives way to the next. Each refusal says when to try again."""
import time
import urllib.error
import urllib.request

from lib import case, webpeer
from lib.server import Server

LOOKED_AT = 406  # what an offer of nothing gets


def burst(c, server, name, count, *further):
    return webpeer.WebPeers(c, server, "door", name, "--count", count, "--at-once", count,
                            *further).result(60)["statuses"]


def join_refused(server):
    """(status, Retry-After) of a join."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.http_port}/join/door", b"v=0\r\n",
                                     {"Content-Type": "application/sdp"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers["Retry-After"]
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Retry-After"]


def dead(c, server, name, count):
    """Joins that do not go on after their answer."""
    return burst(c, server, name, count, "--ends", "post")


def connecting(c):
    server = Server(c, "limits.calls_per_source_s=0", "limits.connecting_per_source=6")
    statuses = dead(c, server, "silent", 40)
    c.check(statuses == {"201": 6, "429": 34}, f"six may be connecting at a time: {statuses}")
    c.check(join_refused(server) == (429, "10"), "the next is told to come again")
    start = time.monotonic()
    c.wait_for(lambda: join_refused(server)[0] == LOOKED_AT, 20, "the silent ones are gone")
    c.say(f"they were given up within {time.monotonic() - start:.1f} s")
    c.check(server.stop() == 0, "it stops as it should")


def rates(c):
    server = Server(c, "limits.calls_per_source_s=5", "limits.legs_per_source=3")
    statuses = [join_refused(server)[0] for _ in range(20)]
    c.check(statuses.count(LOOKED_AT) in range(5, 8) and statuses.count(429) == 20 - statuses.count(LOOKED_AT),
            f"five a second are looked at: {statuses}")
    time.sleep(1.5)
    stay = webpeer.WebPeers(c, server, "door", "stay", "--count", 3, "--at-once", 3, "--seconds", 4)
    time.sleep(2)
    c.check(join_refused(server) == (429, "10"), "three legs are all that one may have")
    c.check(stay.result(20)["connected"] == 3, "and those three are there")
    c.check(server.metrics()["tessera_web_source_refused_total"] >= 13, "it is counted")


def full(c):
    server = Server(c, "limits.calls_per_source_s=0", "limits.legs=8",
                    "limits.connecting_per_source=0")
    statuses = dead(c, server, "fillers", 20)
    c.check(statuses == {"201": 8, "503": 12}, f"the server is full: {statuses}")
    time.sleep(4)
    report = webpeer.WebPeers(c, server, "door", "good", "--count", 3, "--at-once", 3,
                              "--seconds", 0.5).result(20)
    c.check(report["connected"] == 3, "those that never connected give way to the next ones")


def test(c):
    connecting(c)
    rates(c)
    full(c)


case.main(test, clients=())
