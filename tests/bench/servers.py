"""Row family `servers`: the whole server's processor time for N senders of VP8 and Opus and one 720p30
canvas, beside a GStreamer pipeline and an ffmpeg command that do the same on the same packets in the same
run, and beside the codec floor. Senders are stored packets (bench_feed); what comes out is recorded and
judged after the event (bench_judge), for all contenders alike."""
import json
import os
import signal
import subprocess
import time

import common
import meeting
import peers
import plot
import ports
from sipcall import Callers

VOICES = "/usr/share/asterisk/sounds/en_US_f_Allison/demo-congrats.wav"
STREAMS = {"360p": ("640x360", 700000), "720p": ("1280x720", 1500000)}
APART = 4                # pictures between two senders, as in tests/bench/clip.h
START_MS = 1500          # until the first sends: a pipeline is up by then
FFMPEG_S = 6.0           # ffmpeg begins with what has piled up while it looked at its inputs
FFMPEG_MOST = 0.65       # cores of the floor: of what is more its one thread of decoding delivers nothing
SETTLE_S = 3.2           # after the last sender's start; a keyframe comes each 3 s
WITHIN, PSNR_WITHIN_DB, FRESH = 0.98, 3.0, 0.5
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
# (senders, size, codec out); all of 4, 9, 16 x 360p, 720p x VP8, H.264 with --full or --only.
ALL = [(n, size, codec) for size in STREAMS for n in (4, 9, 16) for codec in ("vp8", "h264")]
USUAL = ((4, "360p", "vp8"), (9, "360p", "vp8"), (9, "720p", "h264"), (16, "720p", "vp8"))
QUICK = ((4, "360p", "vp8"),)


def make_streams():
    """Paths by name: made once a build folder."""
    paths = {}
    clip = common.make_clip()
    for name, (size, bps) in STREAMS.items():
        paths[name] = os.path.join(common.FOLDER, name + ".rtp")
        if not os.path.exists(paths[name]):
            subprocess.run(["build/tests/bench_stream", "video", clip, size, str(bps), paths[name]],
                           check=True)
    paths["speech"] = os.path.join(common.FOLDER, "speech.rtp")
    if not os.path.exists(paths["speech"]):
        pcm = os.path.join(common.FOLDER, "speech.pcm")
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", VOICES, "-ar", "48000", "-ac", "1", "-f",
                        "s16le", pcm], check=True)
        subprocess.run(["build/tests/bench_stream", "audio", pcm, paths["speech"]], check=True)
    return paths


def rects_of(n):
    out = subprocess.run(["build/tests/bench_judge", "rects", str(n)], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return [tuple(int(v) for v in r.split(",")) for r in out.strip().split(";")]


def cpu_of(pid):
    """Seconds, user and system, of a process."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


class Feed:
    """bench_feed: N senders from `local` ports to `to` ports, and what comes to `take`."""

    def __init__(self, streams, size, local, to, take):
        n = len(to)
        self.taken = [os.path.join(common.FOLDER, f"taken-{kind}.rtp") for kind in ("audio", "video")]
        plan = [f"take {port} {path}" for port, path in zip(take, self.taken)]
        for i, ((la, lv), (ta, tv)) in enumerate(zip(local, to)):
            late = START_MS + i * APART * 1000 // 30 + i * 33 // n
            plan.append(f"send {streams[size]} 90000 3000 {lv} {tv} 98 {late}")
            plan.append(f"send {streams['speech']} 48000 960 {la} {ta} 111 {late + i % 20}")
        self.settled_s = START_MS / 1000 + n * APART / 30 + SETTLE_S
        path = os.path.join(common.FOLDER, "feed.plan")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(plan) + "\n")
        self.child = subprocess.Popen(["build/tests/bench_feed", path], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
        if not self.child.stdout.readline().startswith("ready"):
            said = self.child.communicate(timeout=10)[1]
            ports.check(said)
            raise OSError(said.strip())

    def stop(self):
        """ms that the latest packet was sent late."""
        self.child.terminate()
        said = self.child.communicate(timeout=10)[0].split()
        if not said:
            raise ValueError("bench_feed did not end well")
        return float(said[-1])


def watch(row, feed, cpu, options):
    """Waits, measures, judges. cpu(): seconds by kind of thread."""
    time.sleep(feed.settled_s)
    before, begin, feeding = cpu(), time.monotonic_ns(), cpu_of(feed.child.pid)
    time.sleep(options.seconds * 0.75)
    after, end, fed = cpu(), time.monotonic_ns(), cpu_of(feed.child.pid)
    span = (end - begin) / 1e9
    row["threads"] = {k: round((after[k] - before.get(k, 0)) / span, 4) for k in after}
    row["cpu"] = round(sum(row["threads"].values()), 4)
    row["clients_cpu"] = round((fed - feeding) / span, 4)
    row["load"] = os.getloadavg()[0]
    row["sent_late_ms"] = feed.stop()
    return begin, end


def judge(row, feed, streams, window):
    pgm = os.path.join(common.FOLDER, f"{row['who']}-{row['n']}-{row['size']}-{row['codec']}.pgm")
    out = subprocess.run(["build/tests/bench_judge", streams[row["size"]], row["codec"], str(row["n"]),
                          feed.taken[1], feed.taken[0], str(window[0]), str(window[1]), pgm],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    row.update(json.loads(out))


def inside(server):
    """What the server itself counted since its start, for when something is missing."""
    people = server.read("/api/v1/conferences")["conferences"][0]["participants"]
    lines = [line for p in people for line in p["lines"]]
    return {"lost": sum(line.get("lost", 0) for line in lines),
            "keyframes_asked": sum(line.get("keyframes_asked", 0) for line in lines),
            "decode_errors": sum(p.get("decode_errors", 0) for p in people)}


def wish(server, name, layout):
    """Has somebody see another layout."""
    people = server.read("/api/v1/conferences")["conferences"][0]["participants"]
    leg = next(p["leg"] for p in people if p["name"] == name)
    server.post(f"/api/v1/legs/{leg}/layout", {"layout": layout})


def ours(row, streams, options, settings=(), second=None, layout=None):
    """A server of its own; sender 0 takes the result too. second: so does sender 1, who says that he
    can take so many kbit/s, and sees the layout that is named."""
    n, codec = row["n"], row["codec"]
    first = ports.take(4 * n + 4)
    local = [(first + 4 * i, first + 4 * i + 2) for i in range(n + 1)]
    server = meeting.Server(n + 2, [f"video.codecs={codec.upper()}{'' if codec == 'vp8' else ',VP8'}",
                                    "limits.leg_timeout_s=0", "limits.calls_per_source_s=0",
                                    "listen.http_control=true", *settings], http=True)
    callers = Callers(server.sip, "bench")
    try:
        calls = [callers.call(f"Sender {i + 1}", local[i],
                              "sendrecv" if i == 0 or (i == 1 and second) else "sendonly",
                              ["vp8"] if i else list(dict.fromkeys((codec, "vp8"))),
                              second if i == 1 else None) for i in range(n)]
        feed = Feed(streams, row["size"], local[:n], [c.to for c in calls], local[0])
        if layout:
            time.sleep(START_MS / 1000 + 0.5) # they join with their first packet
            wish(server, "Sender 2", layout)
        window = watch(row, feed, server.cpu, options)
        row["inside"] = inside(server)
        callers.end()
    finally:
        server.stop()
    judge(row, feed, streams, window)


def check_alive(who, child):
    """A peer that has ended delivered nothing; why is in its log."""
    if child.poll() is None:
        return
    with open(os.path.join(common.FOLDER, who + ".log"), encoding="utf-8", errors="replace") as log:
        said = log.read()
    ports.check(said)
    raise OSError(f"{who} has ended: {said.strip()[-200:]}")


def theirs(row, streams, options):
    """A peer: its process reads the senders' ports, which are all its own."""
    n, codec, rects = row["n"], row["codec"], rects_of(row["n"])
    first = ports.take(8 * n + 4)
    to = [(first + 4 * i, first + 4 * i + 2) for i in range(n)]
    local = [(first + 4 * n + 4 * i, first + 4 * n + 4 * i + 2) for i in range(n)]
    take = (first + 8 * n, first + 8 * n + 2)
    if row["who"] == "GStreamer":
        command = peers.gstreamer(to, take, rects, codec)
    else:
        path = os.path.join(common.FOLDER, "ffmpeg.sdp")
        with open(path, "w", encoding="utf-8") as f:
            f.write(peers.sdp(to))
        command = peers.ffmpeg(path, n, take, rects, codec)
    row["command"] = " ".join(command)
    with open(os.path.join(common.FOLDER, row["who"] + ".log"), "w", encoding="utf-8") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        feed = Feed(streams, row["size"], local, to, take)
        feed.settled_s += FFMPEG_S if row["who"] == "ffmpeg" else 0
        window = watch(row, feed, lambda: {"all": cpu_of(child.pid)}, options)
        check_alive(row["who"], child)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    judge(row, feed, streams, window)


def floor_of(streams, n, size, codec, options):
    pictures = 30 if options.quick else 240 if options.full else 90
    out = subprocess.run(["build/tests/bench_floor", streams[size], streams["speech"], str(n), codec,
                          str(pictures)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


def mean(*floors):
    return {k: round(sum(f[k] for f in floors) / len(floors), 4) for k in floors[0]}


def measure(streams, n, size, codec, who, options, **how):
    row = {"what": how.pop("what", f"{n} x {size} VP8 > {codec.upper()}"), "who": who, "n": n,
           "size": size, "codec": codec, "ok": False}
    try:
        if who == "tessera":
            ports.again(lambda: ours(row, streams, options, **how))
        else:
            ports.again(lambda: theirs(row, streams, options))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        row["error"] = str(error)
    return row


def steady(row):
    """Neither less nor more, which is what had piled up before."""
    return "error" not in row and WITHIN <= row["fps"] / 30 <= 2 - WITHIN


def complete(row, best_db):
    """Whether it delivered what was due."""
    return (steady(row)
            and WITHIN <= row["audio_packets"] / 50 <= 2 - WITHIN
            and row["audio_lost"] == 0 and row["lost"] == 0 and row["fresh"] >= FRESH
            and row["psnr_db"] >= best_db - PSNR_WITHIN_DB and row["audio_dbfs"] > -60)


def show(row):
    if "error" in row:
        print(f"{row['what']:30}{row['who']:>10}  {row['error']}{common.mark(row)}")
        return
    ratios = row.get("ratios", [row["cpu"] / row["floor"]])
    single = f"  ({', '.join(f'{r:.2f}' for r in ratios)})" if len(ratios) > 1 else ""
    print(f"{row['what']:30}{row['who']:>10}{row['cpu']:>8.3f}{sum(ratios) / len(ratios):>8.2f}"
          f"{row['fps']:>8.1f}{row['audio_packets']:>9.1f}{row['psnr_db']:>8.2f}{row['fresh']:>7.2f}"
          f"{row['kbps']:>8.0f}{single}{common.mark(row)}", flush=True)


def head(text):
    print(f"\n{text}")
    print(f"{'':30}{'':>10}{'cores':>8}{'/floor':>8}{'fps':>8}{'sound/s':>9}{'PSNR':>8}{'fresh':>7}"
          f"{'kbit/s':>8}")


def turns(options, floor):
    """Who is measured, in this order: ours more than once, since a virtual machine's speed goes up and down
    within a minute. ffmpeg decodes all inputs in one thread: where that cannot do, with --full alone."""
    often = 1 if options.quick else 3 if options.only or options.full else 2
    peers_ = ["GStreamer"] + (["ffmpeg"] if options.full or floor < FFMPEG_MOST else [])
    order = []
    for i in range(max(often, len(peers_))):
        order += (["tessera"] if i < often else []) + peers_[i:i + 1]
    return order


def joined(rows):
    """One row of all turns of one contender: the mean of their costs, and what was delivered worst."""
    bad = [r for r in rows if "error" in r]
    if bad:
        return bad[0]
    row = dict(min(rows, key=lambda r: (r["fps"], r["fresh"])))
    row["cpu"] = round(sum(r["cpu"] for r in rows) / len(rows), 4)
    row["floor"] = round(sum(r["floor"] for r in rows) / len(rows), 4)
    row["ratios"] = [round(r["cpu"] / r["floor"], 3) for r in rows]
    row["ok"] = all(r["ok"] for r in rows)
    return row


def one_meeting(streams, n, size, codec, options):
    """All contenders in turn, the floor before and behind each: its ratio is to the mean of these two."""
    floors = [floor_of(streams, n, size, codec, options)]
    rows = []
    for who in turns(options, floors[0]["floor"]):
        rows.append(measure(streams, n, size, codec, who, options))
        floors.append(floor_of(streams, n, size, codec, options))
        rows[-1]["floor"] = mean(*floors[-2:])["floor"]
    best_db = max((r["psnr_db"] for r in rows if steady(r)), default=0)
    for r in rows:
        r["ok"] = complete(r, best_db)
    rows = [joined([r for r in rows if r["who"] == who]) for who in dict.fromkeys(r["who"] for r in rows)]
    for r in rows:
        show(r)
    floor = mean(*floors)
    spread = [f["floor"] for f in floors]
    print(f"{'':30}{'floor':>10}{floor['floor']:>8.3f}  ({min(spread):.3f} to {max(spread):.3f}) decode "
          f"{floor['decode']:.3f}, encode {floor['encode']:.3f}, Opus {floor['opus']:.3f}; compose "
          f"{floor['compose']:.3f} comes to it", flush=True)
    return rows + [{"what": rows[0]["what"], "who": "floor", "n": n, "size": size, "codec": codec,
                    "cpu": floor["floor"], "spread": spread, **floor}]


def extras(streams, options):
    """What a further rung, a further layout and a recording add to four senders of 360p, and names and
    frames to sixteen."""
    rows, floors = [], {}
    folder = os.path.join(common.FOLDER, "recordings")
    bare = ("video.names=false", "video.border=0")
    for what, n, how in (("4 x 360p, VP8 out", 4, {}), ("  and a rung of 640x360", 4, {"second": 600}),
                         ("  and a second layout", 4, {"second": 1500, "layout": "speaker"}),
                         ("  and a recording", 4, {"settings": ("recording.enabled=true",
                                                                f"recording.directory={folder}")}),
                         ("16 x 360p, VP8 out, bare", 16, {"settings": bare}),
                         ("  and names and frames", 16, {})):
        if n == 16 and not options.all:
            continue
        row = measure(streams, n, "360p", "vp8", "tessera", options, what=what, **how)
        row["ok"] = complete(row, row.get("psnr_db", 0))
        floors[n] = floors.get(n) or floor_of(streams, n, "360p", "vp8", options)["floor"]
        row["floor"] = floors[n]
        rows.append(row)
    head("what more costs:")
    for row in rows:
        show(row)
    return rows


def wanted(options):
    if options.only:
        return [c for c in ALL if options.only in f"{c[0]}x{c[1]}-{c[2]}"]
    return QUICK if options.quick else ALL if options.full else USUAL if options.all else USUAL[1:]


def run(options):
    streams = make_streams()
    rows = []
    if wanted(options):
        head("servers: processor seconds a second of media; N senders of VP8 and Opus, one 720p30 canvas out")
    for n, size, codec in wanted(options):
        rows += one_meeting(streams, n, size, codec, options)
    if rows:
        print(NOTES)
    if options.only == "extras" or not (options.only or options.quick):
        rows += extras(streams, options)
    return rows


NOTES = """All encoders: one thread, 1500 kbit/s; VP8: libvpx, realtime, cpu-used -8, the same buffer and quantizers;
H.264: openh264, low complexity (ours, GStreamer), x264 superfast (ffmpeg, which has no openh264 here); Opus: 32
kbit/s mono, complexity 5, CBR. Decoders: one thread a stream. GStreamer scales bilinearly in its compositor,
ffmpeg by area, as we do. Ours draws names and borders besides, which cost bits where pictures move beneath them
(extras), and reads and writes RTCP."""


def plots(rows, folder):
    done = [r for r in rows if "cpu" in r and "floor" in r and (r["who"] == "floor" or r["ok"])
            and ">" in r["what"]]
    if not done:
        return
    what = {r["what"]: f"{r['n']}x{r['size']} {r['codec']}" for r in done}
    plot.bars(os.path.join(folder, "servers.svg"),
              "cores for N senders of VP8 and a 720p30 canvas, less is better",
              list(dict.fromkeys(what.values())), ["floor", "tessera", "GStreamer", "ffmpeg"],
              {(what[r["what"]], r["who"]): r["cpu"] for r in done})
