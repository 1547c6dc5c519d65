"""Two layouts of one meeting: who asks for the large tile (by WHEP's query, the API, or the page) sees
it, the others keep their grid, and each layout is coded once for all who see it in a codec."""
import urllib.error
import urllib.request

import numpy as np

from lib import baresip, case, measure, room, webrtc
from lib.media import COLOURS


def test(c):
    meeting = room.Room(c, "split", settings=("video.fps=15", "listen.http_control=true"))
    for name, audio in (("anna", "pcmu"), ("bert", "g722"), ("carl", "opus")):
        meeting.add(name, audio, "h264", sound=np.zeros(room.CALL_SECONDS * baresip.rate_of(audio)))
    meeting.meet()
    anna, bert, carl = meeting.callers
    server = meeting.server
    meeting.judge_pictures()
    c.check(layouts(server) == {"grid": 3}, f"one layout so far: {layouts(server)}")

    refused = status(server, "/whep/split?layout=mosaic")
    c.check(refused == 400, f"a layout that is not known: {refused}")
    c.check(wish(server, leg_of(server, "bert"), "mosaic") == 400, "nor by the API")
    c.check(wish(server, 4711, "grid") == 404, "nobody has that number")
    c.check(wish(server, leg_of(server, "bert"), "speaker") == 202, "bert asks for the large tile")
    meeting.judge_pictures(room.SPEAKER_OF_THREE, eyes=[bert])
    meeting.judge_pictures(eyes=[anna, carl])
    c.check(layouts(server) == {"grid": 2, "speaker": 1}, f"two layouts: {layouts(server)}")

    wall = webrtc.WebPeer(c, server, "whep", "split", "wall", "--codec", "h264", seconds=6, query="&layout=speaker")
    c.wait_for(lambda: layouts(server) == {"grid": 2, "speaker": 2}, 10, "a wall sees the same as bert")
    coded = server.conference("split")["renditions"]
    c.check(len(coded) == 2, f"both are coded once: {[(r['layout'], r['subscribers']) for r in coded]}")
    wall.result()
    seen = wall.seen()
    for number, rect in enumerate(room.SPEAKER_OF_THREE):
        off = measure.colour_distance(measure.colour_of(seen, rect), COLOURS[number])
        c.check(off < 25, f"number {number + 1} in the wall's tile {number + 1} ({off} off)")

    c.check(wish(server, leg_of(server, "bert"), "") == 202, "bert goes back to the room's own")
    meeting.judge_pictures()
    c.wait_for(lambda: layouts(server) == {"grid": 3}, 5, "and the other layout has ended")
    meeting.end()


def layouts(server):
    """How many see each."""
    found = {}
    for rendition in server.conference("split")["renditions"]:
        found[rendition["layout"]] = found.get(rendition["layout"], 0) + rendition["subscribers"]
    return found


def leg_of(server, name):
    return next(p["leg"] for p in server.participants("split") if p["name"] == name)


def wish(server, leg, layout):
    return server.http(f"/api/v1/legs/{leg}/layout", {"layout": layout})[0]


def status(server, path):
    """Of an offer that nobody reads as far as its media."""
    request = urllib.request.Request(f"http://{server.host}:{server.http_port}{path}", b"v=0\r\n",
                                     {"Content-Type": "application/sdp"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


case.main(test)
