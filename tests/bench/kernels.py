"""Row family `kernels`: ms to compose a canvas, beside other libraries and the bound."""
import os

import common
import plot


def run(options):
    extra = ["--quick"] if options.quick else []
    rows = common.program("bench_kernels", "--photo", common.make_clip(), *extra)
    grid = [r for r in rows if "n" in r]
    names = list(dict.fromkeys(r["who"] for r in grid))
    print("\nkernels: ms to compose a 1280x720 canvas of N pictures of 720p (x: times the floor)")
    print(f"{'N':>4}", *(f"{n:>20}" for n in names))
    for n in dict.fromkeys(r["n"] for r in grid):
        of = {r["who"]: r for r in grid if r["n"] == n}
        print(f"{n:>4}", *(f"{of[w]['ms']:>10.2f} x{of[w]['x_floor']:<8.2f}" if w in of else
                           f"{'-':>20}" for w in names))
    others = [r for r in rows if "n" not in r]
    if others:
        print("other ratios:")
    for r in others:
        print("   ", "  ".join(f"{k} {v}" for k, v in r.items() if k != "bench"))
    return rows


def plots(rows, folder):
    grid = [r for r in rows if "n" in r]
    plot.bars(os.path.join(folder, "kernels.svg"), "ms a canvas of N x 720p, less is better",
              [str(n) for n in dict.fromkeys(r["n"] for r in grid)],
              list(dict.fromkeys(r["who"] for r in grid)),
              {(str(r["n"]), r["who"]): r["ms"] for r in grid})
