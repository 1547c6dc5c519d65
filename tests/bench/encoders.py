"""Row family `encoders`: every encoder on one canvas, at equal bits; speeds as the server sets them."""
import os

import common
import plot


def run(options):
    extra = ["--quick"] if options.quick else []
    rows = common.program("bench_encoders", *extra, common.make_clip())
    print("\nencoders: a 3x3 canvas of 1280x720 at 30 pictures/s (eight of the photograph, a page of text),\n"
          "one thread; rates asked so that each makes 1500 kbit/s")
    print(f"{'':16}{'ms':>7}{'decode':>8}{'key ms':>8}{'key kB':>8}{'kbit/s':>8}{'1 s max':>9}{'PSNR':>7}"
          f"{'worst':>7}{'SSIM':>8}{'text':>8}")
    for r in rows:
        print(f"{r['codec'] + ' ' + r['who']:16}{r['ms']:>7.2f}{r['decode_ms']:>8.2f}{r['key_ms']:>8.2f}"
              f"{r['key_kbytes']:>8.1f}{r['kbps']:>8.0f}{r['second_kbps']:>9.0f}{r['psnr_db']:>7.2f}"
              f"{r['worst_db']:>7.2f}{r['ssim']:>8.4f}{r['text_ssim']:>8.4f}{common.mark(r)}")
    return rows


def plots(rows, folder):
    names = [f"{r['codec']} {r['who']}" for r in rows]
    plot.bars(os.path.join(folder, "encoders.svg"), "ms a canvas of 1280x720, at 1500 kbit/s", names, ["ms"],
              {(n, "ms"): r["ms"] for n, r in zip(names, rows)})
