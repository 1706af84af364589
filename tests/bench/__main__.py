"""Measure, print a table, and write it as JSON and as a chart."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import (
    BUILD,
    chart,
    floor,
    masquerade,
    masquerade_programs,
    observers,
    podnet_programs,
    policies,
    policy_times,
    programs,
    ratios,
    report,
    runs,
    service_times,
    services,
    times,
    units,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .programs import Probe
    from .topology import Topology

    MakeProbes = Callable[[Topology], list[Probe]]

SECTIONS = ("ratios", "programs", "times", "runs", "services", "masquerade", "policies", "observe")
#: Those of a short run: commands take what they take.
QUICK = ("ratios", "programs", "services", "masquerade", "policies", "observe")

#: Whose programs are timed, by the section that it takes; of all topologies, by their datapath.
PROBES: dict[str, dict[str, MakeProbes]] = {
    "programs": {
        "floor": floor.probes,
        "podnet": podnet_programs.native,
        "podnet overlay": podnet_programs.overlay,
        "podnet bridge": podnet_programs.classic,
    },
    "masquerade": {masquerade.PODNET: masquerade_programs.ebpf},
    "policies": {f"{policies.PODNET}, 1": podnet_programs.policies},
}


def main() -> int:
    """Return the exit status: 0, or 1 with the reason, or 130 after a Ctrl-C."""
    options = _options()
    if os.geteuid() != 0:
        print("The benchmarks make network namespaces: run them as root.", file=sys.stderr)
        return 1
    try:
        results = _measure(options)
    except KeyboardInterrupt:
        print("\nStopped. Nothing is left behind.", file=sys.stderr)
        return 130
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    written = options.out / "results.json"
    written.write_text(json.dumps(results, indent=1) + "\n")
    print(report.table(results))
    for file in (written, *chart.draw(results, options.out)):
        print(file)
    return 0


def _options() -> argparse.Namespace:
    everything = [*ratios.DATAPATHS, *ratios.OVERLAYS, *ratios.HOSTS]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, metavar="N", help="interleaved rounds (default: 24)")
    parser.add_argument(
        "--short", action="store_true", help="show in seconds that it works; figures mean nothing"
    )
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, help="measure just this (default: everything)"
    )
    parser.add_argument(
        "--datapaths",
        nargs="+",
        choices=[name for name in everything if name not in (ratios.REFERENCE, ratios.AGAIN)],
        default=everything,
        help="compare just these with plain routing",
    )
    parser.add_argument("--out", type=Path, default=BUILD, help="folder for what is written")
    options = parser.parse_args()
    options.only = options.only or (QUICK if options.short else SECTIONS)
    options.rounds = options.rounds or (2 if options.short else 24)
    if options.rounds < 2:
        parser.error("--rounds: a spread needs at least 2")
    return options


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    cpu = ratios.last_cpu()
    results: dict[str, Any] = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "kernel": os.uname().release,
        "cpus": os.cpu_count(),
        "rounds": options.rounds,
        **{section: [] for section in ("ratios", "programs", "units", "times", "runs")},
        **{section: {} for section in ("services", "masquerade", "policies", "observe")},
    }
    built: dict[str, list[Topology]] = {"programs": []}
    if {"ratios", "programs"} & set(options.only):
        _progress("setting up")
        built["programs"] = ratios.build(options.datapaths)
    if "masquerade" in options.only:
        _progress("setting up masquerading")
        built["masquerade"] = masquerade.build()
    if "policies" in options.only:
        _progress("setting up policies")
        judged = policies.build(policies.FEW if options.short else policies.SIZES)
        built["policies"] = [way.topology for way in judged]
    scale = 0.05 if options.short else 1.0
    if "ratios" in options.only:
        results["ratios"] = ratios.measure(
            built["programs"], options.rounds, cpu, scale=scale, progress=_progress
        )
    if "masquerade" in options.only:
        results["masquerade"] = masquerade.measure(
            built["masquerade"], options.rounds, cpu, scale=scale, progress=_progress
        )
    if "policies" in options.only:
        results["policies"] = {
            "ratios": policies.measure(
                judged, options.rounds, cpu, scale=scale, progress=_progress
            ),
            "applied": policy_times.measure(1 if options.short else 5),
        }
    probes = [
        probe
        for section, of in PROBES.items()
        if section in options.only
        for probe in _probes(of, built[section])
    ]
    if probes:
        _progress("programs")
        counted = {probe.name: (probe, units.counts(probe)) for probe in probes}
        everything = [*probes, *units.probes(counted)]
        measured = programs.measure(everything, options.rounds, cpu)
        results["programs"], results["units"] = units.related(measured, counted)
    if "observe" in options.only:
        _progress("setting up observers")
        results["observe"] = observers.measure(options.rounds, cpu, scale=scale, progress=_progress)
    if "times" in options.only:
        _progress("commands")
        results["times"] = times.measure(times.COMMANDS)
    if "runs" in options.only:
        results["runs"] = runs.measure(runs.SIZES, 3, progress=_progress)
    if "services" in options.only:
        _progress("services")
        ways = services.build(services.FEW if options.short else services.SIZES)
        results["services"] = {
            **services.measure(ways, options.rounds, cpu, scale=scale, progress=_progress),
            "applied": service_times.measure(ways, 1 if options.short else 3, progress=_progress),
        }
    return results


def _probes(of: Mapping[str, MakeProbes], topologies: Sequence[Topology]) -> list[Probe]:
    return [
        probe
        for datapath, probes in of.items()
        for topology in topologies
        if topology.datapath == datapath
        for probe in probes(topology)
    ]


def _progress(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
