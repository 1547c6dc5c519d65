"""Pictures through a bad network in both directions: 1, 3, 5 and 20 % of loss. The one on a
good line sees the others move again after each loss; what the one on the bad line sees comes
back by the keyframes that he asks for. A dead line of 1 s is over within 1 s of its end.

Nothing is sent again (no NACK) and no view gets smaller for a lossy line yet, so a keyframe of
some twenty packets seldom arrives whole at 5 % and hardly ever at 20 %: what that one sees is
printed, and judged to 3 % only."""
import time

from lib import case, peer, relay
from lib.server import Server

SECONDS = 16
DEAD_S, BACK_S = 1.0, 1.0
# ms for which a tile stands still on the good line, and the whole canvas on the bad one
TILE_MS = {"clean": 300, "loss1": 600, "loss3": 800, "loss5": 1000, "loss20": 3000}
CANVAS_MS = {"clean": 300, "loss1": 2500, "loss3": 5000}
LOSS = {"clean": 0, "loss1": 1, "loss3": 3, "loss5": 5, "loss20": 20, "dead": 0}


def test(c):
    server = Server(c, "video.width=640", "video.height=360", "video.fps=15")
    relays, good, bad = {}, {}, {}
    for seed, room in enumerate(LOSS):
        relays[room] = relay.Relay(c, server.ports, seed)
        small = ("--silent", "--size", "176x144@15", "--video-bps", 100000, "--tiles", 2,
                 "--steady", 3)
        bad[room] = peer.Peer(c, server, room, "bad-" + room, *small, "--relay",
                              relays[room].base, number=1, seconds=SECONDS)
        peer.joined(c, server, room, 1)
        good[room] = peer.Peer(c, server, room, "good-" + room, *small, number=2, seconds=SECONDS)
        relays[room].up.loss = relays[room].down.loss = LOSS[room]
    for room in LOSS:
        peer.joined(c, server, room, 2)
    time.sleep(5)
    relays["dead"].up.blackout(DEAD_S)
    relays["dead"].down.blackout(DEAD_S)
    back_ms = (DEAD_S + BACK_S) * 1000
    tile_ms, canvas_ms = dict(TILE_MS, dead=back_ms), dict(CANVAS_MS, dead=back_ms)
    wrong = []
    for room in LOSS:
        far, near = good[room].result(), bad[room].result()
        tile, canvas = far["video"]["tiles"][0], near["video"]["freeze_arrival"]
        c.say(f"{room:7}: the good one sees the bad one still for {tile['still_max_ms']:.0f} ms at "
              f"most, was asked for {near['video']['rtcp']['pli']} keyframes; the bad one sees "
              f"nothing new for {canvas['max_ms']:.0f} ms ({canvas['count']} pauses above 200 ms), "
              f"asked {near['video']['pli_sent']} times, {near['video']['frames']} pictures")
        c.check(far["audio"]["gaps_rtp"]["count"] == 0, f"{room}: the good one's sound is complete")
        if (tile["number"] != 2 or tile["still_max_ms"] > tile_ms[room] or
                canvas["max_ms"] > canvas_ms.get(room, SECONDS * 1000)):
            wrong.append(room)
    c.check(not wrong, f"pictures come back in time (not: {wrong})")


case.main(test, clients=())
