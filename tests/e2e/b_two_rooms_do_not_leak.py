"""Two meetings at once on one server: nobody hears or sees anything of the other one."""
from lib import case, room


def test(c):
    red = room.Room(c, "red", settings=("video.fps=15",))
    red.add("anna", "opus", "h264")
    red.add("bert", "pcmu", "h264")
    blue = room.Room(c, "blue", server=red.server, first=2)
    blue.add("carl", "g722", "h264")
    blue.add("dora", "opus", "vp8")
    red.meet()
    blue.meet()
    red.judge_pictures()
    blue.judge_pictures()
    blue.listen()
    red.end()
    blue.end()
    red.judge_sound(strangers=blue.callers)
    blue.judge_sound(strangers=red.callers)


case.main(test)
