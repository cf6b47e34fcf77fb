"""The picture of a deploy under load: every request a dot, by when it came and how long it took.

The SVG is written by hand and follows the reader's light or dark colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, log10

from load.records import Record

WIDTH, LEFT, RIGHT, TOP, HEIGHT, GAP = 860, 64, 20, 54, 190, 62
_FASTEST, _SLOWEST = 0.001, 10.0
"""Seconds at the foot and the head of a panel; its scale is logarithmic."""

_HOW_TO_READ = (
    "Every dot is one request: when it was sent, and how long it took to be answered."
    " Grey: a deploy. Yellow: requests wait in line."
)

_STYLE = """
svg { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
text { fill: #1f2328 } .soft { fill: #59636e } .title { font-size: 14px; font-weight: 600 }
.grid { stroke: #d1d9e0 } .deploy { fill: #f6f8fa; stroke: #d1d9e0 } .held { fill: #ffe9a8 }
.dots { fill: none; stroke-width: 4; stroke-linecap: round; stroke-opacity: .75 }
.key { stroke-width: 9 }
.v0 { stroke: #8250df } .v1 { stroke: #1a7f37 } .v2 { stroke: #0969da } .bad { stroke: #cf222e }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .soft { fill: #9198a1 }
.grid { stroke: #3d444d } .deploy { fill: #151b23; stroke: #3d444d } .held { fill: #4b3a08 }
.v0 { stroke: #bc8cff } .v1 { stroke: #56d364 } .v2 { stroke: #58a6ff } .bad { stroke: #ff7b72 }
}
"""
"""Plain rules, no variables: not every program that shows SVG knows those."""


@dataclass(frozen=True, slots=True)
class Span:
    """A deploy, and the time in it during which requests were held; ``time.monotonic()``."""

    began: float
    ended: float
    label: str
    held_from: float = 0.0
    held: float = 0.0


@dataclass(frozen=True, slots=True)
class Panel:
    """One app over one stretch of time.

    Attributes:
        versions: in the order deployed; each has a colour.
    """

    title: str
    records: Sequence[Record]
    versions: Sequence[str]
    spans: Sequence[Span]


def draw(panels: Sequence[Panel], caption: str) -> str:
    """The whole picture as SVG."""
    height = TOP + len(panels) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(caption)}</title><style>{_STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="22">{escape(caption)}</text>',
        f'<text class="soft" x="{LEFT}" y="39">{_HOW_TO_READ}</text>',
    ]
    for place, panel in enumerate(panels):
        parts += _panel(panel, TOP + 22 + place * (HEIGHT + GAP))
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """Where a time and a wait lie on the paper."""

    def __init__(self, panel: Panel, top: float) -> None:
        self.top = top
        self.start = min(record.began for record in panel.records)
        self.seconds = max(max(one.began for one in panel.records) - self.start, 1.0)

    def x(self, moment: float) -> float:
        share = (moment - self.start) / self.seconds
        return round(LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, wait: float) -> float:
        share = log10(min(max(wait, _FASTEST), _SLOWEST) / _FASTEST) / log10(_SLOWEST / _FASTEST)
        return round(self.top + HEIGHT * (1 - share), 1)


def _panel(panel: Panel, top: float) -> list[str]:
    scale = _Scale(panel, top)
    parts = [f'<text x="{LEFT}" y="{top - 8}">{escape(panel.title)}</text>']
    parts += _legend(panel, top - 8)
    for span in panel.spans:
        parts += _band(span, scale)
    for wait, label in ((0.001, "1 ms"), (0.01, "10 ms"), (0.1, "0.1 s"), (1, "1 s"), (10, "10 s")):
        y = scale.y(wait)
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        parts.append(
            f'<text class="soft" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{label}</text>'
        )
    parts += _seconds(scale)
    for colour, records in _by_colour(panel).items():
        dots = "".join(f"M{scale.x(one.began)} {scale.y(one.wait)}h0" for one in records)
        parts.append(f'<path class="dots {colour}" d="{dots}"/>')
    return parts


def _by_colour(panel: Panel) -> dict[str, list[Record]]:
    """The requests by what their dots are drawn in; those that failed on top."""
    found: dict[str, list[Record]] = {f"v{place % 3}": [] for place in range(len(panel.versions))}
    found["bad"] = []
    for one in panel.records:
        known = one.version in panel.versions and not one.failed
        found[f"v{panel.versions.index(one.version or '') % 3}" if known else "bad"].append(one)
    return {colour: records for colour, records in found.items() if records}


def _legend(panel: Panel, y: float) -> list[str]:
    parts = []
    for place, version in enumerate(reversed(panel.versions)):
        x = WIDTH - RIGHT - 66 - place * 84
        colour = f"v{(len(panel.versions) - 1 - place) % 3}"
        parts.append(f'<path class="dots key {colour}" d="M{x - 9} {y - 4}h0"/>')
        parts.append(f'<text class="soft" x="{x}" y="{y}">version {escape(version)}</text>')
    return parts


def _band(span: Span, scale: _Scale) -> list[str]:
    x, end = scale.x(span.began), scale.x(span.ended)
    held, open_again = scale.x(span.held_from), scale.x(span.held_from + span.held)
    high = f'y="{scale.top}" height="{HEIGHT}"'
    return [
        f'<rect class="deploy" x="{x}" width="{max(end - x, 1):.1f}" {high}/>',
        f'<rect class="held" x="{held}" width="{max(open_again - held, 1):.1f}" {high}/>',
        f'<text class="soft" x="{x + 5}" y="{scale.top + HEIGHT - 8}">{escape(span.label)}</text>',
    ]


def _seconds(scale: _Scale) -> list[str]:
    step = next((one for one in (1, 2, 5, 10) if scale.seconds / one <= 14), 20)
    y = scale.top + HEIGHT + 16
    return [
        f'<text class="soft" x="{scale.x(scale.start + second)}" y="{y}" '
        f'text-anchor="middle">{second} s</text>'
        for second in range(0, ceil(scale.seconds), step)
    ]
