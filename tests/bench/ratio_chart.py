"""Ratios to plain kernel routing as panels with bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .ratios import AGAIN, AIMS, DATAPATHS, HOSTS, OVERLAYS, REFERENCE, YARDSTICKS
from .topology import ACROSS_NODES, ONE_NODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from .ratios import Yardstick

#: What stands for what. Podnet is the one hue; what it is compared with is grey to warm.
LOOKS = {
    "bridge": ("#b8c4ce", "Linux bridge"),
    "kubenet": ("#8596a6", "bridge of a Kubernetes node (bridge-nf-call)"),
    "iptables": ("#d9822b", "routing + kube-proxy's iptables rules, 1 service"),
    "host to host": ("#d8d2c4", "the nodes themselves, without pods"),
    "floor": ("#a9d8c4", "floor: one lookup and a redirect, nothing else"),
    "iptables MASQUERADE": ("#d9822b", "routing + iptables MASQUERADE"),
    "nftables masquerade": ("#8596a6", "routing + nftables masquerade"),
    "podnet": ("#0b7a55", "podnet, eBPF"),
    "podnet with services": ("#6fb59a", "podnet, eBPF, with services"),
    "podnet bridge": ("#4f9fb0", "podnet, bridge"),
    "podnet routed": ("#7fa650", "podnet, routed"),
    "routing + VXLAN": ("#d8d2c4", "routing + VXLAN"),
    "bridge + VXLAN": ("#b8c4ce", "bridge + VXLAN (Flannel)"),
    "podnet overlay": ("#0b7a55", "podnet, eBPF"),
    "podnet bridge overlay": ("#4f9fb0", "podnet, bridge"),
    "podnet routed overlay": ("#7fa650", "podnet, routed"),
}

#: What stands side by side, and where it was measured.
PANELS = (
    ("pod to pod, one node", ONE_NODE, DATAPATHS),
    ("pod to pod, across nodes", ACROSS_NODES, {**DATAPATHS, **HOSTS}),
    ("pod to pod, across nodes, through a tunnel", ACROSS_NODES, OVERLAYS),
)

#: The yardsticks that something aims at.
CHARTED = [one for one in YARDSTICKS if any(one.name in aims for aims in AIMS.values())]
INK, FAINT, AIM = "#22303c", "#6b7885", "#c0143c"


def draw(part: Any, ratios: list[dict[str, Any]]) -> None:
    """Draw panels with one scale, so that they can be compared."""
    present = {(one["place"], one["datapath"]) for one in ratios}
    drawn = [
        (title, place, names)
        for title, place, among in PANELS
        if (names := charted(name for name in among if (place, name) in present))
    ]
    panels = list(part.subplots(1, len(drawn), sharey=True, squeeze=False).flat)
    legend: dict[str, Any] = {}
    for axes, (title, place, names) in zip(panels, drawn):
        panel(axes, names, [one for one in ratios if one["place"] == place], CHARTED)
        axes.set_title(title, loc="left", weight="bold", size=11)
        for handle, meaning in zip(*axes.get_legend_handles_labels()):
            legend.setdefault(meaning, handle)
    panels[0].set_ylabel("time, plain kernel routing = 1 (less is better)", color=FAINT)
    panels[0].margins(y=0.08)
    part.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=6, frameon=False)


def charted(names: Iterable[str]) -> list[str]:
    """Return those of the names that have a look, in the order of :data:`LOOKS`."""
    present = set(names)
    return [name for name in LOOKS if name in present]


def panel(
    axes: Axes, names: list[str], ratios: list[dict[str, Any]], yardsticks: Sequence[Yardstick]
) -> None:
    """Draw a group of bars for each yardstick, and in it one for each datapath."""
    cells = {(one["datapath"], one["yardstick"]): one for one in ratios}
    width = 0.84 / len(names)
    for group, yardstick in enumerate(yardsticks):
        noise = cells[AGAIN, yardstick.name]
        axes.fill_between(
            [group - 0.46, group + 0.46],
            min(noise["low"], 1),
            max(noise["high"], 1),
            color=FAINT,
            alpha=0.35,
            lw=0,
            label="noise: plain routing against itself" if not group else None,
        )
        for number, name in enumerate(names):
            colour, meaning = LOOKS[name]
            one = cells[name, yardstick.name]
            x = group + (number - (len(names) - 1) / 2) * width
            label = None if group else meaning
            _bar(axes, one, x=x, width=width * 0.9, colour=colour, label=label)
            if one["aim"]:
                axes.plot(
                    [x - width * 0.55, x + width * 0.55],
                    [one["aim"]] * 2,
                    color=AIM,
                    lw=2,
                    solid_capstyle="butt",
                    zorder=5,
                    label=None if group else "aim",
                )
    axes.axhline(1, color=INK, lw=1.2, zorder=4)
    reference = [cells[REFERENCE, yardstick.name]["ns"] / 1000 for yardstick in yardsticks]
    axes.set_xticks(
        range(len(yardsticks)),
        [f"{one.title}\n1 = {time:.1f} µs {one.per}" for one, time in zip(yardsticks, reference)],
    )
    axes.set_xlim(-0.5, len(yardsticks) - 0.5)
    plain(axes)
    axes.yaxis.grid(True, color="#e6eaee", zorder=0)


def _bar(
    axes: Axes, one: dict[str, Any], *, x: float, width: float, colour: str, label: str | None
) -> None:
    """From the line at 1 up or down to the ratio, its quartiles as a whisker, its figure."""
    ratio = one["ratio"]
    axes.bar(x, ratio - 1, width, bottom=1, color=colour, zorder=3, label=label)
    axes.errorbar(
        x,
        ratio,
        yerr=[[max(0, ratio - one["low"])], [max(0, one["high"] - ratio)]],
        color=INK,
        lw=1,
        capsize=2.5,
        zorder=6,
    )
    up = ratio >= 1
    axes.annotate(
        f"{ratio:.2f}",
        (x, one["high"] if up else min(one["low"], one["aim"] or 1)),
        xytext=(0, 3 if up else -3),
        textcoords="offset points",
        ha="center",
        va="bottom" if up else "top",
        size=7.5,
        weight="bold" if one["aim"] else "normal",
    )


def plain(axes: Axes) -> None:
    """Leave of the axes what tells something."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, colors=INK)
