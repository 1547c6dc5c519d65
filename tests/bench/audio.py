"""Row family `audio`: what coding and mixing of sound cost."""
import common


def run(options):
    rows = [r for r in common.program("bench_codecs", *(["--quick"] if options.quick else []))
            if r["bench"] == "sound"]
    print("\naudio: us a tick of 20 ms")
    for r in rows:
        print(f"{r['what']:32}{r['us']:>9.1f}")
    return rows


def plots(rows, folder):
    """None."""
