"""SIGHUP takes over what can change while calls go on; SIGTERM says BYE to everybody, over UDP and
TCP, and ends within 5 s."""
import signal
import time

from lib import case, room, sipp
from lib.server import Server

_FILE = "video:\n  layout: {layout}\n  fps: 15\nlimits:\n  legs_per_conference: {legs}\n"


def write(path, layout, legs):
    with open(path, "w", encoding="utf-8") as out:
        out.write(_FILE.format(layout=layout, legs=legs))


def test(c):
    path = c.path("tessera.yaml")
    write(path, "grid", 10)
    server = Server(c, config_file=path)
    meeting = room.Room(c, "stop", server=server)
    meeting.add("anna", "opus", "h264")
    meeting.add("bert", "pcmu", "h264", transport="tcp")
    meeting.meet()
    meeting.judge_pictures()

    write(path, "speaker", 2)
    server.process.signal(signal.SIGHUP)
    meeting.judge_pictures(room.SPEAKER_OF_TWO)
    third = sipp.Sipp(c, server, "stop", "third")
    third.send_invite(sipp.sdp(*sipp.audio()))
    third.expect(503)
    third.ack(in_dialog=False)
    third.start()
    third.finish()

    guests = [sipp.Sipp(c, server, "other", t, t) for t in ("udp", "tcp")]
    for guest in guests:
        guest.invite(sipp.sdp(*sipp.audio()))
        guest.wait_bye()
        guest.start()
    c.wait_for(lambda: len(server.participants("other")) == 2, 5, "two guests")
    started = time.monotonic()
    status = server.stop(5)
    c.check(status == 0, f"it ended with status {status} in {time.monotonic() - started:.1f} s")
    for guest in guests:
        guest.finish()
    for caller in meeting.callers:
        def over(log=caller.process.log):
            return "terminated" in log() or "session closed" in log()
        c.wait_for(over, 3, f"{caller.name} was hung up on")


case.main(test, clients=("baresip", "sipp", "ffmpeg"))
