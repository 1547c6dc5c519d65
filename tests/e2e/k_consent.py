"""Consent to send (RFC 7675) with agents not written here: aiortc and GStreamer's libnice answer our checks
for longer than a call without consent could last. (Browsers do in p_soak.)"""
import time

from lib import case, webrtc
from lib.peer import joined
from lib.server import Server

SECONDS = 45  # consent ends after 30


def test(c):
    server = Server(c)
    kinds = (("aiortc", webrtc.WebPeer, "join"), ("gst", webrtc.GstPeer, "whip"))
    peers = []
    for number, (name, kind, door) in enumerate(kinds):
        peers.append(kind(c, server, door, "room", name, number=number, seconds=SECONDS + 30))
        joined(c, server, "room", number + 1)
    time.sleep(SECONDS)
    values = server.metrics()
    c.check(values["tessera_ice_consent_lost_total"] == 0 and values["tessera_legs"] == len(peers),
            f"{', '.join(name for name, _, _ in kinds)}: {values['tessera_legs']} legs after "
            f"{SECONDS} s, consent lost by {values['tessera_ice_consent_lost_total']}")
    for peer in peers:
        peer.stop()


webrtc.need_gstreamer()
case.main(test)
