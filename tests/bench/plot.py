"""Bar charts as SVG, written by hand: no library is needed to look at a few numbers."""
from xml.sax.saxutils import escape

COLOURS = ("#9aa5b1", "#1f6feb", "#6ea8fe", "#d97706", "#9333ea", "#059669")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 340, 56, 64, 34


def _text(x, y, text, anchor="middle", size=12):
    return (f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-size='{size}' "
            f"fill='#333'>{escape(text)}</text>")


def _step(top):
    """A round distance between lines: four to ten of them."""
    step = 1e-6
    for grow in (2, 2.5, 2) * 6:
        if top / step <= 10:
            break
        step *= grow
    return step


def bars(path, title, groups, series, values):
    """values: {(group, series): number}; missing ones have no bar."""
    top = max(values.values()) or 1
    scale = (HEIGHT - TOP - BOTTOM) / top
    floor = HEIGHT - BOTTOM
    out = [f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
           "font-family='sans-serif'>", f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#fff'/>",
           _text(LEFT, 22, title, "start", 15)]
    step = _step(top)
    for i in range(int(top / step) + 1):
        y = floor - i * step * scale
        out.append(f"<path d='M{LEFT} {y:.1f}H{WIDTH - 10}' stroke='#ddd'/>")
        out.append(_text(LEFT - 6, y + 4, f"{i * step:g}", "end"))
    room = (WIDTH - LEFT - 10) / len(groups)
    wide = room * 0.8 / len(series)
    for g, group in enumerate(groups):
        for s, name in enumerate(series):
            value = values.get((group, name))
            if value is None:
                continue
            x = LEFT + g * room + room * 0.1 + s * wide
            out.append(f"<rect x='{x:.1f}' y='{floor - value * scale:.1f}' "
                       f"width='{wide - 2:.1f}' height='{value * scale:.1f}' "
                       f"fill='{COLOURS[s % len(COLOURS)]}'/>")
            said = f"{value:.2f}" if value < 10 else f"{value:.3g}"
            out.append(_text(x + wide / 2, floor - value * scale - 3, said, size=10))
        out.append(_text(LEFT + (g + 0.5) * room, floor + 18, group))
    for s, name in enumerate(series if len(series) > 1 else []):
        x = LEFT + s * 130
        out.append(f"<rect x='{x}' y='36' width='11' height='11' "
                   f"fill='{COLOURS[s % len(COLOURS)]}'/>")
        out.append(_text(x + 16, 46, name, "start"))
    out.append("</svg>\n")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out))
