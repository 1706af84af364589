# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services are listed as the write-up lists them; a run finds nothing to do, or what was broken."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess

from ansible_collections.podnet.fabric.plugins.module_utils.datapath.cells import SOCKET_PROGRAMS

from tests.cluster.cluster import BIN, ROOT
from tests.cluster.probes import differences, snapshots

from . import maps
from .clients import Client
from .talks import COUNT, talks
from .test_changes import FILL
from .write_up import GUARDED, IPS, LONER, NAMES, NAMES_SERVICE, NETPOD, SVC, WEBPODS

RESERVED = "net.ipv4.ip_local_reserved_ports"


def test_status_lists_the_services(cluster):
    seen = cluster.play("status").ok().result("k8s-m", "Read the node's status")
    lines = [" ".join(line.split()) for line in seen["report"].splitlines()]
    assert "Usable: Yes" in lines, seen["status"]["missing"]
    (number,) = (n for n, line in enumerate(lines) if "10.10.252.131:80" in line)
    assert lines[number].endswith("10.10.252.131:80 ClusterIP 1 => 172.16.1.235:80 (active)")
    assert lines[number + 1] == "2 => 172.16.2.253:80 (active)"
    place = re.compile(r"socket_\w+ \d+ \w+ the node's cgroup")
    at_sockets = [line for line in lines if place.fullmatch(line)]
    assert len(at_sockets) == len(SOCKET_PROGRAMS), seen["report"]


def services_info(cluster, node, name):
    """Return what the module says on a node of the services of a name."""
    words = ("-i", str(cluster.folder / "inventory.json"), "-m", "podnet.fabric.services_info")
    done = subprocess.run(
        [str(BIN / "ansible"), *words, "-a", f"name={name}", node],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.partition("=>")[2])


def test_services_info_has_the_write_ups_listings(cluster):
    told = services_info(cluster, "k8s-m", "default/svc")
    (service,) = told["services"]
    assert (service["name"], service["frontend"]) == ("default/svc:svc-webport/TCP", f"{SVC}:80")
    number = service["id"]
    lines = [" ".join(line.split()) for line in told["report"].splitlines()]
    # The listings of cilium service list, of bpf lb list, and of that with --revnat.
    for line in (
        f"{number} 10.10.252.131:80 ClusterIP 1 => 172.16.1.235:80 (active)",
        "2 => 172.16.2.253:80 (active)",
        f"10.10.252.131:80 (0) 0.0.0.0:0 ({number}) (0) [ClusterIP, non-routable]",
        f"10.10.252.131:80 (1) 172.16.1.235:80 ({number}) (1)",
        f"10.10.252.131:80 (2) 172.16.2.253:80 ({number}) (2)",
        f"{number} 10.10.252.131:80",
    ):
        assert line in lines, told["report"]
    sizes = {table["name"]: table["size"] for table in told["maps"]}
    assert sizes["services"] == 65536


def test_live_connections_are_listed_as_the_services_that_they_are_taken_for(cluster):
    with talks(Client(cluster, NETPOD), NAMES_SERVICE, NAMES):
        told = services_info(cluster, "k8s-m", "default/names")["reverse_sockets"]
    assert len(told) == COUNT
    assert {one["frontend"] for one in told} == {f"{NAMES_SERVICE}:{NAMES}"}
    assert {one["backend"] for one in told} == {f"{ip}:{NAMES}" for ip in WEBPODS}


def test_a_rerun_changes_nothing_and_says_whom_a_selector_does_not_find(cluster):
    before = snapshots(cluster), {node: maps.services(cluster, node) for node in cluster.nodes}
    run = cluster.play("site").ok()
    assert run.changed == {}
    assert differences(before[0], snapshots(cluster)) == {}
    assert {node: maps.services(cluster, node) for node in cluster.nodes} == before[1]
    warnings = [line for line in run.output.splitlines() if "default/empty" in line]
    assert warnings, run.output


def delete_some(table):
    """Return what deletes every third entry of a map, and at least one."""

    def spoil(entries):
        entries.delete(list(entries.items())[::3])

    return (table, spoil)


def change_some(table, field, by=1):
    """Return what changes a field of every third entry of a map, and of at least one."""

    def spoil(entries):
        for key, value in list(entries.items().items())[::3]:
            fields = table.unpack_value(value)
            entries.update({key: table.pack_value(**{**fields, field: fields[field] + by})})

    return (table, spoil)


def change_slots(entries):
    """Overwrite the first thousand slots of backends."""
    table = maps.service_layout.BACKENDS
    other = table.pack_value(address="172.16.0.1", port=9, reserved=0)
    entries.update({table.pack_key(slot=slot): other for slot in range(1000)})


LAYOUT, OWN = maps.service_layout, maps.layout

#: What is done to which maps of a node, all that one run then repairs: on one node entries are
#: gone, on the other they are others.
SPOILED = {
    "k8s-m": [delete_some(table) for table in maps.FILLED if table.type != "array"],
    "k8s-w1": [
        change_some(LAYOUT.SERVICES, "active"),
        change_some(LAYOUT.SERVICE_STATE, "frontends", 7),
        change_some(OWN.NODE_ADDRESSES, "flags"),
        (LAYOUT.BACKENDS, change_slots),
    ],
}


def held(cluster, node):
    """Return what the maps of a node say that does not tell their history."""
    ((_zero, state),) = maps.entries(cluster, node, LAYOUT.SERVICE_STATE)
    return {
        "services": maps.services(cluster, node),
        "addresses": sorted(map(str, maps.entries(cluster, node, OWN.NODE_ADDRESSES))),
        "state": [state[word] for word in ("host_netns", "frontends", "outside")],
    }


def test_drift_of_the_maps_is_repaired(cluster):
    before = {node: held(cluster, node) for node in SPOILED}
    for node, what in SPOILED.items():
        for table, spoil in what:
            with maps.opened(cluster, node, table) as entries:
                spoil(entries)
        spoiled = held(cluster, node)
        assert all(spoiled[part] != before[node][part] for part in ("services", "addresses"))
    run = cluster.play("site").ok()
    assert set(run.changed) == set(SPOILED)
    assert all(FILL in tasks for tasks in run.changed.values())
    assert {node: held(cluster, node) for node in SPOILED} == before
    for place in (NETPOD, LONER):
        pages = Client(cluster, place).ask(SVC, times=40)
        assert {page.address for page in pages} == set(WEBPODS)


def test_programs_and_settings_that_were_taken_away_come_back(cluster):
    pins = cluster.exec("k8s-m", "ls", "/sys/fs/bpf/podnet/links").split()
    ours = [pin for pin in pins if "cgroup" in pin or pin == "eth0-tc_egress"]
    assert len(ours) == 12, pins
    before = cluster.exec("k8s-m", "sysctl", "-n", RESERVED)
    cluster.exec("k8s-m", "sysctl", f"{RESERVED}=")
    cluster.exec("k8s-m", "rm", *(f"/sys/fs/bpf/podnet/links/{pin}" for pin in ours))
    with contextlib.suppress(AssertionError):  # nobody balances its sockets
        Client(cluster, "k8s-m").fail(SVC)
    run = cluster.play("site").ok()
    assert set(run.changed) == {"k8s-m"}
    assert cluster.exec("k8s-m", "ls", "/sys/fs/bpf/podnet/links").split() == pins
    assert cluster.exec("k8s-m", "sysctl", "-n", RESERVED) == before
    assert Client(cluster, "k8s-m").ask(SVC)[0].address in WEBPODS
    assert Client(cluster, LONER).ask(GUARDED)[0].visitor == IPS[LONER]
