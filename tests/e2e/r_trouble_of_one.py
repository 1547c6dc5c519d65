"""One participant is killed (-9), one is frozen (SIGSTOP), one sends garbage instead of pictures,
reports and sound: the others' sound has no gap above 20 ms, their pictures stand still for 0.2 s at
most."""
import signal
import time

from lib import baresip, case, measure, media, peer
from lib.server import Server

HZ, DBFS = 613, -20
VICTIMS = (("killed", "opus", "h264"), ("frozen", "pcmu", "vp8"))
GAP_MS, FREEZE_MS = 20, 200
HELD_MS = 40       # by the usual jitter buffer: what comes no later than this is no gap
NO_PICTURES_S, NO_REPORTS_S, NO_SOUND_S = 8, 9, 20  # after the hostile one's call


def judge(c, server, name, seconds, *further):
    return peer.Peer(c, server, "trouble", name, "--silent", "--size", "320x180@10", "--probe", HZ,
                     "--steady", 2.5, *further, number=5, seconds=seconds)


def judge_good_one(c, result):
    """What holds in any trouble: all packets come, and the pictures of the good one move."""
    audio, video = result["audio"], result["video"]
    tile = video["tiles"][0]
    c.check(audio["gaps_rtp"]["count"] == 0 and audio["lost"] == 0, "the sound is complete")
    c.check(audio["gaps_arrival"]["max_ms"] <= HELD_MS + GAP_MS,
            f"and late by {audio['gaps_arrival']['max_ms']} ms at most")
    c.check(video["freeze_rtp"]["max_ms"] <= FREEZE_MS,
            f"pictures: {video['freeze_rtp']['max_ms']} ms apart")
    c.check(tile["still_max_ms"] <= FREEZE_MS,
            f"the good one stands still for {tile['still_max_ms']} ms")
    c.check(tile["number"] == 2, "and is the one in his tile")


def test(c):
    server = Server(c)
    peer.Peer(c, server, "trouble", "good", "--tone", f"{HZ}:{DBFS}", "--size", "320x180@25",
              number=1, seconds=60)
    peer.joined(c, server, "trouble", 1)
    victims = []
    for i, (name, audio, video) in enumerate(VICTIMS):
        rate = baresip.rate_of(audio)
        victim = baresip.Caller(c, server.ports, name, audio,
                                media.tone(media.TONES[4 + i], rate, 60, 0.1), video, 2 + i)
        victim.dial(server.uri("trouble"))
        c.wait_for(victim.in_call, 10, f"{name} is in the call")
        victims.append(victim)
    peer.Peer(c, server, "trouble", "hostile", "--tone", f"{media.TONES[6]}:{DBFS}", "--size",
              "320x180@10", "--garbage", f"video:{NO_PICTURES_S}",
              "--garbage", f"rtcp:{NO_REPORTS_S}", "--garbage", f"audio:{NO_SOUND_S}",
              number=4, seconds=60)
    started = time.monotonic()
    peer.joined(c, server, "trouble", 4)

    first = judge(c, server, "first", 14, "--tiles", 5)
    time.sleep(4)
    victims[0].process.signal(signal.SIGKILL)
    time.sleep(2)
    victims[1].process.signal(signal.SIGSTOP)
    result = first.result()
    judge_good_one(c, result)
    tone = peer.probe(result, HZ)
    c.check(0 <= tone["hole_max_ms"] <= GAP_MS and tone["holes"] == 0,
            f"the tone of the good one has no hole above {tone['hole_max_ms']} ms")
    c.check(abs(tone["dbfs"] - DBFS) < 1, f"and its level, {tone['dbfs']} dBFS")

    # Half of the spoilt sound still decodes, to loud noise, in which nobody could follow a tone.
    dump = c.path("noise.wav")
    result = judge(c, server, "second", started + NO_SOUND_S + 6 - time.monotonic(), "--tiles", 5,
                   "--dump-wav", dump).result()
    judge_good_one(c, result)
    gap = measure.longest_gap_ms(media.read_wav(dump)[int(2.5 * 48000):-24000], DBFS)
    c.check(gap <= GAP_MS, f"with the noise of the hostile one there is no gap above {gap} ms")
    malformed = [line["malformed"] for p in server.participants("trouble") for line in p["lines"]]
    c.check(sum(malformed) > 0, f"the garbage arrived: {sum(malformed)} malformed packets")


case.main(test)
