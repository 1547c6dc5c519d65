"""linphone in a room with baresip, in the clear and with keys by SDES and by DTLS: VP8 and Opus, each
hears and sees the other; while linphone pauses it is not heard, and it comes back."""
import os
import time

import numpy as np

from lib import baresip, case, linphone, measure, media
from lib.server import Server

TONE = (media.TONES[0], media.TONES[1])


def sees(c, who, number, what):
    """He sees a large tile of this caller's colour, somewhere in a grid of two."""
    def right():
        seen = who.picture()
        rects = measure.grid(2, seen.shape[1], seen.shape[0])
        return any(measure.colour_distance(measure.colour_of(seen, r), media.COLOURS[number]) < 40
                   for r in rects)
    c.wait_for(right, 20, what)
    c.say("ok: " + what)


def level(samples, hz, start, seconds=2.0):
    part = samples[int(start * 48000):int((start + seconds) * 48000)]
    return float(measure.tones_db(part, [hz])[0]) if len(part) > 48000 else -99.0


def row(c, server, name, seal):
    bert = baresip.Caller(c, server.ports, name + "-bert", "opus",
                          media.tone(TONE[1], 48000, 60, 0.09), "vp8", 1)
    bert.dial(server.uri(name))
    c.wait_for(bert.in_call, 10, "bert is in the call")
    anna = linphone.Linphone(c, server.ports, name + "-anna", media.tone(TONE[0], 8000, 60, 0.09),
                             seal, picture=0)
    anna.dial(server.uri(name))
    c.wait_for(lambda: len(server.participants(name)) == 2, 15, f"linphone is in the room ({seal})")
    sees(c, bert, 0, f"{seal}: baresip sees linphone's picture")
    shown = server.participants(name)[-1]
    c.check(shown["audio_in"] == "opus" and shown["video_in"] == "VP8",
            f"{seal}: {shown['audio_in']} and {shown['video_in']}")
    time.sleep(3)
    anna.command("pause")  # a=sendonly: it plays its file as hold music, and takes nothing
    c.wait_for(lambda: server.participants(name)[-1]["audio_out"] is None, 5, "it is paused")
    time.sleep(1)
    anna.command("resume 1")
    c.wait_for(lambda: server.participants(name)[-1]["audio_out"] == "opus", 5, "it is back")
    sees(c, bert, 0, f"{seal}: and again after the pause")
    time.sleep(3.5)
    bert.hang_up()
    anna.hang_up()
    back = float(measure.tones_db(measure.steady(bert.heard(), 2), [TONE[0]])[0])
    c.check(back > -35, f"{seal}: baresip hears linphone at {back:.0f} dB after the pause")
    sound = anna.heard()
    levels = [level(sound, TONE[1], at) for at in np.arange(0, len(sound) / 48000 - 2, 1.0)]
    half = len(levels) // 2
    c.check(max(levels[:4]) > -35 and max(levels[half:]) > -35, f"{seal}: linphone hears baresip "
            f"at {max(levels[:4]):.0f} dB, and {max(levels[half:]):.0f} after the pause")


def test(c):
    server = Server(c, "video.codecs=VP8", "video.width=640", "video.height=360",
                    "video.fps=10")
    for seal in ("none", "srtp", "dtls"):
        row(c, server, "lin-" + seal, seal)
    metrics = server.metrics()
    c.check(metrics["tessera_dtls_handshakes_total"] >= 2, "DTLS has been spoken")


linphone.alone()
case.main(test, clients=("baresip", "ffmpeg", "linphonec", "unshare", "ip"))
