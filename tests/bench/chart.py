"""The results as a chart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ratios import AGAIN, AIMS, REFERENCE, YARDSTICKS
from .topology import PLACES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What stands for what. Podnet is the one colour; what it is compared with is grey to warm.
LOOKS = {
    "bridge": ("#b8c4ce", "Linux bridge"),
    "kubenet": ("#8596a6", "bridge of a Kubernetes node (bridge-nf-call)"),
    "iptables": ("#d9822b", "routing + kube-proxy's iptables rules, 1 service"),
    "floor": ("#a9d8c4", "floor: one lookup and a redirect, nothing else"),
    "podnet": ("#0b7a55", "podnet"),
}
INK, FAINT, AIM = "#22303c", "#6b7885", "#c0143c"
FORMATS = ("png", "svg")


def draw(results: dict[str, Any], folder: Path) -> list[Path]:
    """Write the chart in every one of :data:`FORMATS` and return the files."""
    # Here, since numpy starts threads, and a process of several cannot enter a mount namespace.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update(
        {"font.family": "DejaVu Sans", "font.size": 10, "text.color": INK, "svg.hashsalt": "podnet"}
    )
    bars = [kind for kind in ("programs", "times") if results[kind]]
    rows = bool(results["ratios"]) + bool(bars)
    # A strip for the legend comes between the ratios and the bars.
    figure = plt.figure(figsize=(13, 1.2 + 5.4 * bool(results["ratios"]) + 3.0 * bool(bars)))
    heights = [5.0] * bool(results["ratios"]) + [2.6] * bool(bars)
    figure.suptitle("podnet.fabric: pod to pod", x=0.06, ha="left", size=15, weight="bold")
    grid = figure.add_gridspec(
        rows,
        1,
        height_ratios=heights,
        hspace=0.62,
        left=0.06,
        right=0.98,
        top=0.9,
        bottom=0.09 if bars else 0.2,
    )
    if results["ratios"]:
        _ratios(figure, grid[0], results)
    if bars:
        inner = grid[rows - 1].subgridspec(1, len(bars), wspace=0.5)
        for number, kind in enumerate(bars):
            axes = figure.add_subplot(inner[number])
            {"programs": _programs, "times": _times}[kind](axes, results[kind])
    files = [folder / f"chart.{ending}" for ending in FORMATS]
    for file in files:
        figure.savefig(file, dpi=130)
    plt.close(figure)
    return files


def _ratios(figure: Any, cell: Any, results: dict[str, Any]) -> None:
    """One panel a place, with one scale, so that the two can be compared."""
    panels = cell.subgridspec(1, len(PLACES), wspace=0.06)
    shared = None
    for number, place in enumerate(PLACES):
        axes = figure.add_subplot(panels[number], sharey=shared)
        shared = shared or axes
        _place(axes, place, [one for one in results["ratios"] if one["place"] == place])
        if number:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel("time, plain kernel routing = 1\n(less is better)", color=FAINT)
    low, high = shared.get_ylim()  # type: ignore[union-attr]
    shared.set_ylim(low - 0.02, high + 0.03)  # type: ignore[union-attr]
    handles, labels = shared.get_legend_handles_labels()  # type: ignore[union-attr]
    figure.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.52, shared.get_position().y0 - 0.045),  # type: ignore[union-attr]
        ncols=4,
        frameon=False,
        columnspacing=1.6,
    )


def _place(axes: Axes, place: str, ratios: list[dict[str, Any]]) -> None:
    cells = {(one["datapath"], one["yardstick"]): one for one in ratios}
    present = {one["datapath"] for one in ratios}
    names = [name for name in LOOKS if name in present]
    charted = [yardstick for yardstick in YARDSTICKS if yardstick.name in AIMS[place]]
    width = 0.84 / max(1, len(names))
    for group, yardstick in enumerate(charted):
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
            colour, label = LOOKS[name]
            one = cells[name, yardstick.name]
            x = group + (number - (len(names) - 1) / 2) * width
            _bar(axes, x, width * 0.9, one, colour, None if group else label)
            if one["aim"]:
                axes.plot(
                    [x - width * 0.62, x + width * 0.62],
                    [one["aim"]] * 2,
                    color=AIM,
                    lw=2,
                    solid_capstyle="butt",
                    zorder=5,
                    label=None if group else "podnet's aim",
                )
    axes.axhline(1, color=INK, lw=1.2, zorder=4)
    reference = [cells[REFERENCE, yardstick.name]["ns"] / 1000 for yardstick in charted]
    axes.set_xticks(
        range(len(charted)),
        [f"{one.title}\n1 = {time:.1f} µs {one.per}" for one, time in zip(charted, reference)],
    )
    axes.set_xlim(-0.5, len(charted) - 0.5)
    axes.set_title(place, loc="left", weight="bold", size=11)
    _plain(axes)
    axes.yaxis.grid(True, color="#e6eaee", zorder=0)


def _bar(
    axes: Axes, x: float, width: float, one: dict[str, Any], colour: str, label: str | None
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
        size=8.5,
        weight="bold" if one["datapath"] == "podnet" else "normal",
    )


def _programs(axes: Axes, programs: list[dict[str, Any]]) -> None:
    empty = programs[0]["ns"]
    _horizontal(
        axes,
        "nanoseconds a packet (grey: an empty program)",
        [
            (one["name"], one["ns"], one["aim"] and one["aim"] + empty, f"{one['ns']:.0f}")
            for one in programs
        ],
    )
    axes.barh(
        range(len(programs)), [min(empty, one["ns"]) for one in programs], 0.6, color="#b8c4ce"
    )


def _times(axes: Axes, times: list[dict[str, Any]]) -> None:
    _horizontal(
        axes,
        "seconds",
        [(one["name"], one["seconds"], one["aim"], f"{one['seconds']:.1f}") for one in times],
    )


def _horizontal(axes: Axes, title: str, rows: list[tuple[str, float, float | None, str]]) -> None:
    for y, (_, value, aim, text) in enumerate(rows):
        axes.barh(y, value, 0.6, color=LOOKS["podnet"][0])
        axes.annotate(
            text, (value, y), xytext=(4, 0), textcoords="offset points", va="center", size=8.5
        )
        if aim:
            axes.plot([aim, aim], [y - 0.42, y + 0.42], color=AIM, lw=2)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_title(title, loc="left", weight="bold", size=11)
    _plain(axes)


def _plain(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, colors=INK)
