"""Keys in the SDP: a caller with SRTP by SDES and one with plain RTP are in one room, whoever comes
first; each hears and sees the other. Where security is required, the plain one is refused."""
import time

import numpy as np

from lib import baresip, case, room
from lib.server import Server


def hold_and_resume(meeting, seals):
    """The secured ones hold and come back: two re-INVITEs with the keys they had."""
    for word in ("hold", "resume"):
        for caller, seal in zip(meeting.callers, seals):
            if seal:
                caller.command(word)
        time.sleep(1.5)


def meet(c, name, seals, server):
    """Two callers, each secured as said; sound and pictures judged."""
    meeting = room.Room(c, name, server)
    for person, codecs, seal in zip(("anna", "bert"), (("opus", "h264"), ("pcmu", "vp8")), seals):
        meeting.add(f"{name}-{person}", *codecs, seal=seal)
    meeting.meet()
    meeting.judge_pictures()
    hold_and_resume(meeting, seals)
    meeting.listen()
    for caller, seal in zip(meeting.callers, seals):
        sealed = caller.process.log().count("SRTP is Enabled")
        c.check((sealed >= 2) == bool(seal), f"{caller.name}: {sealed} secured lines")
    meeting.end()
    meeting.judge_sound()
    judge_counters(c, server)


def judge_counters(c, server):
    """Nothing that came was bad but baresip's first and last word of RTCP on each line: it says them
    in the clear, before it has its keys and after it has thrown them away."""
    metrics = server.metrics()
    bad = {name: metrics[f"tessera_srtp_packets_{name}_total"]
           for name in ("unauthentic", "replayed", "without_key")}
    c.check(bad.pop("unauthentic") <= 10 and not any(bad.values()), f"bad packets: {bad}")


def test(c):
    server = Server(c)
    meet(c, "mandatory", ("srtp-mand", None), server)
    meet(c, "offered", (None, "srtp"), server)

    strict = Server(c, "media.security=required")
    plain = baresip.Caller(c, strict.ports, "plain", "pcmu", np.zeros(8000))
    plain.dial(strict.uri("strict"), 10)
    c.wait_for(lambda: "488" in plain.process.log(), 5, "the plain caller gets 488")
    sealed = baresip.Caller(c, strict.ports, "sealed", "pcmu", np.zeros(8000), seal="srtp-mandf")
    sealed.dial(strict.uri("strict"), 10)
    c.wait_for(sealed.in_call, 5, "the secured caller is in the call")
    sealed.hang_up()
    secret = [line for line in server.process.log().splitlines() if "inline:" in line]
    c.check(not secret, "no key is in the log")


case.main(test)
