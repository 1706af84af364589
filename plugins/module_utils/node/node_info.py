# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host has, and what of the network its kernel holds.

The plan asks this of every node before anything is installed there: nothing but the standard
library and system calls is used.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..datapath import pinned
from ..datapath.cells import SOCKET_PROGRAMS, socket_pin
from ..datapath.layout import ALLOCATIONS, CONFIG, IPCACHE
from ..datapath.policy_layout import POLICY_CLASS_BITS, POLICY_CLASSES, POLICY_PODS
from ..datapath.service_layout import (
    SERVICE_ALLOCATED,
    SERVICE_CLUSTER_IP,
    SERVICE_LOAD_BALANCER,
    SERVICE_NAMES,
    SERVICE_NODE_PORT,
    SERVICES,
)
from ..datapath.structs import FAMILY_IPV4
from ..ebpf import mounts
from ..engine import fields, ipv4, pythons
from ..engine.addresses import text
from ..engine.bpf import compiler, maps, objects
from ..preflight import host
from ..services import packed

if TYPE_CHECKING:
    from collections.abc import Sequence


LIBRARIES = ("pyroute2",)
COMPILER = ("bcc",)
DEVICES = Path("/sys/class/net")
#: linux/if_arp.h: what has frames with MAC addresses, which programs look for.
ARPHRD_ETHER = 1
#: Devices that the roles make by these names, where nobody else has them.
NODE_DEVICES = (
    names.GATEWAY_DEVICE,
    names.GATEWAY_PEER,
    names.OVERLAY_DEVICE,
    names.BRIDGE_DEVICE,
)
DISTRIBUTIONS = ("debian", "fedora", "rhel")

#: Where apt has lists of packages; a host that has just been made has none yet.
APT_LISTS = Path("/var/lib/apt/lists")


def read(
    node_ip: str | None,
    device: str | None,
    vtep_ip: str | None,
    underlay_device: str | None,
    egress_devices: Sequence[str],
) -> dict[str, Any]:
    """Return what the host has (see RETURN of the module ``node_info``)."""
    addresses = ipv4.addresses()
    # The node's own address stands on a device of the network, too.
    holders = {
        each.address: each.device for each in addresses if each.device != names.GATEWAY_DEVICE
    }
    vtep_device = holders.get(vtep_ip or node_ip or "")
    own = _device(device or holders.get(node_ip or ""))
    egress = egress_devices or ([own["name"]] if own else [])
    words = _os_words()
    return {
        "kernel": os.uname().release,
        "os": words[0] if words else None,
        "distribution": next((word for word in words if word in DISTRIBUTIONS), None),
        "package_lists": not APT_LISTS.is_dir() or any(APT_LISTS.glob("*_Packages*")),
        "machine": objects.machine(),
        "missing": pythons.missing(LIBRARIES),
        "compiler": not pythons.missing(COMPILER) and compiler.has_headers(),
        "bpffs": mounts.bpffs_mounted(),
        "cgroup2": mounts.cgroup2_root(),
        "device": own,
        "underlay": _device(underlay_device or vtep_device),
        "vtep_device": vtep_device,
        "egress_devices": [
            found for name in egress if (found := _egress_device(name, node_ip, addresses))
        ],
        "foreign": [name for name in NODE_DEVICES if _is_foreign(name)],
        **host.read(),
        **_held(node_ip),
    }


def _os_words() -> list[str]:
    """Return what the distribution is, and then what it is like."""
    told = {}
    with contextlib.suppress(OSError):
        for line in Path("/etc/os-release").read_text().splitlines():
            name, _equals, value = line.partition("=")
            told[name] = value.strip("\"'").split()
    return [*told.get("ID", ()), *told.get("ID_LIKE", ())]


def _device(name: str | None) -> dict[str, Any] | None:
    # Of a folder or file that is no device, there or elsewhere, nobody asks for the number.
    if name is None or "/" in name or not (DEVICES / name / "ifindex").exists():
        return None
    numbers = {word: int((DEVICES / name / word).read_text()) for word in ("ifindex", "mtu")}
    kind = int((DEVICES / name / "type").read_text())
    return {"name": name, **numbers, "ethernet": kind == ARPHRD_ETHER}


def _egress_device(
    name: str, node_ip: str | None, addresses: Sequence[ipv4.Address]
) -> dict[str, Any] | None:
    """Return a device and the address that others know it by: the node's, or else its first."""
    found = _device(name)
    if found is None:
        return None
    held = [each.address for each in addresses if each.device == name and each.is_global]
    first = node_ip if node_ip in held else next(iter(held), None)
    return {**found, "ip": first}


def _is_foreign(name: str) -> bool:
    """Say whether somebody else has a device by one of our names."""
    if not (DEVICES / name).exists():
        return False
    alias, mac = [(DEVICES / name / word).read_text().strip() for word in ("ifalias", "address")]
    return not names.is_our_device(name, alias, mac)


def _held(node_ip: str | None) -> dict[str, Any]:
    """Return what was planned for the node before, and what it knows of the others."""
    config = {key["family"]: value for key, value in pinned.entries(CONFIG)}.get(FAMILY_IPV4)
    allocated = [(key["name"], value["address"]) for key, value in pinned.entries(ALLOCATIONS)]
    peers = {pinned.prefix(key): value["node"] for key, value in pinned.entries(IPCACHE)}
    return {
        "pod_cidr": None if config is None else _masked(config),
        "peers": {cidr: node for cidr, node in peers.items() if node != node_ip},
        "endpoints": dict(allocated),
        "balances": _balances(),
        **_policies(),
        **_allocated(),
    }


def _balances() -> bool:
    """Say whether there is anything of services, if only what a run left that was killed."""
    if Path(socket_pin(SOCKET_PROGRAMS[0])).exists():
        return True
    found = maps.open_pin(SERVICES.pin)
    if found is None:
        return False
    with found:
        return not found.empty()


def _policies() -> dict[str, Any]:
    """Say whether there is anything of policies, and the class of each block that is known."""
    pods = pinned.columns(POLICY_PODS)[1]
    keys, values = pinned.columns(POLICY_CLASSES)
    classes = [*POLICY_CLASSES.key_struct.iter_unpack(keys)]
    numbers = (number for (number,) in POLICY_CLASSES.value_struct.iter_unpack(values))
    partitions = Counter(pod[0] for pod in POLICY_PODS.value_struct.iter_unpack(pods))
    # Without a pod that is judged a node has one partition alone, but for a run that was killed.
    partitions = partitions or Counter(partition for _bits, partition, _address in classes)
    named = partitions.most_common(1)[0][0] if partitions else None
    return {
        "holds_policies": bool(pods or classes),
        "policy_classes": {
            pinned.prefix(
                {"address": text(address), "prefixlen": bits - POLICY_CLASS_BITS}
            ): int.from_bytes(number, "big")
            for (bits, partition, address), number in zip(classes, numbers)
            if partition == named
        },
    }


def _allocated() -> dict[str, Any]:
    """Return the addresses and node ports that a plan chose for services, where there are any."""
    chosen = {
        value.id: (value.kind, key)
        for key, value in SERVICES.rows(*pinned.columns(SERVICES))
        if value.flags & SERVICE_ALLOCATED
    }
    if not chosen:
        return {}
    cluster_ips: dict[str, str] = {}
    balanced: dict[str, set[str]] = {}
    node_ports: dict[str, int] = {}
    for row, named in SERVICE_NAMES.rows(*pinned.columns(SERVICE_NAMES)):
        if row.id not in chosen:
            continue
        kind, key = chosen[row.id]
        port_name = fields.text(named.name)
        service = port_name.rpartition(":")[0]
        if kind == SERVICE_CLUSTER_IP:
            cluster_ips[service] = packed.address_text(key.address)
        elif kind == SERVICE_LOAD_BALANCER:
            balanced.setdefault(service, set()).add(packed.address_text(key.address))
        elif kind == SERVICE_NODE_PORT:
            node_ports[port_name] = int.from_bytes(key.port, "big")
    return {
        "services": {
            "cluster_ips": cluster_ips,
            "load_balancer_ips": {name: sorted(ips) for name, ips in balanced.items()},
            "node_ports": node_ports,
        }
    }


def _masked(config: dict[str, Any]) -> str | None:
    if not config["gateway_ifindex"]:
        return None  # an array has its entry from the start, filled or not
    return str(ipaddress.ip_network(f"{config['pod_cidr']}/{config['pod_cidr_mask']}"))
