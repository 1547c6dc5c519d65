"""How long sound and pictures are on their way through the server. Sound: bursts of 1 kHz, from the
moment at which a burst's first sample leaves its sender (sent at the start of its packet, that much
later within it) to the moment at which it reaches the ear, both as a decoder hears them. Pictures: the
number that stands in each, from its first packet sent to the last one received of the canvas that shows
it. Many pairs at all places of a tick; the senders' own lateness is taken out, as the time is noted when
a packet is sent."""
import time

import calls

PAIRS = 20
SETTLE_S = 4
LEAST_S = 8
CALM_S = 20 # what calling forty lines did to the clocks of the first seconds is forgotten
BARE = 8
SOUND_MS, SOUND_OVER_MS = 20, 5
PICTURE_P50_MS, PICTURE_P99_MS = 60, 100


def sound(codec, options):
    """A row: pairs in rooms of their own."""
    with calls.Bench(3 * PAIRS) as bench:
        bench.sound("bursts", codec, "bursts", 10)
        bench.tell("bare", BARE)
        ears = []
        for i in range(PAIRS):
            talker = bench.call(1, f"pair{i}", codec, "bursts", phase_ms=i % 20)[0]
            ear = bench.call(1, f"pair{i}", codec)[0]
            bench.tell("ear", ear.lines[0], talker.lines[0])
            ears.append(ear)
            time.sleep(0.013) # conferences begin their ticks at other times too
        time.sleep(CALM_S)
        report = bench.measure(max(options.seconds, LEAST_S))
    each = [report["lines"][e.lines[0]]["delay_ms"] for e in ears]
    every = [d for ms in each for d in ms]
    off = [d - calls.quantile(ms, 0.5) for ms in each for d in ms]
    bare = report["apart"]["bare"]
    row = {"what": f"sound, {codec}", "n": len(every), "p50": calls.quantile(every, 0.5),
           "p99": calls.quantile(every, 0.99), "max": calls.quantile(every, 1),
           "off_p99": calls.quantile(off, 0.99), "bare_p99": round(bare["p99"] - 20, 2),
           "target_p50": SOUND_MS, "target_off_p99": round(SOUND_OVER_MS + bare["p99"] - 20, 2),
           **{k: v for k, v in calls.delivered(report, ears).items() if k in ("audio_min", "lost", "ok")}}
    due = PAIRS * 4 * report["seconds"]
    row["ok"] = row["complete"] = row["ok"] and len(every) >= 0.95 * due
    return row


def picture(codec, options):
    """A row: four cameras of 720p30 and one viewer."""
    with calls.Bench(60) as bench:
        bench.sound("voice", "opus")
        bench.pictures("heads", codec, 1280, 720, 1500000)
        senders = bench.call(4, "room", "opus", "voice", codec, "heads")
        viewer = bench.call(1, "room", "opus", None, codec)[0]
        bench.tell("eye", viewer.lines[1], *(s.lines[1] for s in senders), "-") # he has a tile, too
        time.sleep(SETTLE_S)
        report = bench.measure(max(options.seconds, LEAST_S))
    eye = report["lines"][viewer.lines[1]]
    ms = eye["delay_ms"]
    row = {"what": f"picture, 4 x 720p30 {codec}", "n": len(ms), "p50": calls.quantile(ms, 0.5),
           "p99": calls.quantile(ms, 0.99), "max": calls.quantile(ms, 1), "target_p50": PICTURE_P50_MS,
           "target_p99": PICTURE_P99_MS, "cpu": report["cpu"], "busy": report["busy"],
           "fresh_per_s": round(eye["fresh"] / 4 / report["seconds"], 1)}
    row["ok"] = row["complete"] = eye["frames"] >= 0.98 * 30 * report["seconds"] and row["fresh_per_s"] >= 27
    return row


def run(options):
    """Sound and pictures."""
    print("\ndelay through the server, ms")
    print(f"{'':30}{'n':>7}{'p50':>8}{'p99':>8}{'max':>8}   reach")
    rows = []
    for codec in ("pcmu", "opus"):
        row = sound(codec, options)
        rows.append(row)
        print(f"{row['what']:30}{row['n']:>7}{row['p50']:>8}{row['p99']:>8}{row['max']:>8}   p50 <= {SOUND_MS}; off its own "
              f"median p99 {row['off_p99']} <= {SOUND_OVER_MS} + bare timer's {row['bare_p99']}" + ("" if row["ok"] else "  INCOMPLETE"), flush=True)
    for codec in ("vp8", "h264"):
        row = picture(codec, options)
        rows.append(row)
        print(f"{row['what']:30}{row['n']:>7}{row['p50']:>8}{row['p99']:>8}{row['max']:>8}   p50 <= {PICTURE_P50_MS}, "
              f"p99 <= {PICTURE_P99_MS}" + ("" if row["ok"] else "  INCOMPLETE"), flush=True)
    return rows


def plots(rows, folder):
    """Nothing: the table says it."""
