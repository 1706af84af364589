"""Flows in the map of a node, written by hand as programs write them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps

from tests.clock import ago

if TYPE_CHECKING:
    from collections.abc import Iterable

    Place = tuple[str, int]
    Entries = dict[bytes, bytes]

NAT = nat_layout.NAT
TCP, UDP, ICMP = socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP
MASQUERADE, REVERSE = nat_layout.NAT_MASQUERADE, nat_layout.NAT_REVERSE


def flow(
    client: Place,
    server: Place,
    as_client: Place,
    as_server: Place | None = None,
    *,
    protocol: int = UDP,
    flags: int = MASQUERADE,
    age: int = 0,
    idle: int = 0,
    number: int = 0,
) -> Entries:
    """Return both entries of a flow: the client gets other words, and the server may.

    :param age: seconds since it was made.
    :param idle: seconds since a packet used it.
    :param number: of the frontend, for a service's.
    """
    as_server = as_server or server
    more: dict[str, Any] = {"flags": flags, "number": number, "age": age, "idle": idle}
    return {
        **entry(client, server, as_client, as_server, protocol, **more),
        **entry(
            as_server, as_client, server, client, protocol, **{**more, "flags": flags | REVERSE}
        ),
    }


def entry(
    source: Place,
    destination: Place,
    as_source: Place,
    as_destination: Place,
    protocol: int = UDP,
    *,
    flags: int = MASQUERADE,
    number: int = 0,
    age: int = 0,
    idle: int = 0,
) -> Entries:
    """Return one entry: what a packet of the flow is, and what it becomes."""
    key = NAT.pack_key(**_ends(source, destination), protocol=protocol, reserved=0)
    value = NAT.pack_value(
        **_ends(as_source, as_destination),
        flags=flags,
        reserved=0,
        id=number,
        slot=0,
        acked=0,
        unused=0,
        created=ago(age),
        used=ago(idle),
    )
    return {key: value}


def many(count: int, client: str, server: Place, as_client: str, protocol: int = TCP) -> Entries:
    """Return flows of a client to one server, by the first so many ports and with the same."""
    flows = {}
    for key, value in flow((client, 0), server, (as_client, 0), protocol=protocol).items():
        key_fields, value_fields = NAT.key_struct.unpack(key), NAT.value_struct.unpack(value)
        # What the client's port is in either: the third field of what it sends, else the fourth.
        at = 3 if value_fields[4] & REVERSE else 2
        for port in range(count):
            raw = port.to_bytes(2, "big")
            flow_key = NAT.key_struct.pack(*key_fields[:at], raw, *key_fields[at + 1 :])
            flows[flow_key] = NAT.value_struct.pack(
                *value_fields[:at], raw, *value_fields[at + 1 :]
            )
    return flows


def write(*flows: Entries) -> None:
    """Write entries."""
    with maps.open_pin(NAT.pin) as found:
        found.update({key: value for one in flows for key, value in one.items()})


def held() -> set[bytes]:
    """Return the keys that the map holds."""
    with maps.open_pin(NAT.pin) as found:
        return set(found.items())


def empty() -> None:
    """Forget every flow."""
    with maps.open_pin(NAT.pin) as found:
        found.delete(found.items())


def keys(*flows: Entries) -> set[bytes]:
    """Return the keys of flows."""
    return {key for one in flows for key in one}


def _ends(source: Iterable[Any], destination: Iterable[Any]) -> dict[str, Any]:
    words = ("source", "source_port", "destination", "destination_port")
    return dict(zip(words, (*source, *destination)))
