"""More than fits is offered: cameras of 720p join a room until the machine is full, and then a fifth more.
Who is in must keep his sound; pictures may become fewer; newcomers are to be refused (SIP 503)."""
import time

import calls

FULL = 0.97        # the machine's time, or pictures that come late
MOST = 25
FPS = 30


def look(bench, seconds):
    """The worst caller's rates."""
    report = bench.measure(seconds)
    row = calls.delivered(report, bench.calls)
    return {"callers": len(bench.calls), "busy": report["busy"], "cpu": report["cpu"],
            "audio_min": row["audio_min"], "fps_min": row["fps_min"]}


def run(options):
    """Steps of the way up, and one above it."""
    rows, refused = [], []
    with calls.Bench(200) as bench:
        bench.sound("voice", "opus")
        bench.pictures("heads", "vp8", 1280, 720, 1500000)
        bench.call(4, "room0", "opus", "voice", "vp8", "heads")
        fits = 4
        while len(bench.calls) < MOST:
            time.sleep(1.5)
            now = look(bench, 1.5)
            if now["busy"] >= FULL or now["fps_min"] < 0.9 * FPS:
                break
            fits = len(bench.calls)
            bench.call(2, f"room{len(bench.calls) // 8}", "opus", "voice", "vp8", "heads", must=False)
            refused += bench.refused
            if bench.refused:
                break
        rows.append({"what": "fits", **now, "callers": fits})
        for _ in range(max(1, fits // 5)):
            bench.call(1, "room9", "opus", "voice", "vp8", "heads", must=False)
            refused += bench.refused
        time.sleep(3)
        rows.append({"what": "120 % offered", **look(bench, options.seconds), "refused": len(refused),
                     "status": sorted({c.status for c in refused}), "retry_after": sorted({c.after for c in refused if c.after})})
    last = rows[-1]
    last["ok"] = last["complete"] = last["audio_min"] >= 49
    print("\noverload: cameras of 720p, the worst caller of all")
    print(f"{'':16}{'callers':>9}{'busy':>7}{'sound/s':>9}{'frames/s':>10}{'refused':>9}")
    for r in rows:
        print(f"{r['what']:16}{r['callers']:>9}{100 * r['busy']:>6.0f}%{r['audio_min']:>9}{r['fps_min']:>10}"
              f"{r.get('refused', ''):>9}" + ("" if r.get("ok", True) else "  INCOMPLETE"))
    return rows


def plots(rows, folder):
    """Nothing: the table says it."""
