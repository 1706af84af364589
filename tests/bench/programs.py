"""Nanoseconds a packet of single programs, by ``BPF_PROG_TEST_RUN``."""

from __future__ import annotations

import os
import statistics
import struct
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import compiler, syscall

from . import CHECKOUT
from .again import SCHED_CLS, Again, Fresh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .topology import Node

TC_ACT_UNSPEC, TC_ACT_REDIRECT = -1, 7
TCP, UDP = 6, 17
SYN, PSH_ACK = 0x02, 0x18
EMPTY, EMPTY_AGAIN = "empty program", "empty program, its packet put back"

#: Runs in one call. The packet persists between them: fewer than its TTL of 64.
REPEAT = 60
#: Calls for one figure. A figure is the best tenth of its calls, and one of so many rounds.
CALLS = 200


@dataclass(frozen=True)
class Probe:
    """A program and the packet to time it with.

    :param program: an open file, or a path in the bpffs of the node.
    :param context: a ``struct __sk_buff``, see :func:`sk_buff`.
    :param expect: what the program has to return, or the figure is of something else.
    :param expect_addresses: source and destination that the packet then has to have.
    :param fresh: the packet is put back before each run, and what that takes is no part of the
        figure; else a run starts with what the one before it made of the packet.
    :param aim: nanoseconds above the empty program that it aims at.
    :param units: whether its way is within one program, so that it can be counted.
    """

    name: str
    node: Node
    program: int | str
    packet: bytes
    context: bytes = b""
    expect: int = TC_ACT_REDIRECT
    expect_addresses: tuple[IPv4Address, IPv4Address] | None = None
    fresh: Fresh | None = None
    aim: float | None = None
    units: bool = True


def sk_buff(*, ifindex: int, mark: int = 0) -> bytes:
    """``struct __sk_buff`` of a packet that a device of the node received."""
    return struct.pack("=8xI24xII148x", mark, ifindex, ifindex)


def tcp_packet(
    source: IPv4Address,
    destination: IPv4Address,
    *,
    from_mac: str,
    to_mac: str,
    ports: tuple[int, int] = (40000, 80),
    flags: int = PSH_ACK,
) -> bytes:
    """One segment, with 1 byte of data: if nothing else is said, of a connection to port 80.

    Its numbers follow the segment that opens the connection, which has no data: the receiver
    expects it.
    """
    sequence = 0 if flags & SYN else 1
    tcp = struct.pack(">HHIIBBHHH", *ports, sequence, 1, 5 << 4, flags, 512, 0, 0) + b"x"
    return _frame(source, destination, TCP, tcp, (from_mac, to_mac))


def udp_packet(
    source: IPv4Address,
    destination: IPv4Address,
    *,
    from_mac: str,
    to_mac: str,
    ports: tuple[int, int],
) -> bytes:
    """One datagram of 16 bytes, without a checksum."""
    udp = struct.pack(">HHHH16x", *ports, 24, 0)
    return _frame(source, destination, UDP, udp, (from_mac, to_mac))


def _frame(
    source: IPv4Address,
    destination: IPv4Address,
    protocol: int,
    payload: bytes,
    macs: tuple[str, str],
) -> bytes:
    ip = struct.pack(
        ">BBHHHBBH4s4s",
        *(0x45, 0, 20 + len(payload), 1, 0x4000, 64, protocol, 0),
        *(source.packed, destination.packed),
    )
    ip = ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:]
    from_mac, to_mac = macs
    return bytes.fromhex((to_mac + from_mac).replace(":", "")) + b"\x08\x00" + ip + payload


def measure(probes: Sequence[Probe], rounds: int, cpu: int) -> list[dict[str, object]]:
    """Time every probe, interleaved, with the empty program first.

    :returns: a dictionary each with ``name``, ``ns`` (median over the rounds), ``above_empty``
        (the same less the empty program's), ``low`` and ``high`` (quartiles of ``ns``), ``aim``.
    """
    first = probes[0]
    empty = Probe(EMPTY, first.node, _empty_program(), first.packet, first.context, expect=0)
    put_back = replace(empty, name=EMPTY_AGAIN, fresh=Fresh())
    by_name = {probe.name: probe for probe in reversed(probes)}
    everyone = [empty, put_back, *reversed(by_name.values())]
    opened = {probe.name: _open(probe) for probe in everyone}
    again = Again()
    samples: dict[str, list[float]] = {probe.name: [] for probe in everyone}
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        for number in range(rounds):
            turn = number % len(everyone)
            for probe in everyone[turn:] + everyone[:turn]:
                samples[probe.name].append(_time(probe, opened[probe.name], again))
    finally:
        os.sched_setaffinity(0, allowed)
    baseline = statistics.median(samples[EMPTY])
    off = statistics.median(samples.pop(EMPTY_AGAIN)) - baseline
    return [
        _summary(probe, [ns - (off if probe.fresh else 0) for ns in samples[probe.name]], baseline)
        for probe in everyone
        if probe.name in samples
    ]


def _empty_program() -> int:
    source = compiler.Source(
        main="empty.c",
        files={"empty.c": "int empty(void *skb) { return 0; }\n"},
        standin=compiler.read_folder(CHECKOUT / "bpf" / "include"),
    )
    with compiler.compiled(source) as one:
        return one.load("empty", SCHED_CLS)


def _open(probe: Probe) -> int:
    if isinstance(probe.program, int):
        return probe.program
    with probe.node.entered():
        return syscall.get(probe.program)


def _time(probe: Probe, program: int, again: Again) -> float:
    times = []
    with probe.node.entered():
        if probe.fresh:
            again.prepare(program, probe.packet, probe.fresh)
            program = again.program
        for _call in range(CALLS):
            done = syscall.program_test_run(
                program, probe.packet, context=probe.context, repeat=REPEAT
            )
            if done.retval != probe.expect & 0xFFFFFFFF:
                raise RuntimeError(f"{probe.name} returned {done.retval}, not {probe.expect}")
            if probe.expect_addresses and _addresses(done.data) != probe.expect_addresses:
                raise RuntimeError(f"{probe.name} sent from and to {_addresses(done.data)}")
            times.append(done.duration)
    return statistics.quantiles(times, n=10)[0]


def _addresses(packet: bytes) -> tuple[IPv4Address, IPv4Address]:
    return IPv4Address(packet[26:30]), IPv4Address(packet[30:34])


def _summary(probe: Probe, values: list[float], baseline: float) -> dict[str, object]:
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {
        "name": probe.name,
        "ns": round(median, 1),
        "above_empty": round(median - baseline, 1),
        "low": round(low, 1),
        "high": round(high, 1),
        "aim": probe.aim,
    }


def _checksum(header: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
