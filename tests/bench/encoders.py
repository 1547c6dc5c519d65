"""Row family `encoders`: every encoder at one rate on one canvas."""
import common


def run(options):
    extra = ["--quick"] if options.quick else []
    rows = [r for r in common.program("bench_codecs", *extra, common.make_clip())
            if r["bench"] == "encoders"]
    print("\nencoders: a 3x3 canvas of 1280x720 at 30 pictures/s, 1500 kbit/s asked")
    print(f"{'':16}{'ms':>8}{'decode ms':>11}{'kbit/s':>8}{'keyframe kB':>13}{'PSNR dB':>9}"
          f"{'worst':>8}")
    for r in rows:
        print(f"{r['codec'] + ' ' + r['who']:16}{r['ms']:>8.2f}{r['decode_ms']:>11.2f}"
              f"{r['kbps']:>8.0f}{r['key_kbytes']:>13.1f}{r['psnr_db']:>9.2f}{r['worst_db']:>8.2f}")
    return rows


def plots(rows, folder):
    """None."""
