# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who reaches whom, seen from many places at once; and all that a host holds."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .cluster import HERE, NGINX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .cluster import Cluster

PYTHON = ("/usr/bin/python3", "-I")
Snapshot = dict[str, list[str]]


def probe(
    cluster: Cluster, places: Iterable[str], icmp: Sequence[str], http: Sequence[str] = ()
) -> dict[str, dict[str, dict[str, Any]]]:
    """Ping and ask addresses from each place (``HOST`` or ``HOST/POD``).

    Returns by place, ``icmp`` or ``http``, address: the TTL of the reply, or the page; None where
    nothing came back.
    """
    targets = json.dumps({"icmp": list(icmp), "http": list(http)})
    started = {}
    for place in places:
        process = cluster.start(place, *PYTHON, str(HERE / "there/probe.py"))
        process.stdin.write(targets)
        process.stdin.close()
        started[place] = process
    found = {}
    for place, process in started.items():
        with process:
            found[place] = json.loads(process.stdout.read() or "null")
            assert found[place], process.stderr.read()
    return found


def silent(found: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """Return what was not reached: ``FROM -> ADDRESS (icmp)``."""
    return [
        f"{place} -> {address} ({kind})"
        for place, answers in found.items()
        for kind, by_address in answers.items()
        for address, answer in by_address.items()
        if answer is None
    ]


def everybody_reaches_everybody(cluster: Cluster) -> None:
    """Fail unless each pod and each node reaches each pod and each node by ICMP."""
    pods = cluster.pods()
    nodes = [each.get("podnet_node_ip", each["ansible_host"]) for each in cluster.nodes.values()]
    assert pods
    assert silent(probe(cluster, [*pods, *cluster.nodes], [*pods.values(), *nodes])) == []


@contextmanager
def nginx(cluster: Cluster, *hosts: str) -> Iterator[None]:
    """Run nginx on hosts, which says who asks it."""
    running = [cluster.start(host, *NGINX) for host in hosts]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
            process.communicate()


def snapshot(cluster: Cluster, host: str) -> Snapshot:
    """Return all that a host holds, as lines by section; see ``there/snapshot.py``."""
    return cluster.json(host, *PYTHON, str(HERE / "there/snapshot.py"))


def snapshots(cluster: Cluster, *hosts: str) -> dict[str, Snapshot]:
    """Return what hosts hold; all nodes where none is named."""
    return {host: snapshot(cluster, host) for host in hosts or cluster.nodes}


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the lines that went (``- section: line``) and those that came (``+ …``)."""
    return [
        f"{sign} {section}: {line}"
        for section in before
        for sign, one, other in (
            ("-", before[section], after[section]),
            ("+", after[section], before[section]),
        )
        for line in one
        if line not in set(other)
    ]


def differences(before: dict[str, Snapshot], after: dict[str, Snapshot]) -> dict[str, list[str]]:
    """Return the differences of the hosts that differ; empty where all are as they were."""
    found = {host: difference(before[host], after[host]) for host in before}
    return {host: lines for host, lines in found.items() if lines}
