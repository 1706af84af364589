"""The results as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import masquerade_chart, ratio_chart, service_chart
from .ratio_chart import AIM, INK, LOOKS, plain

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

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
        *([max(3.0, 0.25 * len(results["programs"]))] * bool(bars)),
        *([4.0] * bool(results["services"])),
        *([4.5] * bool(results["masquerade"])),
    ]
    if not heights:
        return []
    figure = plt.figure(figsize=(18, 0.8 + sum(heights)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    figure.suptitle(_title(results), x=0.01, ha="left", size=12, weight="bold")
    parts = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
    if results["ratios"]:
        ratio_chart.draw(next(parts), results["ratios"])
    if bars:
        for axes, kind in zip(next(parts).subplots(1, len(bars), squeeze=False).flat, bars):
            {"programs": _programs, "times": _times}[kind](axes, results[kind])
    if results["services"]:
        draws = (service_chart.connects, service_chart.applied)
        for axes, drawn in zip(next(parts).subplots(1, len(draws)), draws):
            drawn(axes, results["services"])
            plain(axes)
    if results["masquerade"]:
        masquerade_chart.draw(next(parts), results["masquerade"])
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
    plain(axes)
