#!/usr/bin/env python3
"""Each header compiles alone, twice included, and its guard is named by its path.

usage: headers.py SOURCE_DIR COMPILER [FLAG...]
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-unused-function"]


def complaint(root, path, compiler, flags):
    guard = "MCU_" + re.sub(r"[^A-Z0-9]", "_", path.removesuffix(".h").upper()) + "_H"
    if f"#ifndef {guard}\n#define {guard}\n" not in (root / path).read_text(encoding="utf-8"):
        return f"{path}: no guard {guard}"
    run = subprocess.run(
        [compiler, "-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", *WARNINGS, f"-I{root}", *flags,
         "-x", "c", "-"], input=f'#include "{path}"\n#include "{path}"\n', capture_output=True,
        text=True, check=False)
    return f"{path}: does not compile alone\n{run.stderr}" if run.returncode else None


def main():
    root, compiler, flags = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    headers = sorted(p.relative_to(root).as_posix() for folder in ("mixer", "codec", "net", "server")
                     for p in (root / folder).rglob("*.h"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [c for c in pool.map(lambda h: complaint(root, h, compiler, flags), headers) if c]
    print(*found, sep="\n")
    print(f"headers: {len(headers)} compiled, {len(found)} complaints")
    sys.exit(1 if found or not headers else 0)


if __name__ == "__main__":
    main()
