"""Lines over an axis as an SVG: what goes on over time, or over load."""
import math
from html import escape

from plot import number

WIDTH, HEIGHT = 430, 190
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 26, 34
DOTS_MAX = 20
COLOURS = ["#1f6f8b", "#b3261e", "#c98a3c", "#5f6368", "#6a4c93", "#2a9d4a", "#d16ba5", "#1c1e21",
           "#b9bdc2"]


def ticks(low, high, is_log):
    if is_log:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return [10.0 ** i for i in range(first, last + 1)]
    step = 10 ** math.floor(math.log10(max(high, 1e-9)))
    step = next(step * part for part in (0.2, 0.5, 1, 2) if high / (step * part) <= 6)
    return [i * step for i in range(int(high / step) + 1)]


class Chart:
    """Lines over one axis from zero, and another that is linear from zero, or a logarithm. `mark`:
    where a dashed line goes up."""

    def __init__(self, title, series, is_log=False, width=WIDTH, mark=None):
        self.title, self.series, self.is_log, self.width = title, series, is_log, width
        self.mark = mark
        xs = [x for _, points in series for x, _ in points] or [1]
        ys = [y for _, points in series for _, y in points if not is_log or y > 0] or [1]
        self.x_most = max(xs) or 1
        self.marks = ticks(min(ys), max(ys) or 1, is_log)
        self.low = self.marks[0] if is_log else 0
        self.high = max(max(ys), self.marks[-1]) or 1

    def x(self, value):
        return LEFT + (self.width - LEFT - RIGHT) * value / self.x_most

    def y(self, value):
        room = HEIGHT - TOP - BOTTOM
        if self.is_log:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low or 10)
        else:
            share = value / self.high
        return TOP + room * (1 - share)

    def draw(self):
        parts = [f'<text x="{LEFT}" y="15" font-size="12" font-weight="bold">'
                 f'{escape(self.title)}</text>']
        for mark in self.marks:
            y = self.y(mark)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{self.width - RIGHT}" stroke="#e3e5e8"/>'
                         f'<text x="{LEFT - 5}" y="{y + 4:.1f}" font-size="10" text-anchor="end">'
                         f'{number(mark)}</text>')
        for mark in ticks(0, self.x_most, False):
            parts.append(f'<text x="{self.x(mark):.1f}" y="{HEIGHT - BOTTOM + 14}" font-size="10" '
                         f'text-anchor="middle">{number(mark)}</text>')
        if self.mark is not None and self.mark <= self.x_most:
            parts.append(f'<path d="M{self.x(self.mark):.1f} {TOP}V{HEIGHT - BOTTOM}" '
                         'stroke="#5f6368" stroke-dasharray="4 3"/>')
        left = LEFT
        for (name, points), colour in zip(self.series, COLOURS):
            way = "".join(f"{'L' if i else 'M'}{self.x(x):.1f} {self.y(y):.1f}"
                          for i, (x, y) in enumerate(points))
            parts.append(f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="1.6" '
                         'stroke-linecap="round"/>')
            if len(points) < DOTS_MAX:
                parts += [f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="2.5" '
                          f'fill="{colour}"/>' for x, y in points]
            parts.append(f'<text x="{left}" y="{HEIGHT - 4}" font-size="10" fill="{colour}">'
                         f'{escape(name)}</text>')
            left += 8 + 5.6 * len(name)
        return ('<svg xmlns="http://www.w3.org/2000/svg" '
                f'viewBox="0 0 {self.width} {HEIGHT}" width="{self.width}" '
                'font-family="system-ui,sans-serif"><rect width="100%" height="100%" fill="#fff"/>'
                f'{"".join(parts)}</svg>')
