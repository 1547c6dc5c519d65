"""A caller is moved from one conference to another, which may be on another media loop: he hears
and sees the new one and nothing more of the old one, and is heard and seen there."""
from lib import case, room


def test(c):
    red = room.Room(c, "red", settings=("listen.http_control=true", "video.fps=15"))
    red.add("anna", "opus", "h264")
    red.add("bert", "pcmu")
    blue = room.Room(c, "blue", server=red.server, first=2)
    blue.add("carl", "g722", "h264")
    blue.add("dora", "pcma", "vp8")
    red.meet()
    blue.meet()
    red.judge_pictures()
    loops = [red.server.conference(r.name)["media_loop"] for r in (red, blue)]
    c.check(len(set(loops)) == c.options.loops, f"the conferences are on the loops {loops}")

    anna, bert = red.callers
    leg = next(p["leg"] for p in red.server.participants("red") if p["name"] == "anna")
    status, text = red.server.http(f"/api/v1/legs/{leg}/move", {"room": "blue"})
    c.check(status == 202, f"the move is accepted: {status} {text}")
    red.callers.remove(anna)
    blue.callers.append(anna)
    blue.judge_pictures()
    blue.listen()
    blue.end()
    red.end()
    blue.judge_sound(strangers=[bert])
    c.check(not red.heard_by(bert, [anna, *blue.callers]), "bert, left alone, hears nobody")


case.main(test)
