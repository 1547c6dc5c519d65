"""A kiosk shows the room, with its sound and without any button; it is not in the picture itself. The
server is killed and starts again: the kiosk comes back without anybody's help."""
import signal
import time

from lib import browser, case, measure, room
from lib.media import TONES

BACK_WITHIN_S = 20


def tile_is_there(meeting, who):
    """Whether it shows the one caller, and nobody else."""
    return who.in_call() and meeting._wrong_tile(who.picture(), None, None) is None


def call(c, meeting, caller):
    caller.dial(meeting.server.uri("lobby"))
    c.wait_for(caller.in_call, 10, f"{caller.name} is in the call")


def test(c):
    meeting = room.Room(c, "lobby")
    anna = meeting.add("anna", "opus", "h264")
    call(c, meeting, anna)
    kiosk = browser.Browser(c, meeting.server, "chromium", "kiosk", number=5, loud=True)
    kiosk.open("/r/lobby?kiosk")
    c.wait_for(lambda: tile_is_there(meeting, kiosk), 15, "the kiosk shows the one caller")
    kiosk.shot("kiosk-real")
    buttons = kiosk.evaluate("[...document.querySelectorAll('button')].filter((b) => b.checkVisibility()).length")
    c.check(buttons == 0, f"{buttons} buttons")
    c.check(len(meeting.server.participants("lobby")) == 1, "it is no participant")
    kiosk.listen(3)
    level = measure.tones_db(measure.steady(kiosk.heard(), 2, before_end=0.2), [TONES[anna.number]])[0]
    c.check(abs(level + 20.9) < 1.5, f"it hears the caller at {level:.1f} dB")
    anna.process.kill()
    meeting.server.process.signal(signal.SIGKILL)
    meeting.server.process.wait(5)
    c.wait_for(lambda: not kiosk.in_call(), 25, "the kiosk has seen that the server is gone")
    time.sleep(2)
    meeting.server.start()
    started = time.monotonic()
    call(c, meeting, anna)
    c.wait_for(lambda: tile_is_there(meeting, kiosk), BACK_WITHIN_S, "the kiosk is back")
    c.say(f"ok: the kiosk is back {time.monotonic() - started:.1f} s after the server")
    kiosk.listen(2)
    level = measure.tones_db(kiosk.heard(), [TONES[anna.number]])[0]
    c.check(level > -25, f"and hears the caller, {level:.1f} dB")


browser.need()
case.main(test)
