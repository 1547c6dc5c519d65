"""Keys by RFC 4733 (baresip) and by INFO (sipp) become events; INFO picture_fast_update brings a
keyframe."""
import time

import numpy as np

from lib import baresip, case, sipp
from lib.server import Server

_UPDATE = ('<?xml version="1.0" encoding="utf-8"?><media_control><vc_primitive><to_encoder>'
           '<picture_fast_update/></to_encoder></vc_primitive></media_control>\n')


def test(c):
    server = Server(c)
    anna = baresip.Caller(c, server.ports, "anna", "pcmu", np.zeros(8000 * 40))
    anna.dial(server.uri("keys"))
    c.wait_for(anna.in_call, 10, "anna is in the call")
    time.sleep(1)
    anna.command("sndcode", "15#")

    call = sipp.Sipp(c, server, "keys")
    call.invite(sipp.sdp(*sipp.audio(), "m=video [auto_media_port] RTP/AVP 97",
                         "a=rtpmap:97 H264/90000",
                         "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1"))
    call.pause(3)
    call.request("INFO", "application/dtmf-relay", "Signal=7\nDuration=160\n")
    call.request("INFO", "application/media_control+xml", _UPDATE)
    call.pause(2)
    call.bye()
    call.start()

    def rendition():
        found = server.conference("keys")
        return found["renditions"][0] if found and found["renditions"] else None
    c.wait_for(rendition, 5, "a rendition for sipp")
    time.sleep(2)
    before = rendition()["keyframes"]
    c.wait_for(lambda: rendition()["keyframes"] > before, 5, "a keyframe after INFO")
    c.say(f"ok: INFO brought a keyframe ({before} before)")
    call.finish()
    anna.hang_up()
    keys = [(e["leg"], e["detail"]) for e in server.events("key-pressed")]
    text = " ".join(detail for _, detail in keys)
    c.check(len(keys) == 4 and len({leg for leg, _ in keys}) == 2, f"four keys of two legs: {text}")
    by_anna = [d for leg, d in keys if leg == 1]
    c.check([next(k for k in "15#" if k in d) for d in by_anna] == list("15#"),
            f"anna's keys in order: {by_anna}")


case.main(test, clients=("baresip", "sipp", "ffmpeg"))
