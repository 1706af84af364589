"""What it costs that somebody may look at packets, and that somebody does.

Pods of two nodes, by as many pairs of nodes as there are ways to look; all are up at once, and are
measured in interleaved rounds. Who looks runs on another CPU than what is measured, as he would.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    flow_layout,
    flow_tasks,
    layout,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import compiler, maps
from ansible_collections.podnet.fabric.plugins.module_utils.flows import watch
from ansible_collections.podnet.fabric.plugins.module_utils.flows.wanted import Wanted

from . import CHECKOUT, podnet_datapath, podnet_programs, programs, topology
from .again import SCHED_CLS
from .podnet_datapath import cell
from .ratios import YARDSTICKS, interleave, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .programs import Probe
    from .topology import Node, Topology

#: Who looks at what; None: nobody. All but the first are compared with it.
NOBODY = "nobody looks"
LOOKS: dict[str, Wanted | None] = {
    NOBODY: None,
    "nobody looks, again": None,
    "drops alone": Wanted({"verdict": ["dropped"]}),
    "one address": Wanted({"address": ["192.0.2.1"], "port": ["443"]}),
    "everything": Wanted(),
}
WITHOUT = "without events"
#: Of how many packets one is counted where flows are.
COUNTING = {"flows are counted": 1, "flows are counted, one packet of ten": 10}
#: Nanoseconds that nobody's looking may cost, time of a datagram with everything looked at, and
#: nanoseconds that the count of flows may take.
NOBODY_AIM, EVERYTHING_AIM, COUNTING_AIM = 2.0, 1.05, 25.0

_OPEN: list[maps.Map] = []
_FORK = multiprocessing.get_context("fork")


def measure(
    rounds: int,
    cpu: int,
    *,
    scale: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure ``ratios`` by yardstick and look, and ``programs`` in nanoseconds a packet."""
    ways = {
        name: topology.build(
            topology.ACROSS_NODES, f"podnet, {name}", cell("ebpf", "native_routing")
        )
        for name in LOOKS
    }
    with contextlib.ExitStack() as stack:
        for name, wanted in LOOKS.items():
            for node in ways[name].nodes if wanted else ():
                stack.enter_context(_looking(node, wanted, cpu))
        ratios = _ratios(ways, rounds, cpu, scale, progress)
        progress("observers, programs")
        measured = programs.measure(_probes(ways), rounds, cpu)
    return {"ratios": ratios, "programs": measured}


def _ratios(
    ways: dict[str, Topology],
    rounds: int,
    cpu: int,
    scale: float,
    progress: Callable[[str], None],
) -> list[dict[str, Any]]:
    times = interleave(
        list(ways.values()),
        YARDSTICKS,
        rounds,
        cpu,
        scale=scale,
        progress=lambda what: progress(f"observers, {what}"),
    )

    def taken(yardstick: str, name: str) -> list[float]:
        return times[topology.ACROSS_NODES, yardstick, ways[name].datapath]

    return [
        {
            "yardstick": yardstick.name,
            "look": name,
            **spread(taken(yardstick.name, name), taken(yardstick.name, NOBODY)),
            "aim": EVERYTHING_AIM if (name, yardstick.name) == ("everything", "udp") else None,
        }
        for yardstick in YARDSTICKS
        for name in ways
    ]


def _probes(ways: dict[str, Topology]) -> Sequence[Probe]:
    """Return the program that a pod's packets pass, by who looks; and as if nobody could."""
    found = {name: podnet_programs.native(way)[0] for name, way in ways.items()}
    nobody = found[NOBODY]
    # Loaded alike, and one after the other: where a program lies tells a nanosecond or two.
    alike = {WITHOUT: _loaded(nobody, "-DNO_EVENTS"), NOBODY: _loaded(nobody)}
    alike |= {name: _counting(nobody, sample) for name, sample in COUNTING.items()}
    return [
        *(replace(nobody, name=name, program=fd, aim=None) for name, fd in alike.items()),
        *(replace(probe, name=name, aim=None) for name, probe in found.items() if LOOKS[name]),
    ]


def _counting(probe: Probe, sample: int) -> int:
    """Load a probe's program, and the one that counts flows, with maps of their own."""
    made = {table.name: maps.create(table.spec) for table in flow_layout.MAPS}
    more = {name: table.fd for name, table in made.items()}
    counts = _loaded(probe, name="flows", more=more)
    (said,) = flow_tasks.maps({"flows": {"sample": sample}})[-1]["entries"]
    value = flow_layout.FLOW_SAMPLE.pack_value(**said["value"])
    made["flow_sample"].update({flow_layout.FLOW_SAMPLE.pack_key(zero=0): value})
    key = flow_layout.FLOW_STAGE.pack_key(zero=0)
    # Its entry goes when nobody has the map open: all of them stay open as long as this process.
    made["flow_stage"].update({key: struct.pack("=I", counts)})
    _OPEN.extend(made.values())
    return _loaded(probe, "-DWITH_FLOWS", more=more)


def _loaded(
    probe: Probe, *flags: str, name: str = "from_container", more: Mapping[str, int] | None = None
) -> int:
    """Load a probe's program once more, or another one as it was made."""
    source = podnet_datapath.source_of(probe.node, str(probe.program))
    if source is None:
        raise RuntimeError(f"nothing is known of {probe.program}")
    folder = CHECKOUT / "bpf"
    changed = compiler.Source(
        main=f"{name}.c",
        files={
            str(path.relative_to(folder)): path.read_text()
            for path in (*folder.glob("*.c"), *folder.glob("lib/*.h"))
        },
        cflags=(*source.cflags, *flags),
        standin=source.standin,
    )
    with contextlib.ExitStack() as stack, probe.node.entered():
        tables = dict(more or {})
        for table in layout.PROGRAM_MAPS:
            found = maps.open_pin(table.pin)
            if found:
                tables[table.name] = stack.enter_context(found).fd
        with compiler.compiled(changed, tables) as one:
            return one.load(name, SCHED_CLS)


@contextlib.contextmanager
def _looking(node: Node, wanted: Wanted | None, cpu: int) -> Iterator[None]:
    """Let a process look at a node's packets for the length of a ``with`` block."""
    begun = _FORK.Event()
    process = _FORK.Process(target=_look, args=(node, wanted or Wanted(), cpu, begun), daemon=True)
    process.start()
    if not begun.wait(30):
        raise RuntimeError(f"nobody looks at the packets of {node.name}")
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _look(node: Node, wanted: Wanted, cpu: int, begun: Any) -> None:
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {cpu} or {cpu})
    with node.entered():
        for _lines, _lost in watch.news(wanted, {}, None):
            begun.set()
