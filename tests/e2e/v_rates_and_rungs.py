"""Who is told to send less does, and who may take less, or loses much, gets less: TMMBR (RFC 5104) both
ways on a SIP call, and a line that loses 15 % for a while: its picture goes to a smaller size,
moves again there, and comes back when the loss is over."""
import time

from lib import case, peer, relay
from lib.server import Server

SECONDS, LOSS, LOSS_S = 52, 15, 16
SMALL_AT_MOST_S = 8  # 3 to 4 at the median: 15 % of some hundred packets are told from 5 %


def height(server, room, name):
    """Of the picture that somebody is sent."""
    row = next((p for p in server.participants(room) if p["name"] == name), None)
    size = row["video_out_size"] if row else None
    return size["height"] if size else 0


def until(server, c, room, name, rows, seconds, text):
    """Waits for a size; how long it took."""
    start = time.monotonic()
    c.wait_for(lambda: height(server, room, name) == rows, seconds, text)
    c.say(f"{name}: {rows} rows after {time.monotonic() - start:.1f} s")


def test(c):
    server = Server(c, "video.fps=15")
    small = ("--silent", "--size", "640x360@15")
    obeys = peer.Peer(c, server, "rates", "obeys", *small, "--busy", "--video-bps", 900000, "--tmmbr",
                      "--avpf", "--no-decode", number=1, seconds=SECONDS - 8)
    peer.joined(c, server, "rates", 1)
    limits = peer.Peer(c, server, "rates", "limits", *small, "--limit", "200000:8", number=2,
                       seconds=SECONDS - 6)
    for i in range(4):  # his tile gets small
        peer.Peer(c, server, "rates", f"fill{i}", "--silent", "--size", "176x144@5", "--no-decode",
                  number=i + 3, seconds=SECONDS - 6)
    way = relay.Relay(c, server.ports, 5)
    loses = peer.Peer(c, server, "loses", "loses", *small, "--relay", way.base, "--tiles", 2,
                      number=1, seconds=SECONDS)
    peer.joined(c, server, "loses", 1)
    peer.Peer(c, server, "loses", "good", *small, "--busy", "--no-decode", number=2, seconds=SECONDS)
    peer.joined(c, server, "loses", 2)
    first = time.monotonic()  # about his first picture
    time.sleep(4)
    c.check(height(server, "loses", "loses") == 720, "all is well: the whole canvas")
    way.down.loss = LOSS
    lost_from = time.monotonic()
    c.wait_for(lambda: 0 < height(server, "loses", "loses") < 720, SMALL_AT_MOST_S,
               "a smaller picture for who loses much")
    c.say(f"loses: {height(server, 'loses', 'loses')} rows {time.monotonic() - lost_from:.1f} s after the loss")
    sizes = []
    while time.monotonic() < lost_from + LOSS_S:
        sizes.append(height(server, "loses", "loses"))
        time.sleep(0.5)
    c.say("loses: rows each half second: " + " ".join(map(str, sizes)))
    way.down.loss = 0
    until(server, c, "rates", "limits", 180, 12, "TMMBR of 200 kbit/s: a rendition that fits")
    good_from = int(time.monotonic() - first)
    until(server, c, "loses", "loses", 720, 30, "the whole canvas again")
    video = loses.result()["video"]
    c.say(f"loses: {video['frames']} pictures, still for {video['freeze_arrival']['max_ms']:.0f} ms at "
          f"most, {video['freeze_arrival']['sum_ms'] / 1000:.1f} s in all; {video['pli_sent']} PLI")
    c.say("pictures in each second: " + " ".join(map(str, video["in_second"])))
    late = video["in_second"][good_from - 6:good_from]
    c.check(sum(n > 0 for n in late) >= 3 and sum(late) >= 8,
            f"while it still loses {LOSS} %, the small picture moves: {late}")
    told = limits.result()["video"]["rtcp"]
    c.check(told["tmmbn"] >= 1, f"his TMMBR is answered: {told['tmmbn']} TMMBN")
    sent = obeys.result()["video"]["sent"]
    c.check(0 < sent["limit_bps"] < 600000, f"a small tile needs {sent['limit_bps']} bit/s, he is told")
    c.check(sent["kbps_after"] * 1000 < sent["limit_bps"] * 1.15 < sent["kbps_before"] * 1000,
            f"and keeps to it: {sent['kbps_before']:.0f} kbit/s before, {sent['kbps_after']:.0f} after")


case.main(test, clients=())
