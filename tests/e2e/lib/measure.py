"""Judging sound by its samples and pictures by their pixels."""
import numpy as np

_NEAR_HZ = 4  # a tone's main lobe, and what a playout that follows a clock adds to it


def spectrum(samples, rate=48000):
    """(power of each bin as the mean square of a sine there, width of a bin in Hz)."""
    n = len(samples)
    k = 2 * np.pi * np.arange(n) / n
    # Blackman-Harris, four terms: side lobes 92 dB down, so that a loud tone hides no quiet one.
    window = 0.35875 - 0.48829 * np.cos(k) + 0.14128 * np.cos(2 * k) - 0.01168 * np.cos(3 * k)
    power = 2 * np.abs(np.fft.rfft(samples * window)) ** 2 / (n * np.sum(window ** 2))
    return power, rate / n


def tones_db(samples, frequencies, rate=48000):
    """Levels of tones in dB relative to a full-scale sine: all power within _NEAR_HZ of each."""
    power, width = spectrum(samples, rate)
    near = [power[int((hz - _NEAR_HZ) / width):int((hz + _NEAR_HZ) / width) + 1].sum()
            for hz in frequencies]
    return 10 * np.log10(2 * np.array(near) + 1e-20)


def lines_db(samples, frequencies, rate=48000):
    """The same for tones that should not be there: the strongest line within 1/2 Hz, so that as
    little as possible of a codec's noise, which is everywhere, counts as the tone."""
    power, width = spectrum(samples, rate)
    # A sine's power is spread over the window's main lobe: 2.004 bins' worth (its noise bandwidth).
    near = [power[int((hz - 0.5) / width):int((hz + 0.5) / width) + 2].max() * 2.004
            for hz in frequencies]
    return 10 * np.log10(2 * np.array(near) + 1e-20)


def steady(samples, seconds, rate=48000, before_end=0.6):
    """The last part of a recording, without what happens while calls end."""
    end = len(samples) - int(before_end * rate)
    return samples[max(0, end - int(seconds * rate)):end]


def longest_gap_ms(samples, tone_dbfs, rate=48000, block_ms=2):
    """The longest stretch in which all sound together is 10 dB below a tone that is sent."""
    block = rate * block_ms // 1000
    blocks = samples[:len(samples) // block * block].reshape(-1, block)
    quiet = 2 * np.mean(np.square(blocks), axis=1) < 10 ** ((tone_dbfs - 10) / 10)
    longest = run = 0
    for q in quiet:
        run = run + 1 if q else 0
        longest = max(longest, run)
    return longest * block_ms


def inner(picture, rect, margin=0.12):
    """The part of a picture inside a tile, without its frame."""
    x, y, w, h = rect
    mx, my = int(w * margin), int(h * margin)
    return picture[y + my:y + h - my, x + mx:x + w - mx]


def colour_of(picture, rect):
    """The median colour of a tile."""
    return tuple(int(v) for v in np.median(inner(picture, rect).reshape(-1, 3), axis=0))


def colour_distance(a, b):
    """The largest difference of a component."""
    return max(abs(int(x) - int(y)) for x, y in zip(a, b))


def likeness(a, b):
    """Correlation of two pictures of one size, -1 to 1, of their brightness."""
    x, y = (p.astype(np.float64).mean(axis=2).ravel() for p in (a, b))
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / scale) if scale else 0.0


def grid(count, width=1280, height=720):
    """Where the tiles of a grid of `count` stand: [(x, y, w, h)], in the order of joining. Square
    grids of cells with the canvas's own aspect; the last row is centred."""
    columns = 1
    while columns * columns < count:
        columns += 1
    rows = -(-count // columns)
    w, h = width // columns & ~1, height // columns & ~1
    x0, y0 = (width - columns * w) // 2 & ~1, (height - rows * h) // 2 & ~1
    tiles = []
    for i in range(count):
        in_row = min(columns, count - i // columns * columns)
        indent = (columns - in_row) * w // 2 & ~1
        tiles.append((x0 + indent + i % columns * w, y0 + i // columns * h, w, h))
    return tiles
