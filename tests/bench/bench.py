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
FAMILIES = ("kernels", "encoders", "audio", "servers", "meetings", "viewers", "rooms", "delay", "pacing",
            "overload", "cost")
ROWS = {name: importlib.import_module(name) for name in FAMILIES if importlib.util.find_spec(name)}


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
    os.makedirs(common.FOLDER, exist_ok=True)
    begin = time.time()
    result = {"machine": machine(), "rows": {}}
    where = result["machine"]
    print(f"{where['cores']} x {where['cpu']}, Linux {where['kernel']}, tessera {where['commit']}, "
          f"load {where['load_before']:.1f}")
    for name in options.row or ROWS:
        result["rows"][name] = ROWS[name].run(options)
        ROWS[name].plots(result["rows"][name], common.FOLDER)
        sys.stdout.flush()
    with open(os.path.join(common.FOLDER, "result.json"), "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    complete = all(r.get("ok", True) for rows in result["rows"].values() for r in rows)
    print(f"\n{time.time() - begin:.0f} s; bench/result.json and bench/*.svg are written"
          + ("" if complete else "; something was not delivered"))
    return 0 if complete else 1


sys.exit(main())
