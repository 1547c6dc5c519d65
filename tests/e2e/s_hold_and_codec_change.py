"""A caller (sipp) who begins without an offer, holds, resumes and changes his codec within the
call: another one (baresip) hears his tone exactly while he is there."""
import time

import numpy as np

from lib import baresip, case, measure, media, sipp
from lib.server import Server

HZ = 1061
STEP_S = 3


def heard_blocks(samples):
    """Whether the tone is there, for each block of 0.25 s."""
    block = 12000
    return [measure.tones_db(samples[i:i + block], [HZ])[0] > -30
            for i in range(0, len(samples) - block, block)]


def runs(flags):
    """[(flag, seconds)] of consecutive equal ones; single blocks at a change count to neither."""
    out = []
    for flag in flags:
        if out and out[-1][0] == flag:
            out[-1][1] += 0.25
        else:
            out.append([flag, 0.25])
    return [(flag, s) for flag, s in out if s > 0.5]


def test(c):
    server = Server(c)
    rate = baresip.rate_of("pcmu")
    anna = baresip.Caller(c, server.ports, "anna", "pcmu", np.zeros(rate * 40))
    anna.dial(server.uri("hold"))
    c.wait_for(anna.in_call, 10, "anna is in the call")
    time.sleep(2)

    call = sipp.Sipp(c, server, "hold")
    call.send_invite()                                    # a delayed offer
    call.expect(200, [("Content-Type", "application/sdp"), ("", "m=audio [0-9]+ RTP/AVP"),
                      ("", "m=video [0-9]+ RTP/AVP")])
    call.ack(sipp.sdp(*sipp.audio(), "m=video 0 RTP/AVP 96"))
    call.play(HZ)
    call.pause(STEP_S)
    call.invite(sipp.sdp(*sipp.audio(direction="inactive"), "m=video 0 RTP/AVP 96", version=2),
                headers=[("", "a=inactive")])
    call.pause(STEP_S)
    call.invite(sipp.sdp(*sipp.audio(), "m=video 0 RTP/AVP 96", version=3),
                headers=[("", "a=sendrecv")])
    call.pause(STEP_S)
    call.invite(sipp.sdp(*sipp.audio("pcma"), "m=video 0 RTP/AVP 96", version=4),
                headers=[("", "m=audio [1-9][0-9]* RTP/AVP 8"), ("", "m=video 0 RTP/AVP")])
    call.play(HZ, "pcma")
    call.pause(STEP_S)
    call.bye()
    call.start()
    call.finish()
    anna.hang_up()

    said = runs(heard_blocks(anna.heard()))
    c.say("tone heard: " + ", ".join(f"{'yes' if f else 'no'} {s} s" for f, s in said))
    c.check([f for f, _ in said][:4] == [False, True, False, True],
            "silence, tone, silence while he holds, tone")
    lengths = [s for _, s in said[1:4]]
    c.check(abs(lengths[0] - STEP_S) < 0.8 and abs(lengths[1] - STEP_S) < 0.8,
            f"the hold takes effect at once: {lengths}")
    c.check(abs(lengths[2] - 2 * STEP_S) < 1.0, f"no pause at the change of codec: {lengths[2]} s")


case.main(test, clients=("baresip", "sipp", "ffmpeg"))
