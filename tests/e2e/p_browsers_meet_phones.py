"""Chromium, Firefox and two telephones in one room, through the page as a person uses it: each sees
everybody in his tile and hears the three others and not himself. Neither browser loses a packet, both
show as many pictures as the server sends, and the page says who is there."""
import threading
import time

from lib import browser, case, measure, room
from lib.server import Server

LISTEN_S = room.SECONDS + 1.5
FPS = 20  # two browsers, two phones and the server share two cores
BROWSERS = (("chromium", 1), ("firefox", 2))


def numbers(stats):
    """What is compared between two moments."""
    audio, video = stats["in"]["audio"], stats["in"]["video"]
    return {"at": stats["at"], "lost": audio["packetsLost"] + video["packetsLost"],
            "decoded": video["framesDecoded"], "sent": stats["out"]["video"]["framesEncoded"],
            "energy": audio["totalAudioEnergy"], "freezes": video.get("freezeCount", 0)}


def judge_stats(c, who, before, after):
    first, last = numbers(before), numbers(after)
    seconds = (last["at"] - first["at"]) / 1000
    change = {key: last[key] - first[key] for key in last}
    codecs = {way: [after[way][kind]["codec"].split("/")[1] for kind in ("audio", "video")]
              for way in ("in", "out")}
    c.say(f"{who.name} receives {codecs['in']} and sends {codecs['out']}")
    c.check(codecs["in"][0] == "opus" and codecs["in"][1] in ("H264", "VP8"), f"{who.name}: codecs")
    c.check(last["lost"] == 0, f"{who.name}: {last['lost']} packets lost on the way to it")
    fps = change["decoded"] / seconds
    c.check(abs(fps - FPS) <= 1.5, f"{who.name}: shows {fps:.1f} pictures/s of {FPS}")
    c.check(change["sent"] / seconds > 8, f"{who.name}: sends {change['sent'] / seconds:.1f} pictures/s")
    c.check(change["energy"] > 0, f"{who.name}: energy of the sound {change['energy']:.4f}")


def judge_page(c, who, meeting):
    names = who.evaluate("[...document.querySelectorAll('#roster > li')].map((li) => li.textContent)")
    c.check(len(names) == 4 and all(any(m.name in n for n in names) for m in meeting.callers),
            f"{who.name}'s page lists {names}")
    c.check(sum("(you)" in name for name in names) == 1, f"{who.name} is 'you' once")


def listen(browsers):
    """Both take up the sound at the same time."""
    threads = [threading.Thread(target=who.listen, args=(LISTEN_S,)) for who in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test(c):
    meeting = room.Room(c, "room1", Server(c, f"video.fps={FPS}"))
    browsers = []
    for kind, number in BROWSERS:
        who = browser.Browser(c, meeting.server, kind, kind, number=number - 1)
        meeting.callers.append(who)
        browsers.append(who)
        who.join("room1")
    for name, audio, video in (("anna", "opus", "h264"), ("bert", "g722", "vp8")):
        phone = meeting.add(name, audio, video)
        phone.dial(meeting.server.uri("room1"), room.CALL_SECONDS)
        c.wait_for(phone.in_call, 10, f"{name} is in the call")
    meeting.judge_pictures()
    before = [who.stats() for who in browsers]
    listen(browsers)
    for who, stats in zip(browsers, before):
        judge_stats(c, who, stats, who.stats())
        judge_page(c, who, meeting)
        gap = measure.longest_gap_ms(measure.steady(who.heard(), room.SECONDS), -21)
        c.check(gap <= 20, f"{who.name}: longest gap in the sound {gap} ms")
        who.shot(f"meeting-{who.kind}")
        who.no_complaints()
    meeting.end()
    meeting.judge_sound()
    c.wait_for(lambda: not meeting.server.participants("room1"), 10, "everybody has left")
    for who in browsers:
        who.shot(f"left-{who.kind}")


browser.need()
case.main(test)
