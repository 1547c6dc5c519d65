"""One participant is killed (-9), one is frozen (SIGSTOP), one sends garbage instead of sound, pictures
and reports: the others' sound has no gap above 20 ms, their pictures stand still for 0.2 s at most."""
import signal
import time

from lib import baresip, case, media, peer
from lib.server import Server

HZ = 613
STAYS_S = 22       # those who are not in trouble


def test(c):
    server = Server(c)
    good = peer.Peer(c, server, "trouble", "good", "--tone", f"{HZ}:-20", "--size", "320x180@25",
                     number=1, seconds=STAYS_S)
    peer.joined(c, server, "trouble", 1)
    victims = []
    for i, (name, audio, video) in enumerate((("killed", "opus", "h264"), ("frozen", "pcmu", "vp8"))):
        rate = baresip.rate_of(audio)
        victim = baresip.Caller(c, server.ports, name, audio,
                                media.tone(media.TONES[4 + i], rate, 60, 0.1), video, 2 + i)
        victim.dial(server.uri("trouble"))
        c.wait_for(victim.in_call, 10, f"{name} is in the call")
        victims.append(victim)
    peer.Peer(c, server, "trouble", "hostile", "--tone", f"{media.TONES[6]}:-20", "--size",
              "320x180@10", "--garbage", "audio:9", "--garbage", "video:10", "--garbage", "rtcp:11",
              number=4, seconds=60)
    peer.joined(c, server, "trouble", 4)
    judge = peer.Peer(c, server, "trouble", "judge", "--silent", "--size", "320x180@10", "--tiles", 5,
                      "--probe", HZ, "--steady", 2.5, number=5, seconds=14)
    time.sleep(5)
    victims[0].process.signal(signal.SIGKILL)
    time.sleep(2)
    victims[1].process.signal(signal.SIGSTOP)
    result = judge.result()
    good.process.wait(30)

    audio, video = result["audio"], result["video"]
    tone, tile = peer.probe(result, HZ), video["tiles"][0]
    c.say(f"sound arrives with gaps of {audio['gaps_arrival']['max_ms']} ms at most")
    c.check(audio["gaps_rtp"]["count"] == 0 and audio["lost"] == 0, "the sound is complete")
    c.check(0 <= tone["hole_max_ms"] <= 20 and tone["holes"] == 0,
            f"the tone of the good one has no hole above {tone['hole_max_ms']} ms")
    c.check(abs(tone["dbfs"] + 20) < 1, f"and its level, {tone['dbfs']} dBFS")
    c.check(video["freeze_rtp"]["max_ms"] <= 200, f"pictures: {video['freeze_rtp']['max_ms']} ms apart")
    c.check(tile["still_max_ms"] <= 200, f"the good one stands still for {tile['still_max_ms']} ms")
    c.check(tile["number"] == 2, "and is the one in his tile")
    malformed = sum(line["malformed"] for p in server.participants("trouble") for line in p["lines"])
    c.check(malformed > 0, f"the garbage arrived: {malformed} malformed packets")


case.main(test)
