# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs of the kind that people write for BCC: loaded, run on packets, their maps read."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import (
    maps,
    programs,
    syscall,
)
from bpf_support import pins, program
from packets import (
    CLIENT,
    CLIENT_MAC,
    ECHO,
    SERVER,
    ethernet,
    ipv4,
    question,
    tcp,
)
from running import run, run_module

pytest_plugins = ["bpf_host"]

SOURCES = Path(__file__).parent / "programs/bcc"
FOLDER = "/sys/fs/bpf/mine"
#: TC_ACT_OK and TC_ACT_SHOT; XDP_DROP.
OK, SHOT, DROP = 0, 2, 1
_ATTACH_BPF = 50


def item(name: str, *names: str, **options: Any) -> dict[str, Any]:
    """One program of a file, pinned with its maps in a folder of its own."""
    source = {} if "source" in options else {"src": str(SOURCES / f"{name}.c")}
    return {
        "name": name,
        **source,
        "type": "sched_cls",
        "pin": f"{FOLDER}/programs/{name}",
        "maps": {each: f"{FOLDER}/maps/{each}" for each in names},
        **options,
    }


def loaded(*items: dict[str, Any]) -> None:
    """Load programs: predicted right, done, and done for good."""
    predicted = program(*items, check=True)
    assert not predicted.failed, predicted
    assert pins(FOLDER) == []
    done = program(*items)
    assert not done.failed, done
    assert done["changes"] == predicted["changes"]
    again = program(*items)
    assert again["changed"] is False, again


def tried(name: str, frame: bytes, context: bytes = b"") -> int:
    """Run a pinned program on a frame; return what it says."""
    with programs.open_pin(f"{FOLDER}/programs/{name}") as found:
        return syscall.program_test_run(found.fd, frame, context=context).retval


def kept(name: str, *frames: bytes) -> list[bytes]:
    """Send frames by eth0; return those that a socket with the pinned program is given of them."""
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as reader,
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as writer,
        programs.open_pin(f"{FOLDER}/programs/{name}") as found,
    ):
        reader.setsockopt(socket.SOL_SOCKET, _ATTACH_BPF, struct.pack("i", found.fd))
        reader.bind(("eth0", 3))
        for frame in frames:
            writer.sendto(frame, ("eth0", 0))
        reader.setblocking(False)
        got = []
        while True:
            try:
                got.append(reader.recv(2048))
            except BlockingIOError:
                return [frame for frame in got if frame in frames]


def entries(name: str, key: str, value: str) -> dict[Any, Any]:
    """Entries of a pinned map of single fields; "KIND..." names several fields by their types."""

    def fields(kinds: str) -> list[dict[str, str]]:
        return [{"name": f"f{at}", "type": kind} for at, kind in enumerate(kinds.split())]

    def plain(found: dict[str, Any]) -> Any:
        values = tuple(found.values())
        return values[0] if len(values) == 1 else values

    def each(found: Any) -> Any:
        return [plain(one) for one in found] if isinstance(found, list) else plain(found)

    described = {"path": f"{FOLDER}/maps/{name}", "key": fields(key), "value": fields(value)}
    (found,) = run("bpf_map_info", maps=[described])["maps"]
    return {plain(entry["key"]): each(entry["value"]) for entry in found["entries"]}


def total(found: Any) -> int:
    """Sum of a counter over the CPUs; where they all have the same it is shown once."""
    return sum(found) if isinstance(found, list) else found * maps.possible_cpus()


GET = tcp(b"GET / HTTP/1.1\r\n\r\n")
MORE = tcp(b"more of it")


def test_http_filter_keeps_what_begins_a_request(pair: None) -> None:
    loaded(item("http_filter", "verdicts", type="socket_filter"))
    assert kept("http_filter", GET, MORE, ECHO) == [GET]
    assert entries("verdicts", "u32", "u64")[1] == 1


def test_http_sessions_keeps_what_follows_it(pair: None) -> None:
    loaded(item("http_sessions", "sessions", type="socket_filter"))
    assert kept("http_sessions", MORE, GET, MORE, MORE) == [GET, MORE, MORE]
    # BCC gives the fields of a header in the byte order of the machine.
    found = entries("sessions", "u32 u32 u16 u16", "u32")
    assert list(found.values()) == [3]
    assert {key[2:] for key in found} == {(40000, 80)}


def test_vlan_filter_lets_one_vlan_through(host: None) -> None:
    loaded(item("vlan_filter", "seen", defines={"ALLOWED": "5"}))
    assert [tried("vlan_filter", ethernet(bytes(60), vlan=vlan)) for vlan in (5, 6, 5)] == [
        OK,
        SHOT,
        OK,
    ]
    assert tried("vlan_filter", ECHO) == SHOT
    assert entries("seen", "u16", "u64") == {5: 2, 6: 1, 0: 1}


def test_vlan_learning_remembers_where_an_address_is(host: None) -> None:
    both = {"src": str(SOURCES / "vlan_learning.c"), "maps": {}}
    loaded(
        item("vlan_learning", "egress", function="handle_phys2virt"),
        {**item("virt2phys", "ingress"), **both, "function": "handle_virt2phys"},
    )
    assert [tried("vlan_learning", ECHO) for _time in range(3)] == [1, 1, 1]
    (leaf,) = entries("egress", "u64", "u32 u16 u16 u64 u64").items()
    assert leaf == (int.from_bytes(CLIENT_MAC), (1, 0, 0, 2, 2 * len(ECHO)))
    assert tried("virt2phys", ECHO) == 1


def test_tunnel_monitor_parses_by_tail_calls(host: None) -> None:
    source = {"src": str(SOURCES / "tunnel_monitor.c")}
    names = ("stats", "parser", "sizes")
    loaded(item("tunnel_monitor", *names), {**item("parse_inner", *names), **source})
    assert tried("tunnel_monitor", ECHO) == 1
    assert entries("stats", "u32 u32 u32 u32 u32", "u64 u64 u64 u64") == {}
    stages = {
        "path": f"{FOLDER}/maps/parser",
        "type": "prog_array",
        "key": [{"name": "stage", "type": "u32"}],
        "max_entries": 10,
        "entries": [{"key": {"stage": 1}, "value": {"program": f"{FOLDER}/programs/parse_inner"}}],
    }
    assert run_module("bpf_map", maps=[stages])["changed"] is True
    assert tried("tunnel_monitor", ECHO) == 1
    (counted,) = entries("stats", "u32 u32 u32 u32 u32", "u64 u64 u64 u64").items()
    assert counted == (
        (
            int.from_bytes(socket.inet_aton(CLIENT)),
            int.from_bytes(socket.inet_aton(SERVER)),
            0,
            0,
            0,
        ),
        (0, 1, 0, len(ECHO)),
    )
    assert sum(entries("sizes", "u32", "u64").values()) == 2


def test_tc_events_hands_over_and_counts(host: None) -> None:
    loaded(item("tc_events", "handed"))
    assert [tried("tc_events", frame) for frame in (ECHO, GET, ECHO)] == [OK, OK, OK]
    assert entries("handed", "u32", "u64") == {0: 2}


def test_distributed_bridge_asks_for_what_it_does_not_know(host: None) -> None:
    source = {"src": str(SOURCES / "distributed_bridge.c")}
    loaded(
        item("distributed_bridge", "if2tunkey", "conf"),
        {**item("handle_ingress", "tunkey2if"), **source},
    )
    assert tried("distributed_bridge", ECHO) == 1
    assert tried("handle_ingress", ECHO) == 1
    assert entries("if2tunkey", "u32", "u32 ipv4") == {1: (0, "0.0.0.0")}
    # A task fills what the program has made.
    tunnels = {
        "path": f"{FOLDER}/maps/tunkey2if",
        "key": [{"name": "vni", "type": "u32"}, {"name": "remote", "type": "u32"}],
        "value": [{"name": "ifindex", "type": "u32"}],
        "max_entries": 1024,
        "entries": [{"key": {"vni": 0, "remote": 0}, "value": {"ifindex": 1}}],
    }
    assert run_module("bpf_map", maps=[tunnels])["changed"] is True
    assert entries("tunkey2if", "u32 u32", "u32") == {(0, 0): 1}


def test_dns_matching_drops_listed_names(pair: None) -> None:
    loaded(item("dns_matching", "cache", type="socket_filter"))
    listed, other = b"\3bad\7example", b"\4good\7example"
    cache = {
        "path": f"{FOLDER}/maps/cache",
        "key": [{"name": "name", "type": "bytes(32)"}],
        "value": [{"name": "hits", "type": "u32"}],
        "max_entries": 128,
        "entries": [{"key": {"name": listed.decode()}, "value": {"hits": 0}}],
    }
    assert run_module("bpf_map", maps=[cache])["changed"] is True
    frames = question(listed), question(other), GET
    assert kept("dns_matching", *frames) == [frames[1], frames[2]]
    assert entries("cache", "bytes(32)", "u32") == {listed.decode(): 1}


def test_net_monitor_counts_by_addresses(pair: None) -> None:
    loaded(item("net_monitor", "packet_cnt", type="socket_filter"))
    assert kept("net_monitor", GET, ECHO) == [GET, ECHO]
    pair_of = int.from_bytes(socket.inet_aton(CLIENT) + socket.inet_aton(SERVER))
    assert entries("packet_cnt", "u64", "u64")[pair_of] == 2


def test_xdp_drop_count_counts_by_protocol(host: None) -> None:
    defines = {"CTXTYPE": "xdp_md", "RETURNCODE": "XDP_DROP"}
    loaded(item("xdp_drop_count", "dropcnt", type="xdp", defines=defines))
    tagged = ethernet(ipv4(socket.IPPROTO_UDP, bytes(40)), vlan=5)
    assert [tried("xdp_drop_count", frame) for frame in (GET, tagged, ECHO, ECHO)] == [DROP] * 4
    counted = entries("dropcnt", "u32", "u64")
    sums = {key: total(each) for key, each in counted.items()}
    assert {key: each for key, each in sums.items() if each} == {1: 2, 6: 1, 17: 1}


def test_xdp_redirect_counts_what_it_sends_on(host: None) -> None:
    loaded(item("xdp_redirect", "rxcnt", "tx_port", type="xdp"))
    assert tried("xdp_redirect", ECHO) == 0  # XDP_ABORTED: nobody has said where to
    (counted,) = entries("rxcnt", "u32", "u64").values()
    assert total(counted) == 1
    (devices,) = run("bpf_map_info", maps=[{"path": f"{FOLDER}/maps/tx_port"}])["maps"]
    assert devices["type"] == "devmap"


def test_neighbor_sharing_learns(host: None) -> None:
    loaded(item("neighbor_sharing", "learned_ips", "shares"))
    assert [tried("neighbor_sharing", frame) for frame in (GET, ECHO)] == [OK, OK]
    client = int.from_bytes(socket.inet_aton(CLIENT))
    assert entries("learned_ips", "u32", "u32") == {client: client & 3}
    assert entries("shares", "u32", "u64")[client & 3] == 2


COUNTS_IP = """
#include <linux/if_ether.h>
BPF_PERCPU_ARRAY(rx, u64, 1);
int count(struct __sk_buff *skb)
{
    uint32_t zero = 0;
    if (skb->protocol == htons(ETH_P_IP))
        rx.increment(zero);
    return -1;
}
"""


def test_a_counter_as_people_write_it(host: None) -> None:
    written = {"source": COUNTS_IP}
    loaded(item("count", "rx", **written))
    assert tried("count", ECHO) == 0xFFFFFFFF
    assert tried("count", ethernet(bytes(60), 0x86DD)) == 0xFFFFFFFF
    (counted,) = entries("rx", "u32", "u64").values()
    assert total(counted) == 1
    # A new version goes on counting where the old one ended: its map is the pinned one.
    done = program(item("count", "rx", **written | {"source": COUNTS_IP + "\n"}))
    assert done["changes"] == ["change program count"]
    assert tried("count", ECHO) == 0xFFFFFFFF
    (counted,) = entries("rx", "u32", "u64").values()
    assert total(counted) == 2


def test_a_map_of_another_shape_is_not_taken(host: None) -> None:
    run("mounts")
    loaded_by_task = {
        "path": f"{FOLDER}/maps/rx",
        "type": "percpu_array",
        "key": [{"name": "at", "type": "u32"}],
        "value": [{"name": "count", "type": "u64"}],
        "max_entries": 2,
    }
    run("bpf_map", maps=[loaded_by_task])
    done = program(item("count", "rx", source=COUNTS_IP))
    assert done["msg"] == (
        "map rx of count.c has max_entries 1, and what is pinned at /sys/fs/bpf/mine/maps/rx has "
        "2: remove that pin, or give the map another path."
    )
    assert pins(FOLDER) == ["maps/rx"]


PROGRAM = "int limit(struct __sk_buff *skb)\n{\n\treturn %s;\n}\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "static volatile unsigned long long packets;\n" + PROGRAM % "(packets += 1) ? -1 : 0",
            "limit.c:1: packets is a global variable, which BCC does not take: keep it in a map, "
            "or compile the C with clang and give it as object.",
        ),
        (
            "static __attribute__((noinline)) int twice(unsigned n)\n{\n\treturn n * n;\n}\n"
            + PROGRAM % "twice(skb->len)",
            "limit.c:1: twice is a function that is not inlined, which BCC does not take: make it "
            "static __always_inline, or compile the C with clang and give it as object.",
        ),
        (
            PROGRAM % "of_nobody(skb->len)",
            "limit.c does not compile: limit.c:3: implicit declaration of function 'of_nobody' is "
            "invalid in C99.",
        ),
    ],
    ids=["global variable", "not inlined", "declared nowhere"],
)
def test_a_limit_of_bcc_is_named(host: None, source: str, message: str) -> None:
    done = program(item("limit", source=source))
    assert done["msg"] == message
    assert pins(FOLDER) == []


def test_the_dialect_in_a_header_is_named(host: None, tmp_path: Path) -> None:
    (tmp_path / "count.h").write_text(
        "static inline void count_it(void)\n{\n\tint zero = 0;\n\trx.increment(zero);\n}\n"
    )
    main = 'BPF_ARRAY(rx, u64, 1);\n#include "count.h"\n'
    (tmp_path / "limit.c").write_text(
        main + "int limit(void *c)\n{\n\tcount_it();\n\treturn 0;\n}\n"
    )
    done = program(item("limit", src=str(tmp_path / "limit.c")))
    assert done["msg"] == (
        "count.h:4: rx.increment() is BCC's dialect in a header, which BCC knows in the main file "
        "alone: move it there, or compile the C with clang and give it as object."
    )


@pytest.mark.parametrize(
    "words",
    [
        "linux/if_vlan.h\n_Static_assert(sizeof(struct vlan_hdr) == 4, V);",
        "bcc/proto.h\n_Static_assert(offsetof(struct bpf_tunnel_key, remote_ipv6[1]) == 8, V);",
        "net/sock.h\n_Static_assert(AF_INET6 == 10 && sizeof(struct tcphdr) == 20, V);",
        "stdint.h\nstatic const uint64_t big = UINT64_MAX;",
        "netinet/in.h\nstatic const int udp = IPPROTO_UDP;",
        "sys/socket.h\nstatic const int family = AF_INET;",
        "string.h\n#include <stddef.h>\n#include <stdbool.h>\nstatic const bool yes = true;",
    ],
)
def test_headers_as_people_include_them(host: None, words: str) -> None:
    header, *more = words.split("\n", 1)
    source = f'#define V "wrong"\n#include <{header}>\n{"".join(more)}\n' + PROGRAM % "0"
    done = program(item("limit", source=source))
    assert not done.failed, done
