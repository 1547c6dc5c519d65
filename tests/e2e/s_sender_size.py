"""Callers without TMMBR are told by SDP what their tile needs (b=TIAS; VP8 max-fs, H.264 by a level of its
own): in the answer at the join, and, where video.reinvite_for_size is set, by an offer of ours
when the room has grown or shrunk; judged by what they send. Who refuses such an offer is left alone."""
import re
import time

from lib import case, rawcall
from lib.peer import Peer
from lib.phone import Phone
from lib.server import Server

ALONE = 1500000
TILE = ("--audio", "none", "--video", "h264", "--size", "160x90@5", "--no-decode")


def worth(width, height):
    """What shown.c says of a picture at 30/s."""
    return int(ALONE * ((width * height) / (1280 * 720)) ** 0.75)


def sender(c, server, room, codec, *further, seconds):
    """720p that costs its bits, obedient."""
    return Peer(c, server, room, codec, "--audio", "none", "--video", codec, "--size", "1280x720@10",
                "--video-bps", ALONE, "--busy", "--obey", "--no-decode", *further, seconds=seconds)


def rate(server, room, name, seconds=4):
    """Bits/s and rows of what the server receives of him."""
    def now():
        who = next(p for p in server.participants(room) if p["name"] == name)
        line = next(v for v in who["lines"] if v["line"] == "video")
        return time.monotonic(), line["bytes_in"], who["video_in_size"]
    start, first, _ = now()
    time.sleep(seconds)
    end, last, size = now()
    return (last - first) * 8 / (end - start), (size or {}).get("height", 0)


def bandwidth(text):
    return int(re.search(r"m=video.*?b=TIAS:(\d+)", text, re.S).group(1))


def wish(c, server, room, layout):
    """The first in the room sees that layout, alone; "": as all do."""
    leg = server.participants(room)[0]["leg"]
    status, _ = server.http(f"/api/v1/legs/{leg}/layout", {"layout": layout})[:2]
    c.check(status == 202, f"leg {leg} is to see the layout \"{layout}\"")
    c.wait_for(lambda: {r["layout"] for r in server.conference(room)["renditions"]} == {"grid", layout or "grid"},
               5, "so it does")


def told(c, server, room):
    """What a caller of VP8 without TMMBR is told to send."""
    phone = Phone(c, server, "asker", 700)
    lines = [f"m=video {phone.port} RTP/AVPF 98", "a=rtpmap:98 VP8/90000"]
    said = bandwidth(phone.call(room, body=phone.sdp(lines=lines)).body)
    phone.bye()
    return said


def answers(c, server):
    """What is written, without a picture being sent: nine others are in the room."""
    others = Peer(c, server, "sdp", "other", *TILE, count=15, seconds=25)
    c.wait_for(lambda: len(server.participants("sdp")) == 15, 10, "fifteen in the room")
    formats = (("98 VP8/90000", "", r"max-fs=(\d+)", "920"),
               ("97 H264/90000", "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
                r"profile-level-id=(\w+)", "42e01e"),
               ("97 H264/90000", "profile-level-id=42e01f;packetization-mode=1",
                r"profile-level-id=(\w+)", "42e01f"))
    for rtpmap, fmtp, pattern, want in formats:
        for feedback, bps in (("", worth(640, 360)), ("ccm tmmbr", ALONE)):
            phone = Phone(c, server, "asker", 700)
            number = rtpmap.split()[0]
            lines = [f"m=video {phone.port} RTP/AVPF {number}", f"a=rtpmap:{rtpmap}"]
            lines += [f"a=fmtp:{number} {fmtp}"] if fmtp else []
            lines += [f"a=rtcp-fb:* {feedback}"] if feedback else []
            answer = phone.call("sdp", body=phone.sdp(lines=lines))
            said = re.search(pattern, answer.body).group(1)
            asked = want if bps < ALONE else {"920": "3600"}.get(want, "42e01f")
            c.check(bandwidth(answer.body) == bps and said == asked,
                    f"{rtpmap} {feedback or 'without TMMBR'}: TIAS {bandwidth(answer.body)}, {said}")
            phone.bye()
    wish(c, server, "sdp", "speaker")
    c.wait_for(lambda: told(c, server, "sdp") == ALONE, 5, "where somebody sees the speaker large, all are asked for all")
    wish(c, server, "sdp", "")
    c.wait_for(lambda: told(c, server, "sdp") == worth(640, 360), 5, "where he does no more, for less")
    others.process.signal(15)
    others.process.wait(10)
    c.wait_for(lambda: not server.conference("sdp"), 5, "they are gone")


def refuser(c, server):
    """A phone that takes no offers of ours, alone in a room."""
    phone = Phone(c, server, "refuser", 700)
    video = server.ports.take(2)
    phone.call("other", body=phone.sdp(lines=[f"m=audio {phone.port} RTP/AVP 0", f"m=video {video} RTP/AVP 98",
                                              "a=rtpmap:98 VP8/90000"]))
    return phone


def by_offers(c, server):
    """Alone, then among sixteen, then (--full) alone again; beside it one who refuses."""
    sent, phone = sender(c, server, "room", "vp8", seconds=160 if c.options.full else 48), refuser(c, server)
    c.wait_for(lambda: server.participants("room"), 5, "one in the room")
    time.sleep(4)
    alone, rows = rate(server, "room", "vp8")
    c.check(0.5 * ALONE < alone < 1.2 * ALONE and rows == 720, f"alone {alone / 1000:.0f} kbit/s, {rows} rows")
    others = Peer(c, server, "room", "other", *TILE, count=15, seconds=150)
    more = Peer(c, server, "other", "more", *TILE, count=5, seconds=150)
    c.wait_for(lambda: len(server.participants("room")) == 16, 10, "sixteen in the room")
    invite = phone.request("INVITE", 40)
    phone.answer(invite, "488 Not Acceptable Here")
    phone.request("ACK")
    c.check(bandwidth(invite.body) == worth(426, 240) and server.participants("other"),
            f"a phone is offered TIAS {bandwidth(invite.body)}, and refuses")
    c.wait_for(lambda: rate(server, "room", "vp8", 1)[1] == 180, 45, "he sends 180 rows")
    small, rows = rate(server, "room", "vp8")
    c.check(small < 1.3 * worth(320, 180), f"of sixteen {small / 1000:.0f} kbit/s, {rows} rows, "
            f"of a tile worth {worth(320, 180) / 1000:.0f}")
    c.check(len(server.participants("other")) == 6 and phone.ask("OPTIONS").status == 200,
            "who refused is still in his call")
    if not c.options.full:
        return
    wish(c, server, "room", "speaker")
    c.wait_for(lambda: rate(server, "room", "vp8", 1)[1] == 720, 50, "one sees the speaker large: he sends 720 rows")
    wish(c, server, "room", "")
    c.wait_for(lambda: rate(server, "room", "vp8", 1)[1] == 180, 50, "he does no more: 180 rows again")
    for peer in (others, more):
        peer.process.signal(15)
        peer.process.wait(10)
    c.wait_for(lambda: rate(server, "room", "vp8", 1)[1] == 720, 50, "he sends 720 rows again")
    grown, rows = rate(server, "room", "vp8")
    c.check(grown > 0.5 * ALONE, f"alone again {grown / 1000:.0f} kbit/s, {rows} rows")
    c.check(phone.request("INVITE", 0.5, fail=False) is None, "who refused is asked no more")
    result = sent.result(120)
    c.check(result["sip"]["reinvites_in"] == 4, f"by {result['sip']['reinvites_in']} offers of ours")


def test(c):
    server = Server(c, "listen.http_control=true")
    answers(c, server)
    c.check(server.stop() == 0, "the server ends well")
    server = Server(c, "video.reinvite_for_size=true", "listen.http_control=true")
    by_offers(c, server)
    c.check(server.stop() == 0, "and so does that with offers")


case.main(test, clients=())
