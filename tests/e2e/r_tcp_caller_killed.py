"""A caller whose signalling runs over TCP is killed: his leg ends after the time-out, the others
talk on, and the next caller over TCP is served."""
import signal
import time

from lib import case, room

TIMEOUT_S = 4


def test(c):
    meeting = room.Room(c, "tcp", settings=(f"limits.leg_timeout_s={TIMEOUT_S}", "video.fps=15"))
    meeting.add("anna", "opus", "h264")
    meeting.add("bert", "pcmu")
    lost = meeting.add("lost", "g722", "h264", transport="tcp")
    meeting.meet()
    meeting.judge_pictures(eyes=meeting.callers[:1])
    lost.process.signal(signal.SIGKILL)
    killed = time.monotonic()
    c.wait_for(lambda: len(meeting.server.participants("tcp")) == 2, TIMEOUT_S + 5, "two are left")
    c.check(time.monotonic() - killed > TIMEOUT_S - 1.5,
            f"his leg ended {time.monotonic() - killed:.1f} s after the kill")
    meeting.callers.remove(lost)
    late = meeting.add("late", "pcma", "h264", transport="tcp")
    late.dial(meeting.server.uri("tcp"))
    c.wait_for(late.in_call, 10, "the next one over TCP is in the call")
    meeting.judge_pictures()
    meeting.listen()
    meeting.end()
    meeting.judge_sound()


case.main(test)
