"""Sound rooms: Opus with three and with all speaking, G.711, several small rooms. All send a packet each
20 ms, also those who are silent (the noise of a quiet room: no DTX, no level in the header, so that
nothing says beforehand that they need not be decoded). One who is silent is listened to: he must hear
the others."""
import time

import calls
import common
import plot

SPEAK = 3
SETTLE_S = 3
HEARD_DBOV = -45   # a mix of voices is far above it, a quiet room below
# what, codec, callers in a room, of them speaking, rooms, target in % of a core for each caller
ROOMS = (("Opus room of 10, 3 speak", "opus", 10, SPEAK, 1, None),
         ("Opus room of 50, 3 speak", "opus", 50, SPEAK, 1, 14 / 50),
         ("Opus room of 100, 3 speak", "opus", 100, SPEAK, 1, None),
         ("Opus room of 500, 3 speak", "opus", 500, SPEAK, 1, None),
         ("Opus room of 10, all speak", "opus", 10, 10, 1, None),
         ("Opus room of 50, all speak", "opus", 50, 50, 1, 1.0),
         ("Opus room of 100, all speak", "opus", 100, 100, 1, None),
         ("G.711 room of 50, 3 speak", "pcmu", 50, SPEAK, 1, None),
         ("G.711 room of 200, 3 speak", "pcmu", 200, SPEAK, 1, 0.03),
         ("G.711 room of 1000, 3 speak", "pcmu", 1000, SPEAK, 1, None),
         ("20 Opus rooms of 5, 1 speaks", "opus", 5, 1, 20, None))
USUAL = ("Opus room of 50, 3 speak", "Opus room of 500, 3 speak", "Opus room of 50, all speak",
         "G.711 room of 200, 3 speak", "G.711 room of 1000, 3 speak", "20 Opus rooms of 5, 1 speaks")
FULL = (("Opus room of 500, all speak", "opus", 500, 500, 1, None),)


def measure(what, codec, size, speak, rooms, target, options):
    """One row."""
    with calls.Bench(size * rooms + 20) as bench:
        bench.sound("voice", codec)
        bench.sound("noise", codec, "noise", 10)
        people, ears = [], []
        for r in range(rooms):
            people += bench.call(speak, f"room{r}", codec, "voice")
            silent = bench.call(size - speak, f"room{r}", codec, "noise") if size > speak else []
            ears.append((silent or people)[-1])
            people += silent
        for ear in ears[:5]:
            bench.tell("ear", ear.lines[0], "-")
        time.sleep(SETTLE_S)
        report = bench.measure(min(options.seconds, 5 if not options.full else 24))
    row = {"what": what, "legs": size * rooms, "seconds": report["seconds"], "cpu": report["cpu"],
           "threads": report["threads"], "busy": report["busy"],
           "percent_each": round(100 * report["cpu"] / size / rooms, 4), "target_percent_each": target,
           **calls.delivered(report, people)}
    row["heard_dbov"] = min(report["lines"][e.lines[0]]["dbov"] for e in ears[:5])
    row["ok"] = row["ok"] and row["heard_dbov"] > HEARD_DBOV
    row["complete"] = row["ok"]
    return row


def run(options):
    """All of them, in a run of all families the usual ones; those of which no machine of two cores is master
    with --full alone."""
    print("\nrooms: processor seconds of the server a second")
    print(f"{'':32}{'cores':>8}{'media':>8}{'sound':>8}{'% each':>9}{'target':>8}{'sound/s':>9}{'lost':>6}"
          f"{'heard dB':>10}")
    rows = []
    chosen = [room for room in ROOMS if options.all or room[0] in USUAL]
    for room in chosen + list(FULL if options.full else ()):
        row = measure(*room, options)
        rows.append(row)
        target = f"{row['target_percent_each']:.2f}" if row["target_percent_each"] else ""
        print(f"{row['what']:32}{row['cpu']:>8.3f}{row['threads'].get('media', 0):>8.3f}"
              f"{row['threads'].get('audio', 0):>8.3f}{row['percent_each']:>9.3f}{target:>8}"
              f"{row['audio_min']:>9}{row['lost']:>6}{row['heard_dbov']:>10}"
              + ("" if row["ok"] else "  INCOMPLETE"), flush=True)
    common.keep("rooms", rows)
    return rows


def plots(rows, folder):
    """Percent of a core for each caller."""
    plot.bars(f"{folder}/rooms.svg", "% of a core for each caller of a sound room",
              [r["what"].replace(" room of", "").replace(" speak", "") for r in rows], ["server"],
              {(r["what"].replace(" room of", "").replace(" speak", ""), "server"): r["percent_each"]
               for r in rows})
