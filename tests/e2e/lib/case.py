"""One end-to-end test as a program: arguments, a working folder, clean-up, one retry.

A test file defines `def test(case)` and ends with `case.main(test)`. Exit status 0: passed,
1: failed, 77: a client that the test needs is not installed (ctest shows it as skipped).
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

SKIPPED = 77


class Failure(Exception):
    """What the program under test did wrong, in one sentence."""


class Case:
    """What a running test has in hand."""

    def __init__(self, options):
        self.options = options
        self.dir = tempfile.mkdtemp(prefix="tessera-e2e-")
        self._cleanups = []
        self._started = time.monotonic()

    def path(self, *parts):
        """A path inside the test's folder; folders on the way are made."""
        path = os.path.join(self.dir, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def cleanup(self, function):
        """Calls function when the test is over, the latest first."""
        self._cleanups.append(function)

    def say(self, text):
        """A line of the test's report, with the seconds since its start."""
        print(f"[{time.monotonic() - self._started:5.1f}] {text}", flush=True)

    def check(self, condition, text):
        """Fails the test unless condition holds; text says what was measured either way."""
        if not condition:
            raise Failure(text)
        self.say("ok: " + text)

    def wait_for(self, condition, seconds, text):
        """Polls condition() until it is true and returns its value; fails after these seconds."""
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise Failure(f"not within {seconds} s: {text}")
            time.sleep(0.1)

    def close(self, keep):
        """Ends what the test started and removes its folder."""
        for function in reversed(self._cleanups):
            try:
                function()
            except Exception:  # a clean-up that fails must not hide the next one
                traceback.print_exc()
        if keep:
            print("kept:", self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


class Process:
    """A child with its output in a log file. It is ended, by its pid, when the test is over."""

    def __init__(self, case, name, command, cwd=None, env=None):
        self.name = name
        self.log_path = case.path("log", name + ".log")
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(command, cwd=cwd or case.dir, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=subprocess.STDOUT, env=env)
        self.pid = self.child.pid
        case.cleanup(self.kill)

    def log(self):
        """All that it has printed so far."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def signal(self, number):
        """Sends it a signal, if it still runs."""
        if self.child.poll() is None:
            os.kill(self.pid, number)

    def wait(self, seconds):
        """Its exit status; fails when it has not ended after that many seconds."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} still runs after {seconds} s") from None

    def kill(self):
        """Ends it at once."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(10)

    def cpu_seconds(self):
        """Processor time of all its threads since its start."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def need(*programs):
    """Skips the test unless all these programs are installed."""
    for program in programs:
        if not shutil.which(program):
            print(f"skipped: {program} is not installed (scripts/setup --test)")
            sys.exit(SKIPPED)


def _attempt(test, options):
    case = Case(options)
    passed = False
    try:
        test(case)
        passed = True
    except Failure as failure:
        case.say(f"FAILED: {failure}")
    except Exception:
        traceback.print_exc()
    if not passed:
        _show_logs(case.dir)
    case.close(options.keep)
    return passed


def _show_logs(folder):
    """The tail of every log, for whoever has only ctest's output."""
    logs = os.path.join(folder, "log")
    for name in sorted(os.listdir(logs)) if os.path.isdir(logs) else []:
        with open(os.path.join(logs, name), encoding="utf-8", errors="replace") as log:
            lines = [line for line in log.read().splitlines() if line and "(bit/s)" not in line]
        print(f"--- {name}: the last of {len(lines)} lines")
        print("\n".join(line[-300:] for line in lines[-25:]))


def main(test, clients=("baresip", "ffmpeg"), tries=2):
    """Runs the test; once more when it failed, since a measurement in real time can be spoilt by a
    busy machine. The thresholds are the same both times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", default="build/tessera")
    parser.add_argument("--peer", default="build/tests/mcu_peer")
    parser.add_argument("--loops", type=int, default=1, help="media loops of the server")
    parser.add_argument("--set", action="append", default=[], help="a setting of every server")
    parser.add_argument("--browser", choices=("chromium", "firefox"), default="chromium",
                        help="whose page, where a test can be tried with either")
    parser.add_argument("--full", action="store_true", help="as long as it takes to be sure")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and media")
    parser.add_argument("--once", action="store_true", help="no second try")
    options = parser.parse_args()
    options.server = os.path.abspath(options.server)
    options.peer = os.path.abspath(options.peer)
    need(*clients)
    if not os.access(options.peer, os.X_OK):
        options.peer = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that clean-ups run at a time-out
    for left in reversed(range(1 if options.once else tries)):
        if _attempt(test, options):
            sys.exit(0)
        if left:
            print("=== once more ===", flush=True)
    sys.exit(1)
