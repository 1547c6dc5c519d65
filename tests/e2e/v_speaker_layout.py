"""The layout with one large tile: whoever speaks (a recorded human voice) is in it."""
import os

import numpy as np

from lib import baresip, case, media, room

VOICES = ("/usr/share/asterisk/sounds/en_US_f_Allison/demo-congrats.wav",
          "/usr/share/asterisk/sounds/en/demo-congrats.wav")
TURN_S = 9


def test(c):
    voice = next((v for v in VOICES if os.path.exists(v)), None)
    if not voice:
        print("skipped: no recorded speech is installed (asterisk-core-sounds)")
        raise SystemExit(case.SKIPPED)
    meeting = room.Room(c, "talk", settings=("video.layout=speaker", "video.fps=15"))
    # One says a sentence while the others are silent; the turns are far enough apart for the start.
    for i, (name, audio) in enumerate((("anna", "pcmu"), ("bert", "g722"), ("carl", "opus"))):
        rate = baresip.rate_of(audio)
        speech = media.read_wav(voice, rate)[:TURN_S * rate]
        speech *= 0.5 / np.abs(speech).max()
        before, after = np.zeros((6 + i * TURN_S) * rate), np.zeros(40 * rate)
        meeting.add(name, audio, "h264", sound=np.concatenate((before, speech, after)))
    meeting.meet()
    for caller in meeting.callers:
        c.wait_for(lambda who=caller: speaker(meeting) == who.name, TURN_S + 6,
                   f"{caller.name} has the floor")
        order = [caller] + [o for o in meeting.callers if o is not caller]
        meeting.judge_pictures(room.SPEAKER_OF_THREE, order=order, eyes=meeting.callers[:1])
    meeting.end()


def speaker(meeting):
    """Who has the floor by the API."""
    people = meeting.server.participants(meeting.name)
    return next((p["name"] for p in people if p["speaker"]), None)


case.main(test)
