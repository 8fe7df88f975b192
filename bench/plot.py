"""The results of one benchmark as an SVG: a bar for each row, a whisker for its spread.

No plotting library: bars need none, and the file is the same on every machine.
"""

from html import escape

WIDTH = 900
LABEL = 280  # where bars begin
BARS = 330  # how long the longest may be
ROW = 26
COLOURS = {"ours": "#1f6f8b", "alternative": "#c98a3c", "ceiling": "#9aa0a6"}
INK, SOFT = "#1c1e21", "#5f6368"


def number(value):
    """Three or four digits that a person can compare; more just below 100 %."""
    if value == 0:
        return "0"
    if value >= 1e6:
        return f"{value / 1e6:,.2f} M"
    if value >= 100:
        return f"{value:,.0f}"
    if 99 < value < 100:
        return f"{value:.4f}"
    return f"{value:.3g}"


def text(x, y, words, size=13, colour=INK, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>')


def bar(row, y, scale):
    length = max(row["median"] * scale, 1)
    low, high = (LABEL + row[edge] * scale for edge in ("min", "max"))
    middle = y + ROW / 2 - 3
    parts = [
        text(LABEL - 10, middle + 4, row["label"], anchor="end"),
        f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{ROW - 6}" rx="2" '
        f'fill="{COLOURS[row["kind"]]}"/>',
        f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}'
        f'v8" stroke="{INK}" stroke-width="1.2" fill="none"/>',
    ]
    words = f'{number(row["median"])} {row["unit"]}'
    if row.get("ours_is_times_as_good") is not None:
        words += f', ours is {row["ours_is_times_as_good"]:.3g} times as good'
    parts.append(text(max(LABEL + length, high) + 8, middle + 4, words, 12, SOFT))
    return parts


def goal_line(goal, group, top, bottom, scale):
    """A dashed line at a goal that is a value of this group; ratios are told in words below."""
    level = goal["least"] if goal["least"] is not None else goal["most"]
    if goal["beside"] or goal["row"] not in {row["id"] for row in group["rows"]}:
        return []
    x = LABEL + level * scale
    return [f'<path d="M{x:.1f} {top}V{bottom}" stroke="#b3261e" stroke-width="1.2" '
            f'stroke-dasharray="4 3"/>']


def draw(results):
    """The SVG of one benchmark's results (the dictionary of results/<name>.json)."""
    parts = []
    y = 66
    for group in results["groups"]:
        if not group["rows"]:
            continue
        parts.append(text(24, y + 12, group["title"], 14, weight="bold"))
        y += 24
        longest = max(row["max"] for row in group["rows"]) or 1
        levels = [g["least"] if g["least"] is not None else g["most"]
                  for g in group["goals"] if not g["beside"]]
        scale = BARS / max([longest] + levels)
        top = y - 3
        for row in group["rows"]:
            parts += bar(row, y, scale)
            y += ROW
        for goal in group["goals"]:
            parts += goal_line(goal, group, top, y - 2, scale)
        y += 14
    for goal in results["goals"]:
        mark, colour = ("met", "#1e7d34") if goal["met"] else ("not met", "#b3261e")
        parts.append(text(24, y + 10, f'Goal: {goal["text"]}: {goal["measured_text"]}, {mark}', 12,
                          colour))
        y += 20
    machine = results["machine"]
    parts.append(text(24, y + 14, f'{machine["cpu"]}, {machine["cores"]} cores; {results["date"]}; '
                      f'{results["commit"]}; load before {machine["load_before"]:.1f}', 11, SOFT))
    height = y + 30
    legend = [text(24, 30, f'script/bench {results["name"]}', 17, weight="bold")]
    x = 300
    for kind, words in (("ours", "ours"), ("alternative", "alternative"), ("ceiling", "ceiling")):
        legend.append(f'<rect x="{x}" y="20" width="12" height="12" rx="2" '
                      f'fill="{COLOURS[kind]}"/>')
        legend.append(text(x + 18, 31, words, 12, SOFT))
        x += 100
    legend.append(text(x, 31, "bar: median, whisker: min to max", 12, SOFT))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            f'width="{WIDTH}" height="{height:.0f}" '
            'font-family="system-ui, DejaVu Sans, sans-serif">\n'
            f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>\n'
            + "\n".join(legend + parts) + "\n</svg>\n")
