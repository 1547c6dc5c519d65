"""Sound through a bad network: loss of 1, 3, 5 and 20 %, 5 % in runs of three, jitter of 100 ms with
packets out of order, duplicates, and a pause whose packets all come at once; its figures as a table. A listener on a good line hears
every sender within 1 dB; up to 5 % of loss no hole above 20 ms is left, and the delay goes back
after the pause.

One exception, libopus's own: when a packet is lost right after one or no good packet since the
loss before, it fills the gap with noise and the tone has a hole of a packet's length. At 20 %
this is common: holes to about 70 ms are printed, and judged by the level alone."""
import time

from lib import case, peer, relay
from lib.server import Server

HZ, DBFS, SECONDS = 613, -20, 14
WITHIN_DB, HOLE_MS, TWO_PACKETS_MS = 1.0, 20, 45
DELAY_MAX_MS, BACK_S, SLACK_MS = 400, 5, 20

# room: what happens between caller and server
TROUBLE = {
    "clean": {}, "loss1": {"loss": 1}, "loss3": {"loss": 3}, "loss5": {"loss": 5},
    "loss20": {"loss": 20}, "jitter100": {"jitter_ms": 100}, "twice": {"duplicate": 30},
    "bursts": {"loss": 5, "burst": 3}, "pause": {},
}
CONCEALED = ("clean", "loss1", "loss3", "loss5", "twice", "jitter100")


class Watch:
    """The playout delay that the server reports of each room's sender."""

    def __init__(self, server):
        self.server, self.seen, self.underruns = server, {}, {}

    def look(self):
        for conference in self.server.api("conferences")["conferences"]:
            for p in conference["participants"]:
                if p["name"] == "sender":
                    self.underruns[conference["name"]] = p["underruns"]
                    self.seen.setdefault(conference["name"], []).append(
                        (time.monotonic(), p["playout_ms"]))

    def until(self, end):
        while time.monotonic() < end:
            self.look()
            time.sleep(0.2)

    def worst(self, room):
        return max(ms for _, ms in self.seen[room])

    def at(self, room, moment):
        return min(self.seen[room], key=lambda seen: abs(seen[0] - moment))[1]


COLUMNS = ("", "level", "lowest", "highest", "holes", "longest", "delay", "starved", "passed", "lost", "close",
           "doubled")
UNITS = ("", "dBFS", "dBFS", "dBFS", ">20 ms", "ms", "ms max", "times", "packets", "", "to another", "")


def table(c, results, relays, watch):
    """What each room's listener heard, and what had happened on the way."""
    rows = [COLUMNS, UNITS]
    for room, result in results.items():
        tone, way = peer.probe(result, HZ), relays[room].up
        rows.append((room, tone["dbfs"], tone["min_dbfs"], tone["max_dbfs"], tone["holes"],
                     tone["hole_max_ms"], watch.worst(room), watch.underruns[room], way.passed, way.lost,
                     way.close, way.doubled))
    for row in rows:
        c.say(f"{row[0]:9}" + "".join(f"{cell!s:>11}" for cell in row[1:]))
    late = max(way.up.late_max_ms for way in relays.values())
    c.say(f"(the relays themselves were late by {late:.0f} ms at most)")


def judge(c, room, result, way, watch, clean):
    tone, audio = peer.probe(result, HZ), result["audio"]
    c.check(abs(tone["dbfs"] - clean["dbfs"]) <= WITHIN_DB, f"{room}: its level is the clean one's")
    c.check(tone["max_dbfs"] <= clean["dbfs"] + 3, f"{room}: nothing is louder than what was sent")
    c.check(watch.worst(room) <= DELAY_MAX_MS, f"{room}: the delay has a limit")
    c.check(audio["gaps_rtp"]["count"] == 0 and audio["lost"] == 0, f"{room}: the mix is complete")
    if room in CONCEALED:
        c.check(tone["holes"] <= way.close and
                tone["hole_max_ms"] <= (TWO_PACKETS_MS if way.close else HOLE_MS),
                f"{room}: {tone['holes']} holes above {HOLE_MS} ms, {way.close} losses in a row")


def test(c):
    server = Server(c)
    relays, listeners = {}, {}
    for seed, (room, trouble) in enumerate(TROUBLE.items()):
        relays[room] = relay.Relay(c, server.ports, seed)
        peer.Peer(c, server, room, "sender", "--tone", f"{HZ}:{DBFS}", "--video", "none", "--relay",
                  relays[room].base, seconds=SECONDS + 6)
        listeners[room] = peer.Peer(c, server, room, "listener-" + room, "--silent", "--video",
                                    "none", "--probe", HZ, "--steady", 3.5, seconds=SECONDS)
        for key, value in trouble.items():
            setattr(relays[room].up, key, value)
    started = time.monotonic()
    for room in TROUBLE:
        peer.joined(c, server, room, 2)
    watch = Watch(server)
    watch.until(started + 5)
    before = watch.at("pause", time.monotonic())
    relays["pause"].up.blackout(0.3, hold=True)
    burst = time.monotonic() + 0.3
    watch.until(started + SECONDS - 1)
    results = {room: listeners[room].result() for room in TROUBLE}
    clean = peer.probe(results["clean"], HZ)
    c.check(abs(clean["dbfs"] - DBFS) <= WITHIN_DB, "the clean run is heard at "
            f"{clean['dbfs']} dBFS")
    table(c, results, relays, watch)
    for room in TROUBLE:
        judge(c, room, results[room], relays[room].up, watch, clean)
    after = watch.at("pause", burst + BACK_S)
    c.say("pause: playout each 0.2 s: " + " ".join(str(ms) for _, ms in watch.seen["pause"]))
    c.check(after <= before + SLACK_MS, f"pause: the delay was {before} ms, rose to "
            f"{watch.worst('pause')} ms and is {after} ms {BACK_S} s after the burst")


case.main(test, clients=())
