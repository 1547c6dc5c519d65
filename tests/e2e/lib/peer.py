"""mcu_peer (tests/mock/peer.h) as a caller: it sends known sound and pictures and measures what it
receives. Used where numbers matter; real clients show the rest."""
import json
import sys

from lib.case import SKIPPED, Failure, Process
from lib.media import COLOURS

_PORTS_PER_CALL = 4


class Peer:
    """One process of mcu_peer, which makes `count` calls. further: its command line (--help)."""

    def __init__(self, case, server, room, name, *further, number=0, count=1, seconds=10):
        if not case.options.peer:
            print("skipped: mcu_peer is not built")
            sys.exit(SKIPPED)
        self.case, self.name = case, name
        self._json = case.path(name + ".json")
        need = max(100, _PORTS_PER_CALL * count + 20)
        rtp = server.ports.take(need)
        colour = ",".join(map(str, COLOURS[number]))
        self.process = Process(case, name, [
            case.options.peer, "--server", f"127.0.0.1:{server.sip_port}", "--room", room,
            "--name", name, "--number", str(number + 1), "--color", colour,
            "--rtp-ports", f"{rtp}-{rtp + need - 1}", "--count", str(count),
            "--seconds", str(seconds), "--json", self._json, *map(str, further)])

    def result(self, seconds=60):
        """What its first caller measured, after its end."""
        status = self.process.wait(seconds)
        if status != 0:
            raise Failure(f"{self.name}: not every call was answered (status {status})")
        with open(self._json, encoding="utf-8") as result:
            report = json.load(result)
        self.case.say(f"{self.name}: itself late by {report['own_late_max_ms']:.0f} ms at most")
        return report["callers"][0]


def joined(case, server, room, count):
    """Waits until so many are in the room."""
    case.wait_for(lambda: len(server.participants(room)) == count, 10, f"{count} in {room}")


def judge_numbers(case, result, numbers):
    """Colour and number in each tile, in the order of the tiles (see peer --tiles)."""
    for tile, number in zip(result["video"]["tiles"], numbers):
        off = max(abs(a - b) for a, b in zip(tile["rgb"], COLOURS[number]))
        case.check(tile["number"] == number + 1 and off < 20,
                   f"{result['name']} sees {tile['number']} in tile {tile['tile']}, "
                   f"its colour {off:.0f} off")


def probe(result, hz):
    """What was measured of one tone of --probe."""
    return next(p for p in result["audio"]["probes"] if p["hz"] == hz)
