"""Nine real callers, every sound codec and both picture codecs in one room, three of them without a
camera: each hears the eight others and not himself, and sees nine tiles, three with avatars."""
from lib import case, room

# A smaller canvas at half the rate: nine callers who code and decode share two cores with the
# server. More bits for Opus: at 64 kbit/s its own noise beside eight tones is only 50 to 60 dB down
# in 1/3 Hz.
SETTINGS = ("video.width=960", "video.height=540", "video.fps=15", "audio.opus_bps=128000")


def test(c):
    meeting = room.Room(c, "nine", settings=SETTINGS)
    meeting.add("anna", "opus", "h264")
    meeting.add("bert", "g722", "vp8")
    meeting.add("carl", "pcmu", "h264")
    meeting.add("dora", "pcma")
    meeting.add("emil", "opus", "h264")
    meeting.add("fred", "g722")
    meeting.add("gina", "pcma", "vp8")
    meeting.add("hans", "opus")
    meeting.add("ines", "pcmu", "h264")
    meeting.meet()
    meeting.judge_pictures()
    meeting.listen()
    meeting.end()
    meeting.judge_sound()


case.main(test)
