"""The results as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import service_chart
from .ratios import AGAIN, AIMS, DATAPATHS, OVERLAYS, REFERENCE, YARDSTICKS
from .topology import ACROSS_NODES, ONE_NODE

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

#: What stands for what. Podnet is the one hue; what it is compared with is grey to warm.
LOOKS = {
    "bridge": ("#b8c4ce", "Linux bridge"),
    "kubenet": ("#8596a6", "bridge of a Kubernetes node (bridge-nf-call)"),
    "iptables": ("#d9822b", "routing + kube-proxy's iptables rules, 1 service"),
    "floor": ("#a9d8c4", "floor: one lookup and a redirect, nothing else"),
    "podnet": ("#0b7a55", "podnet, eBPF"),
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
    ("pod to pod, across nodes", ACROSS_NODES, DATAPATHS),
    ("pod to pod, across nodes, through a tunnel", ACROSS_NODES, OVERLAYS),
)

#: The yardsticks that something aims at.
CHARTED = [one for one in YARDSTICKS if any(one.name in aims for aims in AIMS.values())]
INK, FAINT, AIM = "#22303c", "#6b7885", "#c0143c"
FORMATS = ("png", "svg")


def draw(results: dict[str, Any], folder: Path) -> list[Path]:
    """Write the chart in every one of :data:`FORMATS` and return the files."""
    # Here, since numpy starts threads, and a process of several cannot enter a mount namespace.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"font.size": 10, "text.color": INK, "svg.hashsalt": "podnet"})
    bars = [kind for kind in ("programs", "times") if results[kind]]
    heights = [
        *([5.5] * bool(results["ratios"])),
        *([3.0] * bool(bars)),
        *([4.0] * bool(results["services"])),
    ]
    figure = plt.figure(figsize=(18, 0.8 + sum(heights)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    figure.suptitle(_title(results), x=0.01, ha="left", size=12, weight="bold")
    parts = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
    if results["ratios"]:
        _ratios(next(parts), results["ratios"])
    if bars:
        for axes, kind in zip(next(parts).subplots(1, len(bars), squeeze=False).flat, bars):
            {"programs": _programs, "times": _times}[kind](axes, results[kind])
    if results["services"]:
        draws = (service_chart.connects, service_chart.applied)
        for axes, drawn in zip(next(parts).subplots(1, len(draws)), draws):
            drawn(axes, results["services"])
            _plain(axes)
    files = [folder / f"chart.{ending}" for ending in FORMATS]
    for file in files:
        figure.savefig(file, dpi=130)
    plt.close(figure)
    return files


def _title(results: dict[str, Any]) -> str:
    return (
        f"podnet.fabric · Linux {results['kernel']} · {results['when'][:10]}"
        f" · median of {results['rounds']} interleaved rounds, whiskers: quartiles"
    )


def _ratios(part: Any, ratios: list[dict[str, Any]]) -> None:
    """Panels with one scale, so that they can be compared."""
    present = {(one["place"], one["datapath"]) for one in ratios}
    drawn = [
        (title, place, names)
        for title, place, among in PANELS
        if (names := [name for name in LOOKS if name in among and (place, name) in present])
    ]
    panels = list(part.subplots(1, len(drawn), sharey=True, squeeze=False).flat)
    legend: dict[str, Any] = {}
    for axes, (title, place, names) in zip(panels, drawn):
        _panel(axes, names, [one for one in ratios if one["place"] == place])
        axes.set_title(title, loc="left", weight="bold", size=11)
        for handle, meaning in zip(*axes.get_legend_handles_labels()):
            legend.setdefault(meaning, handle)
    panels[0].set_ylabel("time, plain kernel routing = 1 (less is better)", color=FAINT)
    panels[0].margins(y=0.08)
    part.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=6, frameon=False)


def _panel(axes: Axes, names: list[str], ratios: list[dict[str, Any]]) -> None:
    cells = {(one["datapath"], one["yardstick"]): one for one in ratios}
    width = 0.84 / len(names)
    for group, yardstick in enumerate(CHARTED):
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
    reference = [cells[REFERENCE, yardstick.name]["ns"] / 1000 for yardstick in CHARTED]
    axes.set_xticks(
        range(len(CHARTED)),
        [f"{one.title}\n1 = {time:.1f} µs {one.per}" for one, time in zip(CHARTED, reference)],
    )
    axes.set_xlim(-0.5, len(CHARTED) - 0.5)
    _plain(axes)
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


def _programs(axes: Axes, programs: list[dict[str, Any]]) -> None:
    empty = programs[0]["ns"]
    for y, one in enumerate(programs):
        colour = LOOKS["floor" if one["name"].startswith("floor") else "podnet"][0]
        aim = one["aim"] and one["aim"] + empty
        _horizontal(axes, y, one["ns"], colour=colour, aim=aim, text=f"{one['ns']:.0f}")
        axes.barh(y, min(empty, one["ns"]), 0.6, color="#d3dae0")
    _names(axes, "nanoseconds a packet (grey: of it the empty program)", programs)


def _times(axes: Axes, times: list[dict[str, Any]]) -> None:
    for y, one in enumerate(times):
        text = f"{one['seconds']:.1f}"
        colour = LOOKS["podnet"][0]
        _horizontal(axes, y, one["seconds"], colour=colour, aim=one["aim"], text=text)
    _names(axes, "seconds", times)


def _horizontal(
    axes: Axes, y: int, value: float, *, colour: str, aim: float | None, text: str
) -> None:
    axes.barh(y, value, 0.6, color=colour)
    axes.annotate(text, (value, y), (4, 0), textcoords="offset points", va="center", size=8.5)
    if aim:
        axes.plot([aim, aim], [y - 0.42, y + 0.42], color=AIM, lw=2)


def _names(axes: Axes, title: str, rows: list[dict[str, Any]]) -> None:
    axes.set_yticks(range(len(rows)), [one["name"] for one in rows])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_title(title, loc="left", weight="bold", size=11)
    _plain(axes)


def _plain(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, colors=INK)
