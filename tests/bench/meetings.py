"""Row family `meetings`: viewers of one layout, rooms of sound, senders of drawn pictures."""
import os

import common
import meeting
import plot

THREADS = ("control", "media", "audio", "video")


def table_of_meetings(title, rows):
    print(f"\n{title}")
    print(f"{'':34}{'CPU s/s':>9}{''.join(f'{k:>9}' for k in THREADS)}{'frames/s':>10}"
          f"{'sound/s':>9}{'lost':>6}")
    for r in rows:
        parts = [f"{r['threads'].get(k, 0):>9.3f}" for k in THREADS]
        shown = "-" if r["fps_min"] is None else r["fps_min"]
        print(f"{r['what']:34}{r['cpu']:>9.3f}{''.join(parts)}{shown:>10}{r['audio_min']:>9}"
              f"{r['lost']:>6}" + ("" if r["ok"] else "  INCOMPLETE"))
    return rows


def viewers(options):
    """Receive-only callers of one layout: each distinct picture is encoded once."""
    senders = meeting.Callers("sender", 4, "--audio", "opus", "--video", "vp8", "--speech",
                              "--size", "640x360@30", "--video-bps", "700000")
    rows = []
    for n in (1, 10, 50):
        watching = meeting.Callers("viewer", n, "--audio", "opus", "--video", "vp8", "--silent",
                                   "--recvonly-video", "--recvonly-audio", fps=30)
        rows.append(meeting.measure(f"4 x 360p VP8 in, {n} viewers", [senders, watching], options))
    table_of_meetings("viewers: processor seconds of the server a second, by its threads", rows)
    plot.bars(os.path.join(common.FOLDER, "viewers.svg"), "cores for 4 senders of 360p and N viewers",
              ["1", "10", "50"], ["server"],
              {(str(n), "server"): r["cpu"] for n, r in zip((1, 10, 50), rows)})
    return rows


def rooms(options):
    """Opus rooms, three speak, the others send silence."""
    rows = []
    for n in (10, 50, 100):
        talking = meeting.Callers("talker", 3, "--audio", "opus", "--video", "none", "--speech")
        silent = meeting.Callers("silent", n - 3, "--audio", "opus", "--video", "none", "--silent")
        rows.append(meeting.measure(f"Opus room of {n}, 3 speak", [talking, silent], options))
    table_of_meetings("rooms: processor seconds of the server a second", rows)
    plot.bars(os.path.join(common.FOLDER, "rooms.svg"), "cores for an Opus room of N, 3 speak",
              ["10", "50", "100"], ["server"],
              {(str(n), "server"): r["cpu"] for n, r in zip((10, 50, 100), rows)})
    return rows


def senders(options):
    """All send and receive; one 720p30 canvas, encoded once."""
    rows = []
    for n, size, bps, codec in ((4, "640x360", 700000, "vp8"), (9, "640x360", 700000, "vp8"),
                                (9, "640x360", 700000, "h264"), (9, "1280x720", 1500000, "vp8")):
        callers = meeting.Callers("caller", n, "--audio", "opus", "--video", codec, "--speech",
                                  "--size", size + "@30", "--video-bps", str(bps), fps=30)
        rows.append(meeting.measure(f"{n} x {size} {codec.upper()} in and out", [callers], options))
    return table_of_meetings("senders: processor seconds of the server a second, 720p30 canvas", rows)


def run(options):
    return viewers(options) + rooms(options) + senders(options)


def plots(rows, folder):
    """Written with the rows."""
