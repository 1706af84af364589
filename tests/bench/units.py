"""What a program's way is made of, and what that costs: each look-up, insertion and redirect.

A program is compiled once more, so that it counts each call of the kernel that it makes, and run
once; then each kind of call is timed, many to a run, in the map that the program has. A figure
over the sum of its units does not drift with the machine, as nanoseconds do: what is above 1 is
the program's own work.
"""

from __future__ import annotations

import contextlib
import functools
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import (
    compiler,
    maps,
    objects,
    syscall,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.map_spec import MapSpec

from . import podnet_datapath
from .again import SCHED_CLS, Again, Fresh
from .compiled import bpf_source
from .programs import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .topology import Node

    #: How often each unit is on a probe's way.
    Counts = Mapping[str, int]

#: Calls in one run of what is timed; of those that fill a map one, as a new flow does: more of them
#: would be slower, for the memory that they are the first to touch.
TIMES, INSERTIONS = 16, 1
LOOK_UP, INSERT = "look up {}", "insert into {}"
#: Calls without a map: name in the C -> function in units.c.
CALLS = {
    "fib_lookup": "fib",
    "ktime_get_coarse_ns": "clock",
    "l4_csum_replace": "checksum",
    "store_bytes": "store",
    "set_tunnel_key": "tunnel",
    "skc_lookup_tcp": "tcp_socket",
    "redirect": "redirects",
    "redirect_neigh": "redirects_neigh",
    "redirect_peer": "redirects_peer",
}
_TABLES = {table.name: table for table in layout.PROGRAM_MAPS}
_UNITS = [
    *(unit.format(name) for name in _TABLES for unit in (LOOK_UP, INSERT)),
    *CALLS,
]
_NUMBER, _COUNT = struct.Struct("=I"), struct.Struct("=Q")
#: What was compiled, by its key, with these for the descriptors of its maps.
_COMPILED: dict[str, objects.Object] = {}
_FIRST = 1000
#: Laid over bpf/lib/bpf.h: each call says first what it is.
_COUNTED = """
static __always_inline void count_unit(__u32 number)
{
    __u64 *times = map_lookup(MAP(units), &number);

    if (times)
        *times += 1;
}
#define LOOK_UP_MAP(name) PN_LOOK_UP_##name
#define INSERT_MAP(name) PN_INSERT_##name
#define map_lookup(map, ...) ({ count_unit(LOOK_UP_##map); map_lookup(map, __VA_ARGS__); })
#define map_update(map, ...) ({ count_unit(INSERT_##map); map_update(map, __VA_ARGS__); })
""" + "".join(
    f"#define {name}(...) ({{ count_unit(PN_{name}); {name}(__VA_ARGS__); }})\n" for name in CALLS
)


def counts(probe: Probe) -> Counts:
    """Run a probe's program once; return how often each unit is on its way.

    Of programs that are none of this project's, or hand the packet over, it is none.
    """
    source = _source(probe) if probe.units else None
    if source is None:
        return {}
    numbers = {
        f"PN_{name}": _UNITS.index(unit)
        for name, unit in (
            *((f"LOOK_UP_{table}", LOOK_UP.format(table)) for table in _TABLES),
            *((f"INSERT_{table}", INSERT.format(table)) for table in _TABLES),
            *((call, call) for call in CALLS),
        )
    }
    (header,) = (name for name in source.files if name.endswith("lib/bpf.h"))
    counting = replace(
        source,
        files={**source.files, header: source.files[header] + _COUNTED},
        cflags=(*source.cflags, *(f"-D{name}={number}" for name, number in numbers.items())),
        digest="",
    )
    function = source.main.rpartition("/")[2].removesuffix(".c")
    with (
        maps.create(MapSpec("units", "array", 4, 8, len(_UNITS))) as counted,
        _opened(probe.node) as tables,
    ):
        _run_once(probe, _load(counting, function, {**tables, "units": counted.fd}))
        found = {
            _NUMBER.unpack(key)[0]: _COUNT.unpack(value)[0]
            for key, value in counted.items().items()
        }
    return {unit: found[number] for number, unit in enumerate(_UNITS) if found[number]}


def probes(of: Mapping[str, tuple[Probe, Counts]]) -> list[Probe]:
    """Return what to time so that each unit that was counted has its cost.

    :param of: by a probe's name: the probe, and what :func:`counts` found.
    """
    first = {unit: probe for probe, counted in reversed([*of.values()]) for unit in counted}
    return [_probe(unit, probe) for unit, probe in first.items()]


def related(
    measured: Sequence[dict[str, Any]], of: Mapping[str, tuple[Probe, Counts]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what was measured of programs, with ``over_units``, and units with ``ns`` a call.

    ``over_units`` is the time above the empty program over the sum of what its units take.
    """
    cost = {
        one["name"]: round(one["above_empty"] / _times(one["name"]), 2)
        for one in measured
        if one["name"] in _UNITS
    }
    programs = [
        {**one, "over_units": _over(one, of[one["name"]][1] if one["name"] in of else {}, cost)}
        for one in measured
        if one["name"] not in cost
    ]
    return programs, [{"name": unit, "ns": ns} for unit, ns in cost.items()]


def _over(one: Mapping[str, Any], counted: Counts, cost: Mapping[str, float]) -> float | None:
    total = sum(cost[unit] * times for unit, times in counted.items())
    return round(one["above_empty"] / total, 2) if total else None


def _times(unit: str) -> int:
    return INSERTIONS if unit.startswith(INSERT.format("")) else TIMES


def _source(probe: Probe) -> compiler.Source | None:
    pin = probe.program
    if isinstance(pin, int):
        return None
    return podnet_datapath.source_of(probe.node, pin)


@contextlib.contextmanager
def _opened(node: Node) -> Iterator[dict[str, int]]:
    """Open the maps of a node: name -> descriptor."""
    with contextlib.ExitStack() as stack, node.entered():
        yield {
            name: stack.enter_context(maps.Map(syscall.get(table.pin))).fd
            for name, table in _TABLES.items()
        }


def _run_once(probe: Probe, program: int) -> None:
    """Run it once; where it is timed for a flow that is there, that is made before."""
    again = Again() if probe.fresh else None
    with probe.node.entered():
        if again and probe.fresh and isinstance(probe.program, str):
            again.prepare(syscall.get(probe.program), probe.packet, probe.fresh)
            if not probe.fresh.step:
                syscall.program_test_run(again.program, probe.packet, context=probe.context)
            again.prepare(program, probe.packet, replace(probe.fresh, before=lambda: None))
            program = again.program
        done = syscall.program_test_run(program, probe.packet, context=probe.context)
    if done.retval != probe.expect & 0xFFFFFFFF:
        raise RuntimeError(f"{probe.name}, counted, returned {done.retval}, not {probe.expect}")


def _probe(unit: str, probe: Probe) -> Probe:
    like = functools.partial(
        Probe, unit, probe.node, packet=probe.packet, context=probe.context, expect=0
    )
    if unit in CALLS:
        return like(program=_program(CALLS[unit]))
    table = _TABLES[unit.rpartition(" ")[2]]
    with probe.node.entered():
        there = maps.Map(syscall.get(table.pin))
    key = next(iter(there.items()), bytes(table.spec.key_size))
    if unit == LOOK_UP.format(table.name):
        return like(program=_program("lookup", there, key))
    own = maps.create(table.spec)
    return like(
        program=_program("insert", own, key, table.spec.value_size),
        fresh=Fresh(before=lambda: own.delete(own.items())),
    )


def _program(
    function: str, unit: maps.Map | None = None, key: bytes = bytes(4), value_size: int = 4
) -> int:
    """Load one function of units.c; those without a map are compiled with one, too."""
    sizes = {"TIMES": TIMES, "KEY_SIZE": len(key), "VALUE_SIZE": value_size}
    source = bpf_source("units.c", *(f"-D{name}={size}" for name, size in sizes.items()))
    # As the compiler lays out struct given: the number is aligned.
    value = key.ljust(-len(key) % 4 + len(key), b"\0") + bytes(4)
    with maps.create(MapSpec("given", "array", 4, len(value), 1)) as given:
        given.update({bytes(4): value})
        return _load(source, function, {"given": given.fd, "unit": (unit or given).fd})


def _load(source: compiler.Source, function: str, tables: Mapping[str, int]) -> int:
    """Load a function of a source, which is compiled once for all nodes."""
    its_key = objects.key(source, tables, objects.machine())
    if its_key not in _COMPILED:
        stand_ins = {name: _FIRST + number for number, name in enumerate(tables)}
        with compiler.compiled(source, stand_ins) as one:
            _COMPILED[its_key] = one.to_object()
    found = _COMPILED[its_key]
    return syscall.program_load(SCHED_CLS, objects.code(found, function, tables), found.license)
