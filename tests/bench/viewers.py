"""Receive-only viewers of one layout: each distinct picture is encoded once, so that a viewer costs no
more than his packets. One viewer decodes what he gets, and reads the numbers that the senders wrote into
their pictures."""
import time

import calls
import common
import plot

SENDERS = 4
SETTLE_S = 4
TILES = 25     # at most
COUNTS = (1, 10, 50, 200)
RATIO = 1.3    # of 200 to 10, without SRTP


def measure(count, srtp, options):
    """One row: four senders of 360p, VP8 and Opus; viewers of 720p30."""
    with calls.Bench(count + SENDERS + 20) as bench:
        bench.sound("voice", "opus")
        bench.pictures("heads", "vp8", 640, 360, 700000)
        senders = bench.call(SENDERS, "room", "opus", "voice", "vp8", "heads")
        watching = bench.call(count, "room", "opus", None, "vp8", None, srtp=srtp)
        tiles = [s.lines[1] for s in senders] + ["-"] * (TILES - SENDERS) # viewers have tiles, too
        bench.tell("eye", watching[-1].lines[1], *tiles[:SENDERS + count])
        bench.tell("ear", watching[-1].lines[0], "-")
        time.sleep(SETTLE_S)
        report = bench.measure(options.seconds)
    eye = report["lines"][watching[-1].lines[1]]
    row = {"what": f"4 x 360p VP8 in, {count} viewers" + (", SRTP" if srtp else ""), "viewers": count,
           "srtp": srtp, "seconds": report["seconds"], "cpu": report["cpu"],
           "threads": report["threads"], "busy": report["busy"],
           **calls.delivered(report, watching, fps=30),
           "fresh_per_s": round(eye["fresh"] / SENDERS / report["seconds"], 1)}
    row["mbps"] = round(row["bytes_delivered"] * 8 / report["seconds"] / 1e6, 1)
    row["ok"] = row["ok"] and row["fresh_per_s"] >= 27 and report["lines"][watching[-1].lines[0]]["dbov"] > -45
    row["complete"] = row["ok"]
    return row


def run(options):
    """Without SRTP, then with."""
    rows = []
    print("\nviewers: processor seconds of the server a second")
    print(f"{'':34}{'cores':>8}{'media':>8}{'sound':>8}{'picture':>9}{'frames/s':>10}{'new/s':>7}{'sound/s':>9}"
          f"{'lost':>6}{'Mbit/s':>8}")
    for srtp in (False, True):
        for count in COUNTS:
            row = measure(count, srtp, options)
            rows.append(row)
            print(f"{row['what']:34}{row['cpu']:>8.3f}"
                  + "".join(f"{row['threads'].get(k, 0):>{w}.3f}" for k, w in (("media", 8), ("audio", 8), ("video", 9)))
                  + f"{row['fps_min']:>10}{row['fresh_per_s']:>7}{row['audio_min']:>9}{row['lost']:>6}{row['mbps']:>8}"
                  + ("" if row["ok"] else "  INCOMPLETE"), flush=True)
    of = {(r["viewers"], r["srtp"]): r for r in rows}
    ratio = of[(200, False)]["cpu"] / of[(10, False)]["cpu"]
    print(f"200 viewers against 10: {ratio:.2f} x (reach {RATIO})")
    rows.append({"what": "200 viewers against 10, without SRTP", "ratio": round(ratio, 3), "target": RATIO,
                 "ok": True, "complete": True})
    common.keep("viewers", rows)
    return rows


def plots(rows, folder):
    """Cores by viewers."""
    plot.bars(f"{folder}/viewers.svg", "cores for 4 senders of 360p and N viewers",
              [str(n) for n in COUNTS], ["plain", "SRTP"],
              {(str(r["viewers"]), "SRTP" if r["srtp"] else "plain"): r["cpu"] for r in rows if "viewers" in r})
