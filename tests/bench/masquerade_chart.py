"""What was measured of masquerading, as two panels: ratios, and how many times faster podnet is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .masquerade import MEASURED, PODNET, SERVICES, WAYS
from .ratio_chart import AIM, LOOKS, charted, panel, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Where a legend hides no bar.
BELOW: dict[str, Any] = {
    "loc": "upper center",
    "bbox_to_anchor": (0.5, -0.14),
    "ncols": 2,
    "frameon": False,
    "fontsize": 8,
}


def draw(part: Any, masquerade: dict[str, Any]) -> None:
    """Draw both panels."""
    left, right = part.subplots(1, 2, width_ratios=[3, 2])
    panel(left, charted(WAYS), masquerade["ratios"], MEASURED)
    left.set_title("a pod to a host outside, masqueraded", loc="left", weight="bold", size=11)
    left.set_ylabel("time, plain routing without it = 1 (less is better)")
    left.margins(y=0.1)
    left.legend(**BELOW)
    _faster(right, [one for one in masquerade["faster"] if one["datapath"] in (PODNET, SERVICES)])


def _faster(axes: Axes, faster: list[dict[str, Any]]) -> None:
    """Draw a group of bars for each yardstick, from the line at 1 to how many times faster."""
    pairs = list(dict.fromkeys((one["datapath"], one["than"]) for one in faster))
    cells = {(one["datapath"], one["than"], one["yardstick"]): one for one in faster}
    width = 0.84 / len(pairs)
    for number, (own, than) in enumerate(pairs):
        for group, yardstick in enumerate(MEASURED):
            one = cells[own, than, yardstick.name]
            x = group + (number - (len(pairs) - 1) / 2) * width
            axes.bar(
                x,
                one["ratio"] - 1,
                width * 0.9,
                bottom=1,
                color=LOOKS[than][0],
                alpha=1.0 if own == PODNET else 0.5,
                label=None if group else f"{own}, than {than}",
            )
            axes.annotate(
                f"{one['ratio']:.2f}",
                (x, max(one["ratio"], one["aim"])),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                size=7.5,
            )
    for group, yardstick in enumerate(MEASURED):
        aim = cells[(*pairs[0], yardstick.name)]["aim"]
        axes.plot([group - 0.46, group + 0.46], [aim] * 2, color=AIM, lw=2)
    axes.set_xticks(range(len(MEASURED)), [one.title for one in MEASURED])
    axes.set_title(
        "how many times faster than the kernel's masquerading (red: aim)",
        loc="left",
        weight="bold",
        size=11,
    )
    axes.legend(**BELOW)
    plain(axes)
