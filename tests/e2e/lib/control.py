"""A bare stream beside a measurement: one process sends a small packet every 20 ms, another notes
how late each arrives. What it shows is the machine's doing, not the server's, and so tells how much
of a gap the server can be blamed for."""
import json
import os
import signal
import socket
import sys
import time

from lib.case import Process

_PERIOD_S = 0.02
QUIET_MS = 10  # a machine whose bare stream is never later than this is taken for a quiet one


def _send(port):
    """The child: a packet a period, with the time at which it was due."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    start, n, parent = time.monotonic(), 0, os.getppid()
    while os.getppid() == parent:
        n += 1
        due = start + n * _PERIOD_S
        time.sleep(max(0, due - time.monotonic()))
        s.sendto(repr(due).encode(), ("127.0.0.1", port))


def _receive(s):
    """The parent: lateness of each packet against the time at which it was due."""
    late, ended = [], []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    s.settimeout(0.2)
    while not ended:
        try:
            due = float(s.recv(64))
        except OSError:
            continue
        late.append((time.monotonic() - due) * 1000)
    print(json.dumps({"max_ms": round(max(late, default=0), 1), "packets": len(late),
                      "over_20_ms": sum(ms > 20 for ms in late)}))


def _run():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    if os.fork() == 0:
        _send(s.getsockname()[1])
        os._exit(0)
    _receive(s)


class Control:
    """The stream, from now on until result()."""

    def __init__(self, case):
        self.case = case
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.process = Process(case, "control", [sys.executable, "-m", "lib.control"], cwd=root)

    def result(self):
        """Ends it: {"max_ms": ..., "packets": ..., "over_20_ms": ...}."""
        self.process.signal(signal.SIGTERM)
        self.process.wait(5)
        found = json.loads(self.process.log())
        load = os.getloadavg()[0]
        self.case.say(f"a bare stream beside it was late by {found['max_ms']} ms at most, "
                      f"{found['over_20_ms']} times by more than 20; load {load:.1f}")
        return found

    def allowed_ms(self, strict):
        """How long a gap may be: `strict` on a quiet machine, else what the machine adds to it."""
        late = self.result()["max_ms"]
        return strict if late <= QUIET_MS else strict + late


def judge_sound(case, result, hz, allowed_ms):
    """A bystander's sound (lib/peer.py) has no gap above 20 ms and no packet is lost; on a machine that
    is not quiet, no gap above what the machine adds."""
    audio = result["audio"]
    tone = next(p for p in audio["probes"] if p["hz"] == hz)
    gap = max(audio["gaps_rtp"]["max_ms"], tone["hole_max_ms"], audio["lost"] * 20)
    case.check(gap <= allowed_ms, f"the bystander's sound in {audio['steady_s']:.0f} s: longest hole "
               f"{tone['hole_max_ms']} ms ({tone['holes']} in all), longest gap by RTP time "
               f"{audio['gaps_rtp']['max_ms']} ms, {audio['lost']} packets lost; "
               f"{allowed_ms:.0f} ms allowed; late by {audio['gaps_arrival']['max_ms']} ms at most")


if __name__ == "__main__":
    _run()
