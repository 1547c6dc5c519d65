"""mcu_web_peer (tests/mock/web_peer.h): WebRTC peers by the hundred in one process, and hostile ones."""
import json
import os
import re
import sys

from lib import case as cases
from lib import peer


class WebPeers:
    """One process. further: its command line."""

    def __init__(self, case, server, room, name, *further):
        program = case.options.peer and os.path.join(os.path.dirname(case.options.peer),
                                                     "mcu_web_peer")
        if not program or not os.access(program, os.X_OK):
            print("skipped: mcu_web_peer is not built")
            sys.exit(cases.SKIPPED)
        self.name = name
        self.process = cases.Process(case, name, [
            program, "--server", f"127.0.0.1:{server.http_port}", "--room", room, "--name", name,
            *map(str, further)])

    def result(self, seconds=60):
        """What it reports at its end."""
        status = self.process.wait(seconds)
        if status != 0:
            raise cases.Failure(f"{self.name} ended with status {status}: {self.process.log()}")
        return json.loads(self.process.log())


class Bystanders:
    """Three of a room who must not notice anything: a SIP caller with a tone, a SIP caller and a WebRTC
    peer who listen to it."""

    HZ, DBFS, GAP_MS = 613, -20, 20

    def __init__(self, case, server, room, seconds):
        self.case = case
        self.seconds = seconds
        self.late_ms = None  # judge's
        peer.Peer(case, server, room, "talker", "--tone", f"{self.HZ}:{self.DBFS}", "--video",
                  "none", seconds=seconds + 10)
        peer.joined(case, server, room, 1)
        self.phone = peer.Peer(case, server, room, "phone", "--silent", "--video", "none",
                               "--probe", self.HZ, "--steady", 2.5, seconds=seconds)
        self.web = WebPeers(case, server, room, "bystander", "--listen", self.HZ, "--seconds",
                            seconds)
        peer.joined(case, server, room, 3)

    def judge(self, at_most_left=60):
        """No packet is missing, and no tone has a hole."""
        web = self.web.result(self.seconds + at_most_left)["sound"]
        result = self.phone.result(at_most_left)
        # The longest time between two packets; 20 ms are none.
        self.late_ms = max(web["late_ms"], result["audio"]["gaps_arrival"]["max_ms"])
        audio, tone = result["audio"], peer.probe(result, self.HZ)
        self.case.check(audio["gaps_rtp"]["max_ms"] <= self.GAP_MS and audio["lost"] == 0 and
                        0 <= tone["hole_max_ms"] <= self.GAP_MS,
                        f"the phone's sound is complete, its longest hole {tone['hole_max_ms']} ms, "
                        f"late by {audio['gaps_arrival']['max_ms']} ms at most")
        self.case.check(web["seconds"] > self.seconds - 3 and web["gap_ms"] <= self.GAP_MS and
                        web["holes"] == 0,
                        f"the browser's too: {web['seconds']} s, longest hole {web['hole_ms']} ms, "
                        f"late by {web['late_ms']} ms at most")


def is_sanitized(server):
    """A build whose memory says nothing: freed memory is kept, to be watched."""
    with open(f"/proc/{server.process.pid}/maps", encoding="ascii") as maps:
        text = maps.read()
        return any(name in text for name in ("libasan", "libtsan", "libclang_rt"))


def usage(server):
    """(memory in kB, descriptors) of the server."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        rss = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
    return rss, len(os.listdir(f"/proc/{server.process.pid}/fd"))
