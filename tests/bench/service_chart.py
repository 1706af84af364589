"""What was measured of services, as two panels: connects by the number of services, and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .topology import ONE_NODE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colour of a way, by the beginning of its name; podnet is the one hue, as elsewhere.
COLOURS = {
    "iptables-nft": "#d9822b",
    "iptables-legacy": "#b8561a",
    "nftables": "#8596a6",
    "podnet": "#0b7a55",
}
AIM = "#c0143c"


def connects(axes: Axes, services: dict[str, Any]) -> None:
    """Draw a line for each way, from the fewest services to the most."""
    here = [one for one in services["connect"] if one["place"] == ONE_NODE and one["services"]]
    for name in dict.fromkeys(one["name"] for one in here):
        mine = sorted((one for one in here if one["name"] == name), key=lambda one: one["services"])
        axes.errorbar(
            [one["services"] for one in mine],
            [one["ratio"] for one in mine],
            yerr=[
                [max(0, one["ratio"] - one["low"]) for one in mine],
                [max(0, one["high"] - one["ratio"]) for one in mine],
            ],
            color=_colour(name),
            marker="o",
            capsize=2.5,
            label=name,
        )
        last = mine[-1]
        axes.annotate(
            f"{last['ratio']:.2f}",
            (last["services"], last["ratio"]),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            size=8,
        )
    axes.axhline(1, color=AIM, lw=1.2, label="aim: a direct connect over plain routing")
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = sorted({one["services"] for one in here})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_yticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    axes.minorticks_off()
    axes.set_title(
        "connect to a ClusterIP by the number of services\n(direct over plain kernel routing = 1)",
        loc="left",
        weight="bold",
        size=11,
    )
    axes.legend(frameon=False, fontsize=8)


def applied(axes: Axes, services: dict[str, Any]) -> None:
    """Draw two bars for each way: all services, and one that changed."""
    rows = services["applied"]
    for y, one in enumerate(rows):
        for what, shift, strength in (("full", -0.2, 1.0), ("change", 0.2, 0.5)):
            seconds, aim = one[what]["seconds"], one[what]["aim"]
            axes.barh(y + shift, seconds, 0.36, color=_colour(one["name"]), alpha=strength)
            axes.annotate(
                f"{seconds:.3g} s",
                (seconds, y + shift),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                size=8,
            )
            if aim:
                axes.plot([aim, aim], [y + shift - 0.18, y + shift + 0.18], color=AIM, lw=2)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_yticks(range(len(rows)), [one["name"] for one in rows])
    axes.invert_yaxis()
    axes.set_title(
        f"seconds for {rows[0]['services']:,} services of 3 backends, and (pale) for one changed",
        loc="left",
        weight="bold",
        size=11,
    )


def _colour(name: str) -> str:
    return COLOURS[name.split(",", maxsplit=1)[0]]
