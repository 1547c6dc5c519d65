"""Chromium, Firefox and two phones for three rounds of 30 s (--full: 30 of a minute): the server's memory
does not grow after the first round, nor does the delay of anybody's sound; a phone's flash and beep reach Chromium's
screen and loudspeaker within 45 ms of each other (the other way round: p_sync)."""
import statistics
import time

from lib import browser, case, media, room
from lib.peer import Peer, joined
from lib.server import Server

FPS = 20
GROWN_MAX_KB = 3072      # of the resident memory, from the second round to the last
DELAY_GROWN_MAX_MS = 40  # a browser's queue goes up and down by as much with the load of the machine
SYNC_MAX_MS = 45


def delay_ms(before, after):
    """The mean time in the queue of sound between two moments."""
    old, new = before["in"]["audio"], after["in"]["audio"]
    emitted = new["jitterBufferEmittedCount"] - old["jitterBufferEmittedCount"]
    return 1000 * (new["jitterBufferDelay"] - old["jitterBufferDelay"]) / max(1, emitted)


class Rounds:
    """What each round of so many seconds brought."""

    def __init__(self, c, server, browsers, seconds):
        self.case, self.server, self.browsers, self.seconds = c, server, browsers, seconds
        self.memory, self.playout = [], []
        self.delay = {who.name: [] for who in browsers}
        self.lost = {who.name: 0 for who in browsers}

    def pass_one(self):
        """Waits for it, and notes the middle of the memory and the least delays: queues grow when the
        machine is busy and must shrink again; what builds up does not."""
        before = {who.name: who.stats() for who in self.browsers}
        delays = {who.name: [] for who in self.browsers}
        end, memory, playout = time.monotonic() + self.seconds, [], []
        while time.monotonic() < end:
            time.sleep(5)
            memory.append(self.server.memory_kb())
            playout.append(max(p["playout_ms"] for p in self.server.participants("long")))
            for who in self.browsers:
                now = who.stats()
                delays[who.name].append(delay_ms(before[who.name], now))
                before[who.name] = now
                self.lost[who.name] = now["in"]["audio"]["packetsLost"] + now["in"]["video"]["packetsLost"]
        self.memory.append(statistics.median(memory))
        self.playout.append(min(playout))
        for name, found in delays.items():
            self.delay[name].append(min(found))
        self.case.say(f"round {len(self.memory)}: {self.memory[-1] / 1024:.1f} MB, playout {self.playout[-1]:.0f} ms, "
                      + ", ".join(f"{name} {d[-1]:.0f} ms" for name, d in self.delay.items()))

    def judge(self):
        """The last round's memory against the second's; delays, which go up and down with the load of the
        machine, in the middle of the last third against the middle of the first."""
        grown = self.memory[-1] - self.memory[1]
        self.case.check(grown <= GROWN_MAX_KB, f"the server's memory grew by {grown:.0f} kB")
        for name, delays in (*self.delay.items(), ("the server", self.playout)):
            third = len(delays) // 3
            more = statistics.median(delays[-third:]) - statistics.median(delays[:third])
            self.case.check(more <= DELAY_GROWN_MAX_MS, f"{name}: sound {more:+.0f} ms later than in the first third")
        for name, lost in self.lost.items():
            self.case.check(lost <= 20, f"{name}: {lost} packets lost")


def judge_sync(c, who, played):
    """Each flash with the nearest beep, as Chromium showed and played them."""
    onsets = who.evaluate("e2e.onsets")
    flashes, beeps = ([o["at"] for o in onsets if o["kind"] == kind] for kind in ("flash", "beep"))
    c.check(len(flashes) > 30 and len(beeps) > 30, f"{len(flashes)} flashes, {len(beeps)} beeps")
    apart = [min((f - b for b in beeps), key=abs) for f in flashes]
    way_ms = who.loudspeaker_ms(played)
    middle = statistics.median(apart) - way_ms
    c.say(f"sound is {way_ms:.0f} ms on its way from the decoder to the loudspeaker")
    c.check(abs(middle) <= SYNC_MAX_MS, f"{who.name}: picture after sound by {middle:.0f} ms")


def test(c):
    rounds, round_s = (30, 60) if c.options.full else (3, 30)
    meeting = room.Room(c, "long", Server(c, f"video.fps={FPS}"))
    server, seconds = meeting.server, rounds * round_s + 90
    Peer(c, server, "long", "clapper", "--silent", "--flash", "--size", "320x180@20", seconds=seconds)
    joined(c, server, "long", 1)
    anna = baresip_caller(meeting, seconds)
    browsers = []
    for kind in ("chromium", "firefox"):
        browsers.append(browser.Browser(c, server, kind, kind, number=2 + len(browsers), amplitude=0))
        browsers[-1].join("long")
    browsers[1].click("#mute")  # its made-up microphone cannot be silent
    browsers[0].evaluate("e2e.watch(0.1, 0.1)")
    played = browsers[0].played()
    told = Rounds(c, server, browsers, round_s)
    for _ in range(rounds):
        told.pass_one()
    c.check(len(server.participants("long")) == 4 and anna.in_call(), "all four are still there")
    browsers[0].shot("soak-chromium")
    judge_sync(c, browsers[0], played)
    told.judge()


def baresip_caller(meeting, seconds):
    """A phone with a picture and no sound of its own."""
    caller = meeting.add("anna", "opus", "h264", sound=media.tone(440, 48000, seconds, 0))
    caller.dial(meeting.server.uri("long"), seconds)
    meeting.case.wait_for(caller.in_call, 10, "anna is in the call")
    return caller


browser.need()
case.main(test)
