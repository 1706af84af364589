"""This project's maps of services, filled as the module fills them: slots first, then frontends."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import service_layout as layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import syscall
from ansible_collections.podnet.fabric.plugins.module_utils.services import packed

from .service_list import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.podnet.fabric.plugins.module_utils.datapath.structs import Layout

    from .service_list import Service
    from .topology import Node

SO_NETNS_COOKIE = 71


def fill(node: Node, services: Sequence[Service]) -> float:
    """Write services into the empty maps of a node; return the seconds of the writing alone."""
    slots = [
        slot
        for number, service in enumerate(services)
        for slot in _slots(number * BACKENDS, service)
    ]
    names = [
        (
            layout.SERVICE_NAMES.pack_key(id=number),
            layout.SERVICE_NAMES.pack_value(name=f"{service.name}/{service.protocol.upper()}"),
        )
        for number, service in enumerate(services, 1)
    ]
    frontends = [
        _frontend(number, number * BACKENDS, service) for number, service in enumerate(services)
    ]
    with node.entered():
        opened = {table.name: syscall.get(table.pin) for table in layout.MAPS}
        state = _state(len(services))
    start = time.monotonic()
    for table, entries in (
        (layout.BACKENDS, slots),
        (layout.SERVICE_NAMES, names),
        (layout.SERVICES, frontends),
    ):
        _write(opened[table.name], entries)
    syscall.map_update(opened[layout.SERVICE_STATE.name], bytes(4), state)
    took = time.monotonic() - start
    for fd in opened.values():
        os.close(fd)
    return took


def put(node: Node, number: int, service: Service, first: int) -> float:
    """Write one service, new or with other backends; return the seconds of the writing alone.

    :param number: of it; :func:`fill` counts them from 0.
    :param first: slots from here on are free.
    """
    slots, frontend = _slots(first, service), _frontend(number, first, service)
    with node.entered():
        backends, frontends = (
            syscall.get(table.pin) for table in (layout.BACKENDS, layout.SERVICES)
        )
    start = time.monotonic()
    _write(backends, slots)
    syscall.map_update(frontends, *frontend)
    took = time.monotonic() - start
    os.close(backends)
    os.close(frontends)
    return took


def memory(node: Node, tables: Iterable[Layout] = layout.MAPS) -> int:
    """Return the bytes that the kernel says maps have, those of services if not told others."""
    total = 0
    with node.entered():
        for table in tables:
            fd = syscall.get(table.pin)
            lines = Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines()
            total += int(dict(line.split(":", 1) for line in lines)["memlock"])
            os.close(fd)
    return total


def _write(table: int, entries: Sequence[tuple[bytes, bytes]]) -> None:
    keys = b"".join(key for key, _value in entries)
    values = b"".join(value for _key, value in entries)
    syscall.map_update_batch(table, keys, values, len(entries))


def _slots(first: int, service: Service) -> list[tuple[bytes, bytes]]:
    return [
        (
            layout.BACKENDS.pack_key(slot=first + turn),
            layout.BACKENDS.pack_value(address=ip, port=port, reserved=0),
        )
        for turn, (ip, port) in enumerate(service.backends)
    ]


def _frontend(number: int, first: int, service: Service) -> tuple[bytes, bytes]:
    count = len(service.backends)
    protocol = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}[service.protocol]
    key = packed.frontend_key(addresses.packed(str(service.ip)), service.port, protocol)
    value = layout.SERVICES.pack_value(
        id=number + 1,
        kind=layout.SERVICE_CLUSTER_IP,
        flags=0,
        affinity=0,
        first=first,
        active=count,
        total=count,
        outside_first=first,
        outside_active=count,
        outside_total=count,
    )
    return key, value


def _state(frontends: int) -> bytes:
    """Return the state, where the node's own network namespace is that which we are in."""
    with socket.socket() as any_socket:
        raw = any_socket.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
    return layout.SERVICE_STATE.pack_value(
        host_netns=int.from_bytes(raw, "little"),
        frontends=frontends,
        outside=0,
        pod_flows=0,
        host_flows=0,
        next_id=frontends + 1,
        sweep=0,
    )
