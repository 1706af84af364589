"""A second reader and writer is all that a second address family takes.

The IPv6 of these tests is a file beside ``ipv4.h`` and a ``family.h`` with a branch for it. What
finds the pod, looks at hop limit and size, delivers and counts is the programs' own.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import compiler, syscall
from scapy.all import IP, UDP, Ether, IPv6, Raw

from .node import (
    BPF,
    GATEWAY_MAC,
    MAC_A,
    MAC_B,
    POD_A,
    POD_B,
    POD_MTU,
    SCHED_CLS,
    SKB_IFINDEX,
    SKB_SIZE,
    _endpoint,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scapy.packet import Packet

    from .node import Node

POD_A6, POD_B6, NOBODY6 = "fd00:111::a", "fd00:111::b", "fd00:111::c"
REDIRECT, DROP, PASS = 7, 2, 0xFFFFFFFF

READER = """
#pragma once
#include "ipv4.h"
#include <linux/ipv6.h>

static __always_inline int ipv6_point(struct packet *p)
{
    p->eth = packet_reach(p->skb, sizeof(struct ethhdr) + sizeof(struct ipv6hdr));
    return p->eth != 0;
}

static __always_inline enum verdict ipv6_read(struct packet *p)
{
    const struct ipv6hdr *ip;

    if (!ipv6_point(p))
        return VERDICT_MALFORMED;
    ip = (void *)(p->eth + 1);
    if (ip->version != 6)
        return VERDICT_MALFORMED;
    __builtin_memcpy(&p->tuple->source, &ip->saddr, sizeof(struct address));
    __builtin_memcpy(&p->tuple->destination, &ip->daddr, sizeof(struct address));
    p->tuple->protocol = ip->nexthdr;
    p->hop_limit = ip->hop_limit;
    p->l4 = sizeof(struct ethhdr) + sizeof(struct ipv6hdr);
    return VERDICT_NONE;
}

static __always_inline void ipv6_hop(const struct packet *p)
{
    ((struct ipv6hdr *)(p->eth + 1))->hop_limit--;
}
"""

#: The program under test: what ``from_container`` does of two pods of a node, for both families.
PROGRAM = """
#include "lib/antispoof.h"
#include "lib/deliver.h"
#include "lib/finish.h"

static __always_inline enum verdict walk(struct packet *p)
{
    enum verdict verdict = packet_read(p);

    if (verdict == VERDICT_NONE)
        verdict = antispoof(p);
    if (verdict != VERDICT_NONE)
        return verdict;
    if (owner_find(p, &p->tuple->destination) != OWNER_POD)
        return VERDICT_NO_ENDPOINT;
    return deliver_fits(p) ? deliver(p) : VERDICT_TOO_BIG;
}

int both(struct __sk_buff *skb)
{
    struct nat_key tuple = {};
    struct bpf_redir_neigh neighbor = {};
    struct packet packet;

    packet_begin(&packet, skb, HOOK_FROM_CONTAINER, &tuple, &neighbor);
    return finish(&packet, walk(&packet));
}
"""


def family(text: str) -> str:
    """Return ``family.h`` with the branches of a second family."""
    branches = {
        "return ipv4_point(p);": "return p->skb->protocol == NET16(ETH_P_IPV6) ? "
        "ipv6_point(p) : ipv4_point(p);",
        "ipv4_hop(p);": "if (p->skb->protocol == NET16(ETH_P_IPV6)) ipv6_hop(p); else ipv4_hop(p);",
        "if (p->skb->protocol != NET16(ETH_P_IP))": "if (p->skb->protocol == NET16(ETH_P_IPV6)) "
        "return ipv6_read(p);\n\tif (p->skb->protocol != NET16(ETH_P_IP))",
        '#include "ipv4.h"': '#include "ipv6.h"',
    }
    for now, then in branches.items():
        assert text.count(now) == 1, now
        text = text.replace(now, then)
    return text


@pytest.fixture(scope="module")
def both(node: Node) -> Iterator[int]:
    """Give two pods of the node an IPv6 address each, and load the program: its descriptor."""
    files = {f"lib/{path.name}": path.read_text() for path in (BPF / "lib").glob("*.h")}
    files |= {"lib/family.h": family(files["lib/family.h"]), "lib/ipv6.h": READER}
    source = compiler.Source(
        main="both.c",
        files={"both.c": PROGRAM, **files},
        cflags=("-Wall", "-Wextra", "-Werror"),
        standin=compiler.read_folder(BPF / "include"),
    )
    pods = {POD_A6: ("pod_a", MAC_A), POD_B6: ("pod_b", MAC_B)}
    entries = {
        layout.ENDPOINTS.pack_key(address=address): _endpoint(node.ifindex[device], mac)
        for address, (device, mac) in pods.items()
    }
    node.tables["endpoints"].update(entries)
    fds = {name: table.fd for name, table in node.tables.items()}
    with compiler.compiled(source, fds) as one:
        yield one.load("both", SCHED_CLS)
    node.tables["endpoints"].delete(list(entries))


def sent(node: Node, program: int, packet: Packet) -> tuple[int, Packet]:
    """Let pod A send a packet: the program's action, and the packet afterwards."""
    context = bytearray(SKB_SIZE)
    struct.pack_into("=I", context, SKB_IFINDEX, node.ifindex["pod_a"])
    with namespaces.inside(node.netns):
        done = syscall.program_test_run(program, bytes(packet), context=bytes(context))
    return done.retval, Ether(done.data)


def datagram(source: str, destination: str, *, hops: int = 64, size: int = 20) -> Packet:
    """What pod A sends, of the family of its addresses."""
    frame = Ether(src=MAC_A, dst=GATEWAY_MAC)
    if ":" in source:
        header = IPv6(src=source, dst=destination, hlim=hops)
    else:
        header = IP(src=source, dst=destination, ttl=hops)
    return frame / header / UDP(sport=1000, dport=53) / Raw(bytes(size))


@pytest.mark.parametrize(("source", "to"), [(POD_A6, POD_B6), (POD_A, POD_B)], ids=["ipv6", "ipv4"])
def test_two_pods_reach_each_other(node, both, source, to):
    action, packet = sent(node, both, datagram(source, to))
    expected = datagram(source, to, hops=63)
    expected[Ether].src, expected[Ether].dst = GATEWAY_MAC, MAC_B
    assert action == REDIRECT
    assert bytes(packet) == bytes(expected)


@pytest.mark.parametrize(
    "packet",
    [
        datagram(POD_B6, POD_B6),
        datagram(POD_A6, NOBODY6),
        datagram(POD_A6, POD_B6, hops=1),
        datagram(POD_A6, POD_B6, size=POD_MTU - 40 - 8 + 1),
    ],
    ids=["another's source", "no pod", "no hop left", "too large"],
)
def test_what_stops_ipv4_stops_ipv6(node, both, packet):
    action, after = sent(node, both, packet)
    assert (action, bytes(after)) == (DROP, bytes(packet))


def test_the_largest_packet_fits(node, both):
    assert sent(node, both, datagram(POD_A6, POD_B6, size=POD_MTU - 40 - 8))[0] == REDIRECT


def test_between_reader_and_writer_nothing_knows_a_family():
    """But what is IPv4's own: ARP, ICMP's answers, and the outer header of the tunnel."""
    own = {"address.h", "family.h", "ipv4.h", "arp.h", "icmp.h", "overlay.h", "tunnel.h", "bpf.h"}
    words = r"iphdr|ETH_P_IP\b|AF_INET|ipv4_(src|dst|nh)|words\[3\]|\bsaddr\b|\bdaddr\b"
    found = {
        path.name: sorted({match[0] for match in re.finditer(words, path.read_text())})
        for path in (BPF / "lib").glob("*.h")
        if path.name not in own
    }
    assert {name: words for name, words in found.items() if words} == {
        "lb.h": ["words[3]"],  # the hash that chooses a backend, the same on nodes of today
        "node.h": ["words[3]"],  # each of the four words
    }
