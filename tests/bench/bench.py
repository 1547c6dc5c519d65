"""What scripts/bench runs: measures row family by row family, each prints its table, writes
bench/result.json and bench/*.svg. What a family is stands in common.py."""
import argparse
import importlib
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time

import common

# In the order of the tables; one module each.
FAMILIES = ("kernels", "encoders", "audio", "servers", "viewers", "rooms", "delay", "pacing",
            "overload", "cost")
OTHERS = ("GStreamer", "ffmpeg")  # what they do not deliver is no failure of ours
ROWS = {name: importlib.import_module(name) for name in FAMILIES if importlib.util.find_spec(name)}


def version_of(package):
    found = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, check=False)
    return found.stdout


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    packages = ("libvpx7", "libopenh264-7", "libx264-164", "libavcodec59", "libopus0", "libyuv0",
                "libswscale6", "ffmpeg", "gstreamer1.0-tools", "gstreamer1.0-plugins-bad")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "versions": {p: version_of(p) for p in packages}}


def taken():
    """When and of what the rows of a family were measured."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()
    return {"commit": commit, "time": time.strftime("%Y-%m-%d %H:%M:%S"), "load": os.getloadavg()[0]}


def read_before(here):
    """The last result of this machine: families that are not measured now stay in it."""
    try:
        with open(os.path.join(common.FOLDER, "result.json"), encoding="utf-8") as f:
            old = json.load(f)
        return old if old["machine"] == here and "taken" in old else None
    except (OSError, ValueError, KeyError):
        return None


def merged(old, new):
    """Rows of a part of a family take the place of their like."""
    def key(row):
        return row.get("what"), row.get("who")
    fresh = {key(r) for r in new}
    return [r for r in old if key(r) not in fresh] + new


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="", metavar="TEXT",
                        help="servers: NxSIZE-CODEC that have it, as 9x360p or h264; or: extras")
    parser.add_argument("row", nargs="*", choices=[[], *ROWS], help="; ".join(ROWS))
    options = parser.parse_args()
    options.seconds = 3 if options.quick else 24 if options.full else 5
    options.all = options.full or bool(options.row) # else what fits into ten minutes
    os.makedirs(common.FOLDER, exist_ok=True)
    begin = time.time()
    where = machine()
    result = read_before(where) or {"machine": where, "taken": {}, "rows": {}}
    complete = True
    for name in options.row or ROWS:
        at = taken()
        if name == (options.row or list(ROWS))[0]:
            print(f"{where['cores']} x {where['cpu']}, Linux {where['kernel']}, tessera {at['commit']}, "
                  f"load {at['load']:.1f}")
        started = time.time()
        rows = ROWS[name].run(options)
        print(f"({name}: {time.time() - started:.0f} s)")
        complete &= all(r.get("ok", True) or r.get("who") in OTHERS for r in rows)
        result["rows"][name] = merged(result["rows"].get(name, []), rows) if options.only else rows
        result["taken"][name] = at
        ROWS[name].plots(result["rows"][name], common.FOLDER)
        with open(os.path.join(common.FOLDER, "result.json"), "w", encoding="utf-8") as f:
            json.dump(result, f, indent=1)
        sys.stdout.flush()
    print(f"\n{time.time() - begin:.0f} s; bench/result.json and bench/*.svg are written"
          + ("" if complete else "; something was not delivered"))
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
