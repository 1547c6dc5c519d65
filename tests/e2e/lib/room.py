"""A meeting of baresip callers, each with a tone and a numbered, coloured picture of its own, and
the judgement of what every one of them received."""
import os
import time

import numpy as np

from lib import baresip, measure, media
from lib.case import Failure
from lib.server import Server

AMPLITUDE = 0.09       # of each tone: nine of them stay below full scale
SECONDS = 6            # of sound that is judged: bins of 1/6 Hz
WITHIN_DB = 1.0        # every other tone against the ideal mix
OWN_BELOW_DB = 50.0    # his own tone below the others'
CALL_SECONDS = 60
COLOUR_OFF = 8         # of 255: what two lossy codecs make of a plain colour

# The large tile, then the small ones, on the usual canvas.
SPEAKER_OF_TWO = [(0, 90, 960, 540), (960, 270, 320, 180)]
SPEAKER_OF_THREE = [(0, 90, 960, 540), (960, 180, 320, 180), (960, 360, 320, 180)]


class Room:
    """Callers of one room, in the order in which they join."""

    def __init__(self, c, name, server=None, first=0, settings=()):
        self.case, self.name, self.first = c, name, first
        self.server = server or Server(c, *settings)
        self.callers = []
        self._stills = {}  # of all cameras at a size

    def add(self, name, audio, video=None, sound=None, **options):
        """One more caller. Its colour, and its tone if no sound is given, go by its number."""
        number = self.first + len(self.callers)
        if sound is None:
            sound = media.tone(media.TONES[number], baresip.rate_of(audio), CALL_SECONDS, AMPLITUDE)
        caller = baresip.Caller(self.case, self.server.ports, name, audio, sound, video, number,
                                **options)
        self.callers.append(caller)
        return caller

    def meet(self):
        """All call, one after the other, so that the order of the tiles is known."""
        for caller in self.callers:
            caller.dial(self.server.uri(self.name, caller.transport), CALL_SECONDS)
            self.case.wait_for(caller.in_call, 10, f"{caller.name} is in the call")
        self.case.say(f"{len(self.callers)} callers are in {self.name}")

    def listen(self):
        """Waits for as much sound as is judged."""
        time.sleep(SECONDS + 1.5)

    def end(self):
        """All hang up; their recordings are complete then."""
        for caller in self.callers:
            caller.hang_up()

    def drop(self):
        """All are gone at once, with no word to anybody."""
        for caller in self.callers:
            caller.process.kill()

    # ---- pictures ----

    def judge_pictures(self, tiles=None, order=None, eyes=None):
        """Each caller with a picture must see the right one in every tile, by colour and number.
        tiles: where they stand (a grid if not given); order: whose they are (as they joined); eyes:
        who is asked (all). Pictures after a change may be on their way: tried for 10 s."""
        for caller in eyes or self.callers:
            if not caller.video:
                continue
            wrong = [None]

            def right(who=caller, said=wrong):
                said[0] = self._wrong_tile(who.picture(), tiles, order)
                return said[0] is None
            try:
                self.case.wait_for(right, 10, "all tiles right")
            except Failure as failure:
                raise Failure(f"{caller.name} sees: {wrong[0] or failure}") from None
            self.case.say(f"ok: {caller.name} sees {len(self.callers)} callers in their tiles")

    def judge_tiles(self, whose, picture):
        """The same for a picture from elsewhere."""
        wrong = self._wrong_tile(picture, None, None)
        self.case.check(wrong is None, f"{whose}: {wrong or 'everybody is in his tile'}")

    def _wrong_tile(self, seen, tiles, order):
        height, width = seen.shape[:2]
        grid = measure.grid(len(self.callers), width, height)
        for caller, rect in zip(order or self.callers, tiles or grid):
            problem = self._judge_tile(caller, seen, rect)
            if problem:
                return f"in {caller.name}'s tile {problem}"
        return None

    def _judge_tile(self, caller, seen, rect):
        """What is wrong with a tile, or None. An avatar only must not be anybody's camera."""
        shown = measure.colour_of(seen, rect)
        nearest = min(range(len(media.COLOURS)),
                      key=lambda i: measure.colour_distance(shown, media.COLOURS[i]))
        distance = measure.colour_distance(shown, media.COLOURS[nearest])
        if not caller.video:
            return f"a camera's colour {shown}" if distance < 20 else None
        if nearest != caller.number or distance > COLOUR_OFF:
            return f"the colour {shown}, wanted {media.COLOURS[caller.number]}"
        tile, whole = measure.inner(seen, rect), (0, 0) + rect[2:]
        alike = [measure.likeness(tile, measure.inner(picture, whole))
                 for picture in self._numbers(rect[2], rect[3])]
        best = int(np.argmax(alike))
        if self.callers[best] is not caller or alike[best] < 0.8:
            return f"not the number {caller.number + 1}: likeness to each {np.round(alike, 2)}"
        return None

    def _numbers(self, width, height):
        """Every caller's camera at a tile's size; black for who has none."""
        if (width, height) not in self._stills:
            blank = np.zeros((height, width, 3), np.uint8)
            self._stills[width, height] = [
                media.still(os.path.join(c.folder, "camera.mkv"), width, height) if c.video
                else blank for c in self.callers]
        return self._stills[width, height]

    # ---- sound ----

    def judge_sound(self, strangers=()):
        """Against the ideal mix passed through the same codecs, 300 to 3000 Hz: every other tone
        within 1 dB, and his own 50 dB below the quietest of the others. strangers: callers of other
        rooms, of whom as little may be heard."""
        sent = [self._sent(caller) for caller in self.callers]
        for i, caller in enumerate(self.callers):
            self._judge_ear(i, caller, sent, strangers)

    def heard_by(self, caller, others):
        """The names of those whose tone he hears at the end."""
        heard = measure.steady(caller.heard(), 3)
        levels = measure.lines_db(heard, [media.TONES[o.number] for o in others])
        return [o.name for o, level in zip(others, levels) if level > -60]

    def _sent(self, caller):
        amplitude = getattr(caller, "amplitude", AMPLITUDE)  # a browser's may be another
        pure = media.tone(media.TONES[caller.number], 48000, SECONDS + 2, amplitude)
        return media.through_codec(pure, caller.audio, caller.folder)

    def _judge_ear(self, i, caller, sent, strangers):
        length = min(map(len, sent))
        mix = sum(s[:length] for k, s in enumerate(sent) if k != i)
        ideal = measure.steady(media.through_codec(mix, caller.audio, caller.folder), SECONDS)
        heard = measure.steady(caller.heard(), SECONDS)
        others = [media.TONES[o.number] for o in self.callers if o is not caller]
        levels = measure.tones_db(heard, others)
        off = np.abs(levels - measure.tones_db(ideal, others))
        self.case.check(off.max() <= WITHIN_DB,
                        f"{caller.name} ({caller.audio}): others within {off.max():.2f} dB")
        unwanted = [media.TONES[o.number] for o in (caller, *strangers)]
        rest = measure.lines_db(heard, unwanted) - levels.min()
        self.case.check(rest.max() <= -OWN_BELOW_DB,
                        f"{caller.name} ({caller.audio}): his own tone at {rest[0]:.1f} dB"
                        + (f", another room at {rest[1:].max():.1f} dB" if strangers else ""))
