"""One meeting for tests/bench/bench.py: a server of its own, callers of tests/mock/peer that send
one stream a process and decode nothing, and the server's processor time between two moments."""
import json
import os
import subprocess
import time
import urllib.request

import ports

FOLDER = "bench"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
STAGGER_MS = 20
SETTLE_S = 4        # joining is over, keyframes are sent
AUDIO_A_SECOND = 50
WITHIN = 0.98       # of what is to be delivered


class Callers:
    """One process of mcu_peer with `count` calls. fps: pictures that each must get, if any."""

    def __init__(self, name, count, *arguments, fps=None):
        self.name, self.count, self.arguments, self.fps = name, count, arguments, fps


class Server:
    """The release build, with ports of its own; further: settings. http: it has that too."""

    def __init__(self, legs, further=(), http=False):
        ports.again(lambda: self._start(legs, further, http))

    def _start(self, legs, further, http):
        self.sip = ports.take(4)
        self.http = ports.take(2) if http else 0
        rtp = ports.take(4 * legs + 40)
        settings = [f"listen.sip_port={self.sip}", f"listen.http_port={self.http}", f"listen.rtp_first={rtp}",
                    f"listen.rtp_last={rtp + 4 * legs + 39}", "limits.calls_per_s=1000",
                    "log.level=warn", *further]
        self._log = open(os.path.join(FOLDER, "server.log"), "w+", encoding="utf-8")
        self.child = subprocess.Popen(
            ["build/tessera"] + [part for s in settings for part in ("--set", s)],
            stdout=self._log, stderr=self._log)
        try:
            self._wait()
        except OSError:
            self.stop()
            raise

    def _wait(self):
        """Until it answers, where it has HTTP; a busy machine takes its time."""
        if not self.http:
            time.sleep(0.7)
        for _ in range(100):
            if self.child.poll() is not None:
                self._log.seek(0)
                said = self._log.read()
                ports.check(said)
                raise OSError(f"the server has ended: {said.strip()}")
            if not self.http:
                return None
            try:
                return self.read("/healthz")
            except ValueError:
                return None
            except OSError:
                time.sleep(0.1)
        raise OSError("the server does not answer")

    def cpu(self):
        """Seconds by kind of thread since its start: user and system."""
        seconds = {}
        for task in os.listdir(f"/proc/{self.child.pid}/task"):
            base = f"/proc/{self.child.pid}/task/{task}/"
            with open(base + "comm", encoding="utf-8") as f:
                kind = f.read().strip().removeprefix("mcu-").rstrip("0123456789")
            with open(base + "stat", encoding="utf-8") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            used = (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
            seconds[kind] = seconds.get(kind, 0) + used
        return seconds

    def read(self, path):
        """What its HTTP API says, from JSON."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=5) as answer:
            return json.load(answer)

    def post(self, path, body):
        """Has it change something (listen.http_control)."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()

    def stop(self):
        self.child.terminate()
        self.child.wait(10)
        self._log.close()


def _start(callers, server, seconds):
    need = 4 * callers.count + 20
    first = ports.take(need)
    result = os.path.join(FOLDER, callers.name + ".json")
    child = subprocess.Popen(
        ["build/tests/mcu_peer", "--server", f"127.0.0.1:{server.sip}", "--room", "bench", "--name",
         callers.name, "--count", str(callers.count), "--stagger", str(STAGGER_MS), "--no-decode",
         "--seconds", str(seconds), "--rtp-ports", f"{first}-{first + need - 1}", "--json", result,
         *callers.arguments])
    return child, result


def _delivered(all_callers, results):
    """The worst of what one caller got, over his whole call."""
    fps, sound, lost, bytes_in, answered = [], [], 0, 0, True
    for callers, path in zip(all_callers, results):
        with open(path, encoding="utf-8") as f:
            report = json.load(f)
        answered &= report["answered"] == callers.count
        for one in report["callers"]:
            heard = one.get("audio", {})
            sound.append(heard.get("packets", 0) / max(heard.get("span_s", 0), 1))
            lost += heard.get("lost", 0) + one.get("video", {}).get("lost", 0)
            bytes_in += heard.get("bytes", 0) + one.get("video", {}).get("bytes", 0)
            if callers.fps:
                fps.append(one.get("video", {}).get("fps", 0))
    return {"fps_min": min(fps) if fps else None, "audio_min": round(min(sound), 1), "lost": lost,
            "bytes_delivered": bytes_in, "answered": answered}


def measure(what, all_callers, options):
    """Who calls, and for how long it is measured. Returns the row."""
    joining = STAGGER_MS / 1000 * max(c.count for c in all_callers)
    server = Server(sum(c.count for c in all_callers))
    try:
        whole = joining + SETTLE_S + options.seconds + 1
        started = [_start(c, server, whole) for c in all_callers]
        time.sleep(joining + SETTLE_S)
        before, begin = server.cpu(), time.monotonic()
        time.sleep(options.seconds)
        after, span = server.cpu(), time.monotonic() - begin
        for child, _ in started:
            child.wait(whole + 30)
    finally:
        server.stop()
    row = {"what": what, "seconds": round(span, 3), "legs": sum(c.count for c in all_callers),
           "threads": {k: round((after[k] - before.get(k, 0)) / span, 4) for k in after}}
    row["cpu"] = round(sum(row["threads"].values()), 4)
    row.update(_delivered(all_callers, [path for _, path in started]))
    wanted = max((c.fps or 0) for c in all_callers)
    row["ok"] = (row["answered"] and row["lost"] == 0
                 and row["audio_min"] >= WITHIN * AUDIO_A_SECOND
                 and (row["fps_min"] is None or row["fps_min"] >= WITHIN * wanted))
    return row
