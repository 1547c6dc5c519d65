"""More pictures than one core can code: those who are in keep 50 packets of sound a second, the picture
rate falls, newcomers are told to come again (SIP, WHIP, the page), and when the load has gone all is as
before. Several rooms, for each has an encoder of its own."""
import re
import time

from lib import case, peer, rawcall, webhttp
from lib.server import Server

ROOMS = 9
LOAD_S = 14


class Viewer(rawcall.RawCall):
    """A caller who counts what comes."""

    def watch(self, seconds):
        """(packets of sound, pictures) a second."""
        self.received(0), self.received(2)
        start = time.monotonic()
        sound = pictures = 0
        while time.monotonic() - start < seconds:
            time.sleep(0.1)
            sound += len(self.received(0))
            pictures += sum(p[1] >> 7 for p in self.received(2))
        took = time.monotonic() - start
        return sound / took, pictures / took


def level(server):
    return int(server.metrics()["tessera_overload_level"])


def newcomer(c, server):
    """(status, Retry-After) of one more call."""
    call = rawcall.RawCall(c, server, "newcomer")
    call.sip.sendto(rawcall.request("INVITE", call.uri, call.own, call_id=call.call_id,
                                    body=call.body()).encode(), call.to)
    answer = call.final()
    found = re.search(r"(?im)^Retry-After: *(\d+)", answer)
    status = answer[8:11]
    call.to_tag = re.search(r"(?im)^To:.*;tag=([^;\s]+)", answer).group(1)
    call.send("ACK", 1)
    call.up = status == "200"
    call.close()
    return status, int(found.group(1)) if found else None


def refusals(c, server):
    status, retry = newcomer(c, server)
    c.check(status == "503" and retry, f"a call gets {status}, Retry-After {retry}")
    for door in ("/whip/newcomer", "/whep/newcomer", "/join/newcomer"):
        answer = webhttp.post(server, door, "v=0\r\n")
        c.check(answer.status == 503 and answer.header("Retry-After"),
                f"{door} gets {answer.status}, Retry-After {answer.header('Retry-After')}")


def test(c):
    server = Server(c, "media.worker_cores=1", "limits.overload=true", "video.codecs=VP8",
                    "limits.calls_per_source_s=0")
    viewer = Viewer(c, server, "room-0", video=True)
    viewer.invite()
    peer.Peer(c, server, "room-0", "first", "--size", "640x360@30", "--no-decode", "--busy",
              "--video", "vp8", seconds=60)
    peer.joined(c, server, "room-0", 2)
    time.sleep(1)
    sound, calm_fps = viewer.watch(2)
    c.check(sound > 48 and calm_fps > 24 and level(server) == 0,
            f"alone: {sound:.1f} packets of sound and {calm_fps:.1f} pictures a second")
    load = [peer.Peer(c, server, f"room-{i}", f"load-{i}", "--size", "640x360@30", "--no-decode",
                      "--busy", "--video", "vp8", seconds=LOAD_S) for i in range(1, ROOMS)]
    c.wait_for(lambda: level(server) > 0, 8, "it is known that this is too much")
    refusals(c, server)
    time.sleep(3)
    sound, fps = viewer.watch(4)
    c.check(sound >= 49, f"those who are in keep {sound:.1f} packets of sound a second")
    c.check(fps <= calm_fps / 1.8, f"the picture rate gave way: {fps:.1f} a second")
    c.check(len(server.conference("room-1")["participants"]) == 1, "nobody was sent away")
    for one in load:
        one.process.wait(30)
    began = time.monotonic()
    c.wait_for(lambda: level(server) == 0, 30, "all levels are given back")
    c.say(f"after {time.monotonic() - began:.1f} s")
    c.wait_for(lambda: newcomer(c, server)[0] == "200", 5, "newcomers are let in")
    sound, fps = viewer.watch(2)
    c.check(sound > 48 and fps > 24, f"as before: {sound:.1f} and {fps:.1f} a second")
    changes = server.events("overload-changed")
    c.check(len(changes) >= 2, f"{len(changes)} events of it")
    c.check(server.metrics()["tessera_overload_refused_total"] >= 4, "and it was counted")


case.main(test, clients=())
