"""Receive-only viewers of one layout: each distinct picture is encoded once, so that a viewer costs no
more than his packets. One viewer decodes what he gets, and reads the numbers that the senders wrote into
their pictures. Beside it the bound: what the kernel alone asks for these packets (bench_fan)."""
import time

import calls
import common
import plot

SENDERS = 4
SETTLE_S = 4
TILES = 25     # at most
COUNTS = (1, 10, 50, 200)
SEALED = ((None, COUNTS), ("cm", COUNTS), ("gcm", COUNTS[-1:])) # as calls.SUITES; how many watch
USUAL = ((None, (10, 200)), ("cm", (200,)), ("gcm", (200,)))
NAMES = {None: "", "cm": ", SRTP", "gcm": ", SRTP GCM"}
RATIO = 1.3    # of 200 to 10, without SRTP


def bound():
    """ms a second that the kernel takes for a viewer's 50 packets of sound and 30 pictures of 5, each picture
    in one call from a socket of his own; and of it the sender's half, where that can be told."""
    us = {(r["to"], r["what"]): r["us_a_call"] for r in common.program("bench_fan", "200", "60") if r.get("from") == "own"}
    ms = {to: (50 * us[to, "sound"] + 30 * us[to, "picture, one call"]) / 1000
          for to in ("kept", "card") if (to, "sound") in us}
    return {"what": "kernel alone, ms a second for a viewer", "loopback": round(ms["kept"], 3),
            "senders_half": round(ms["card"], 3) if "card" in ms else None, "ok": True, "complete": True}


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
    row = {"what": f"4 x 360p VP8 in, {count} viewers" + NAMES[srtp], "viewers": count,
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
    rows = [bound()]
    print(f"\nthe kernel alone: {rows[0]['loopback']} ms a second for a viewer, of it the sender's half "
          f"{rows[0]['senders_half']}")
    print("\nviewers: processor seconds of the server a second")
    print(f"{'':34}{'cores':>8}{'media':>8}{'sound':>8}{'picture':>9}{'frames/s':>10}{'new/s':>7}{'sound/s':>9}"
          f"{'lost':>6}{'Mbit/s':>8}")
    for srtp, counts in SEALED if options.all else USUAL:
        for count in counts:
            row = measure(count, srtp, options)
            rows.append(row)
            print(f"{row['what']:34}{row['cpu']:>8.3f}"
                  + "".join(f"{row['threads'].get(k, 0):>{w}.3f}" for k, w in (("media", 8), ("audio", 8), ("video", 9)))
                  + f"{row['fps_min']:>10}{row['fresh_per_s']:>7}{row['audio_min']:>9}{row['lost']:>6}{row['mbps']:>8}"
                  + ("" if row["ok"] else "  INCOMPLETE"), flush=True)
    of = {(r["viewers"], r["srtp"]): r for r in rows if "viewers" in r}
    ratio = of[(200, None)]["cpu"] / of[(10, None)]["cpu"]
    each = (of[(200, None)]["threads"]["media"] - of[(10, None)]["threads"]["media"]) / 190 * 1000
    print(f"200 viewers against 10: {ratio:.2f} x (reach {RATIO}); each adds {each:.2f} ms a second to the media loop")
    rows.append({"what": "200 viewers against 10, without SRTP", "ratio": round(ratio, 3), "target": RATIO,
                 "ok": True, "complete": True})
    common.keep("viewers", rows)
    return rows


def plots(rows, folder):
    """Cores by viewers."""
    plot.bars(f"{folder}/viewers.svg", "cores for 4 senders of 360p and N viewers",
              [str(n) for n in COUNTS], ["plain", "SRTP"],
              {(str(r["viewers"]), "SRTP" if r["srtp"] else "plain"): r["cpu"] for r in rows
               if "viewers" in r and r["srtp"] != "gcm"})
