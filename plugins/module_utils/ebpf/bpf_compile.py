# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""eBPF programs compiled for other hosts: from sources to objects."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from ..engine.bpf import objects
from ..engine.bpf.compiler import Source, compiled
from ..engine.failure import Failure
from . import bpf_sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Of a program: what the compiler is asked for, and the maps that are bound later.
Unit = tuple[Source, tuple[str, ...]]

#: What the module takes; its action plugin adds options that begin with ``_``.
ARGUMENTS: dict[str, Any] = {
    "programs": {"type": "list", "elements": "dict"},
    "path": {"type": "str"},
    "lacks": {
        "type": "dict",
        "options": {
            "machine": {"type": "str", "required": True},
            "compiler": {"type": "bool"},
            "programs": {"type": "dict", "required": True},
        },
    },
}
RULES = {"mutually_exclusive": [("programs", "path")], "required_one_of": [("programs", "path")]}

#: Processes at most: each takes 150 MB.
_PROCESSES = 4

#: Descriptors that stand for maps while nothing is loaded: no process opens so many.
_FIRST = 1 << 24


def unit(item: Mapping[str, Any], sources: Mapping[str, Any]) -> Unit:
    """Return what is compiled for one item of the option ``programs`` of ``bpf_program``.

    :param sources: what the controller read, see ``bpf_sources.gather``.
    """
    sent = sources["sources"][sources["programs"][item["name"]]]
    source = bpf_sources.source_of(sent, sources["standin"], flags(item))
    return source, tuple(sorted(item.get("maps") or {}))


def flags(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the flags for clang that an item of the option ``programs`` asks for."""
    defines: Mapping[str, Any] = item.get("defines") or {}
    return (
        *map(str, item.get("cflags") or ()),
        *(
            f"-D{key}" if value in (None, "", True) else f"-D{key}={value}"
            for key, value in sorted(defines.items())
        ),
    )


def keys(
    items: Iterable[Mapping[str, Any]], sources: Mapping[str, Any], machine: str
) -> dict[str, str]:
    """Return program -> key of the object that hosts of a machine type load.

    What the node makes of libbpf's C, or is given as object, is none of them.
    """
    units = {item["name"]: unit(item, sources) for item in items}
    return {
        name: objects.key(source, maps, machine)
        for name, (source, maps) in units.items()
        if source.dialect == "bcc"
    }


def make(
    items: Iterable[Mapping[str, Any]], machine: str | None, sources: Mapping[str, Any]
) -> dict[str, Any]:
    """Compile each source once; return what the module returns, and the ``objects`` by key.

    :param machine: machine type of those that will load it; None or "": that of this host.
    :raises Failure: for an error in the C, or a machine type that is not this host's.
    """
    own = objects.machine()
    if machine and machine != own:
        raise Failure(f"machine is {machine!r}; what is compiled on this host is for {own!r}.")
    units: dict[str, Unit] = {}
    named: dict[str, str] = {}
    for item in items:
        source, maps = unit(item, sources)
        if source.dialect != "bcc":
            continue
        its_key = named[item["name"]] = objects.key(source, maps, own)
        units[its_key] = (source, maps)
    made = dict(zip(units, _at_once(units)))
    return {"machine": own, "compiled": list(named), "keys": named, "objects": made}


def _at_once(units: Mapping[str, Unit]) -> list[dict[str, Any]]:
    """Compile in a process for each processor: the libraries take one source at a time in each."""
    workers = min(len(units), len(os.sched_getaffinity(0)), _PROCESSES)
    if workers > 1:
        # Without /dev/shm there are no locks between processes.
        with contextlib.suppress(OSError, ImportError):
            pool = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"))
            with pool:
                return list(pool.map(_made, *zip(*units.items())))
    return [_made(*one) for one in units.items()]


def _made(its_key: str, what: Unit) -> dict[str, Any]:
    source, maps = what
    stand_ins = {name: _FIRST + at for at, name in enumerate(maps)}
    with compiled(source, stand_ins) as one:
        return objects.written(one.to_object(), its_key)
