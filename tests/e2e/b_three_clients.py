"""Three real callers with three sound codecs and two picture codecs: each hears the two others at
their level and not himself, and sees everybody in his tile."""
from lib import case, room


def test(c):
    meeting = room.Room(c, "room1")
    meeting.add("anna", "opus", "h264")
    meeting.add("bert", "g722", "vp8")
    meeting.add("carl", "pcmu", "h264")
    meeting.meet()
    meeting.judge_pictures()
    meeting.listen()
    meeting.end()
    meeting.judge_sound()


case.main(test)
