"""The server for a row of tests/bench, and its processor time between two moments."""
import json
import os
import subprocess
import time
import urllib.request

import ports

FOLDER = "bench"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
WITHIN = 0.98       # of what is to be delivered


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
