"""What scripts/bench runs: makes the clip, measures row by row, prints a table, writes
bench/result.json and bench/*.svg. Rows of the server are taken from a server of their own, over
seconds in which nobody joins or leaves; its processor time is the kernel's (/proc), and what it
delivers is counted by those who receive it."""
import argparse
import json
import os
import platform
import subprocess
import sys
import time

import meeting
import plot

PHOTO = "/usr/share/backgrounds/friends_by_Aitzol_Berasategi.jpg"
FOLDER = "bench"
CLIP_FRAMES = 90
THREADS = ("control", "media", "audio", "video")
# Two heads at a window, cut from the photograph; they sway as a caller does, before a camera whose
# sensor makes noise.
SCENE = ("crop=2056:1156:0:620,scale=1440:810:flags=area,loop=-1:1,"
         "crop=1280:720:x='80+30*sin(n/11)':y='45+20*sin(n/7)',noise=alls=7:allf=t,format=yuv420p")


def make_clip():
    """The path of raw I420 of 1280x720; made once."""
    path = os.path.join(FOLDER, "clip.yuv")
    if not os.path.exists(path):
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", PHOTO, "-vf", SCENE, "-frames:v",
                        str(CLIP_FRAMES), "-f", "rawvideo", path + ".part"], check=True)
        os.rename(path + ".part", path)
    return path


def program(name, *arguments):
    """The rows that a program of tests/bench prints."""
    out = subprocess.run([os.path.join("build/tests", name), *arguments], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def kernels(options):
    extra = ["--quick"] if options.quick else []
    rows = program("bench_kernels", "--photo", make_clip(), *extra)
    names = list(dict.fromkeys(r["who"] for r in rows))
    print("\nkernels: ms to compose a 1280x720 canvas of N pictures of 720p (x: times the floor)")
    print(f"{'N':>4}", *(f"{n:>20}" for n in names))
    for n in dict.fromkeys(r["n"] for r in rows):
        of = {r["who"]: r for r in rows if r["n"] == n}
        print(f"{n:>4}", *(f"{of[w]['ms']:>10.2f} x{of[w]['x_floor']:<8.2f}" for w in names))
    plot.bars(os.path.join(FOLDER, "kernels.svg"), "ms a canvas of N x 720p, less is better",
              [str(n) for n in dict.fromkeys(r["n"] for r in rows)], names,
              {(str(r["n"]), r["who"]): r["ms"] for r in rows})
    return rows


def encoders(options):
    extra = ["--quick"] if options.quick else []
    rows = program("bench_codecs", *extra, make_clip())
    print("\nencoders: a 3x3 canvas of 1280x720 at 30 pictures/s, 1500 kbit/s asked")
    print(f"{'':16}{'ms':>8}{'decode ms':>11}{'kbit/s':>8}{'keyframe kB':>13}{'PSNR dB':>9}"
          f"{'worst':>8}")
    for r in (r for r in rows if r["bench"] == "encoders"):
        print(f"{r['codec'] + ' ' + r['who']:16}{r['ms']:>8.2f}{r['decode_ms']:>11.2f}"
              f"{r['kbps']:>8.0f}{r['key_kbytes']:>13.1f}{r['psnr_db']:>9.2f}{r['worst_db']:>8.2f}")
    return rows


def audio(options):
    rows = [r for r in program("bench_codecs", *(["--quick"] if options.quick else []))
            if r["bench"] == "sound"]
    print("\nsound: us a tick of 20 ms")
    for r in rows:
        print(f"{r['what']:32}{r['us']:>9.1f}")
    return rows


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
    plot.bars(os.path.join(FOLDER, "viewers.svg"), "cores for 4 senders of 360p and N viewers",
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
    plot.bars(os.path.join(FOLDER, "rooms.svg"), "cores for an Opus room of N, 3 speak",
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


ROWS = {"kernels": kernels, "encoders": encoders, "audio": audio, "viewers": viewers,
        "rooms": rooms, "senders": senders}


def version_of(package):
    found = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, check=False)
    return found.stdout


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    packages = ("libvpx7", "libopenh264-7", "libavcodec59", "libopus0", "libyuv0", "libswscale6")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "commit": commit, "load_before": os.getloadavg()[0],
            "versions": {p: version_of(p) for p in packages}}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("row", nargs="*", choices=[[], *ROWS], help="; ".join(ROWS))
    options = parser.parse_args()
    options.seconds = 3 if options.quick else 24 if options.full else 8
    os.makedirs(FOLDER, exist_ok=True)
    begin = time.time()
    result = {"machine": machine(), "rows": {}}
    where = result["machine"]
    print(f"{where['cores']} x {where['cpu']}, Linux {where['kernel']}, tessera {where['commit']}, "
          f"load {where['load_before']:.1f}")
    for name in options.row or ROWS:
        result["rows"][name] = ROWS[name](options)
        sys.stdout.flush()
    with open(os.path.join(FOLDER, "result.json"), "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    complete = all(r.get("ok", True) for rows in result["rows"].values() for r in rows)
    print(f"\n{time.time() - begin:.0f} s; bench/result.json and bench/*.svg are written"
          + ("" if complete else "; something was not delivered"))
    return 0 if complete else 1


sys.exit(main())
