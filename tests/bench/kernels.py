"""Row family `kernels`: ms to compose a canvas, beside other libraries and the bound."""
import os

import common
import plot


def grid_of(rows):
    return [r for r in rows if r["bench"] == "kernels" and "n" in r]


def table(rows, names, key, width, show):
    """A line for each key, a column for each contender."""
    print(f"{'':>{width}}", *(f"{n:>20}" for n in names))
    for k in dict.fromkeys(key(r) for r in rows):
        of = {r["who"]: r for r in rows if key(r) == k}
        print(f"{k:>{width}}", *(f"{show(of[w]):>10.2f} x{of[w]['x_floor']:<8.2f}" if w in of else
                                 f"{'-':>20}" for w in names))


def run(options):
    extra = ["--quick"] if options.quick else []
    rows = common.program("bench_kernels", "--photo", common.make_clip(), *extra)
    names = list(dict.fromkeys(r["who"] for r in rows))
    print("\nkernels: ms to compose a 1280x720 canvas of N pictures of 720p (x: times the floor)")
    table(grid_of(rows), names, lambda r: str(r["n"]), 4, lambda r: r["ms"])
    others = [r for r in rows if r["bench"] == "ratios"]
    if others:
        print("other ratios: ms a picture")
        table(others, names, lambda r: f"{r['from']} > {r['to']}", 22, lambda r: r["ms"] / r["n"])
    return rows


def plots(rows, folder):
    grid = grid_of(rows)
    plot.bars(os.path.join(folder, "kernels.svg"), "ms a canvas of N x 720p, less is better",
              [str(n) for n in dict.fromkeys(r["n"] for r in grid)],
              list(dict.fromkeys(r["who"] for r in grid)),
              {(str(r["n"]), r["who"]): r["ms"] for r in grid})
