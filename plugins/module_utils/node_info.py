# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host has, and what of the network its kernel holds.

The plan asks this of every node before anything is installed there: nothing but the standard
library and system calls is used.
"""

from __future__ import annotations

import array
import fcntl
import importlib.util
import ipaddress
import os
import socket
import struct
from pathlib import Path
from typing import Any

from . import mounts
from .datapath.layout import ALLOCATIONS, CONFIG, IPCACHE, Layout
from .engine.bpf import maps

SIOCGIFCONF = 0x8912
IFREQ_SIZE = 40  # struct ifreq on 64 bits
NETWORKD = "systemd-networkd"
LIBRARIES = ("bcc", "pyroute2")
DISTRIBUTIONS = ("debian", "fedora", "rhel")


def read(node_ip: str | None, device: str | None) -> dict[str, Any]:
    """Return what the host has (see RETURN of the module ``node_info``)."""
    return {
        "kernel": os.uname().release,
        "distribution": _distribution(),
        "missing": [name for name in LIBRARIES if importlib.util.find_spec(name) is None],
        "bpffs": mounts.bpffs_mounted(),
        "cgroup2": mounts.cgroup2_root(),
        "networkd": Path("/lib/systemd", NETWORKD).exists(),
        "networkd_active": Path("/run/systemd/netif/state").exists(),
        "device": _device(device, node_ip),
        **_held(node_ip),
    }


def _distribution() -> str | None:
    words: list[str] = []
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _equals, value = line.partition("=")
        if name in ("ID", "ID_LIKE"):
            words += value.strip("\"'").split()
    return next((word for word in words if word in DISTRIBUTIONS), None)


def _device(name: str | None, node_ip: str | None) -> dict[str, Any] | None:
    """Read the named device, or find the one that holds the node's address."""
    name = name or _devices_by_address().get(node_ip or "")
    folder = Path("/sys/class/net", name or "none")
    if name is None or not folder.exists():
        return None
    numbers = {word: int((folder / word).read_text()) for word in ("ifindex", "mtu")}
    return {"name": name, **numbers}


def _devices_by_address() -> dict[str, str]:
    # netdevice(7): SIOCGIFCONF fills an array of struct ifreq, one for each IPv4 address.
    buffer = array.array("B", bytes(IFREQ_SIZE * 4096))
    request = struct.pack("iP", len(buffer), buffer.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        filled = struct.unpack("iP", fcntl.ioctl(any_socket, SIOCGIFCONF, request))[0]
    found = {}
    for start in range(0, filled, IFREQ_SIZE):
        entry = buffer[start : start + IFREQ_SIZE].tobytes()
        # An address with a label such as eth0:1 is one of eth0.
        device = entry[:16].split(b"\0")[0].decode().split(":")[0]
        found[socket.inet_ntoa(entry[20:24])] = device
    return found


def _held(node_ip: str | None) -> dict[str, Any]:
    """Return what was planned for the node before, and what it knows of the others."""
    config = next(iter(_entries(CONFIG)), None)
    allocated = [(key["name"], value["address"]) for key, value in _entries(ALLOCATIONS)]
    peers = {
        _cidr(key["address"], key["prefixlen"]): value["node"] for key, value in _entries(IPCACHE)
    }
    return {
        "pod_cidr": None if config is None else _masked(config[1]),
        "peers": {cidr: node for cidr, node in peers.items() if node != node_ip},
        "endpoints": dict(allocated),
    }


def _entries(table: Layout) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    found = maps.open_pin(table.pin)
    if found is None:
        return []
    with found:
        if found.spec.key_size != table.spec.key_size:
            return []
        # Values of another version have fields more or less at their end (see datapath/layout.py).
        return [
            (table.unpack_key(key), table.unpack_value(value.ljust(table.spec.value_size, b"\0")))
            for key, value in found.items().items()
        ]


def _masked(config: dict[str, Any]) -> str | None:
    if not config["gateway_ifindex"]:
        return None  # an array has its entry from the start, filled or not
    return str(ipaddress.ip_network(f"{config['pod_cidr']}/{config['pod_cidr_mask']}"))


def _cidr(address: str, prefixlen: int) -> str:
    return f"{address}/{prefixlen - 96 if '.' in address else prefixlen}"
