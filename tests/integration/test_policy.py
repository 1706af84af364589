"""policy: the maps by which programs judge pods, on a node as the roles leave it."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    layout,
    nat_layout,
    policy_layout,
    tasks,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.policy import wire
from bpf_support import bpftool, pins
from nat_support import TCP, empty, write
from node_support import PEER_IP, bare_node, make_datapath, options, plan, pod
from running import do, fails, four_runs, run, run_module
from test_calls_kept import connect
from test_killed import forked

if TYPE_CHECKING:
    from collections.abc import Iterator

WEB, DB = "10.111.160.1", "10.111.160.2"
EVERYBODY, NEAR = 1, 2
INGRESS, EGRESS = policy_layout.POLICY_INGRESS, policy_layout.POLICY_EGRESS
CLASSES = {"0.0.0.0/0": EVERYBODY, "10.111.0.0/16": NEAR, "::/0": EVERYBODY}
RULES = {"7": "default/web ingress[0]", "8": "default/db egress[0]"}


def rule_set(
    number: int, *entries: list[int], name: str = "default/web", way: str = "ingress"
) -> Any:
    return {"number": number, "direction": way, "policies": [name], "entries": list(entries)}


IN = rule_set(21, [NEAR, TCP, 80, 32, 7])
OUT = rule_set(22, [0, TCP, 0, 16, 8], [EVERYBODY, 0, 0, 0, 0], name="default/db", way="egress")


def given(*pods: dict[str, Any], sets: Any = (IN, OUT), **more: Any) -> dict[str, Any]:
    """Return options of the module."""
    found = {"partition": 5, "classes": CLASSES, "sets": list(sets), "rules": RULES}
    return {**found, "pods": list(pods), **more}


def isolated(ip: str = WEB, **numbers: Any) -> dict[str, Any]:
    return {"ip": ip, **(numbers or {"ingress": 21})}


@pytest.fixture(scope="module")
def node() -> Iterator[None]:
    """A node with two pods, and all programs and maps."""
    with bare_node():
        make_datapath(plan())
        run("endpoints", **options([pod("web", 1), pod("db", 2)]))
        yield
        run("endpoints", **options([]))
        assert {f"maps/{one.name}" for one in policy_layout.TABLES} <= set(pins())
        run("teardown")
        assert pins() == []


@pytest.fixture(autouse=True)
def _purged(node: None) -> Iterator[None]:
    yield
    run("policy", purge=True)
    for table in policy_layout.TABLES:
        assert dump(table.name) == [], table.name
    assert notes() == set()
    empty()


def dump(name: str) -> list[Any]:
    """Return the entries of a map as bpftool has them."""
    return list(bpftool("map", "dump", "pinned", f"/sys/fs/bpf/podnet/maps/{name}"))


def raw(words: list[str]) -> bytes:
    return bytes(int(word, 16) for word in words)


def shown(table: Any) -> dict[bytes, bytes]:
    return {raw(one["key"]): raw(one["value"]) for one in dump(table.name)}


def pods() -> dict[str, tuple[int, ...]]:
    """Return the map of pods: partition and sets of each."""
    return {
        addresses.text(key): tuple(
            int.from_bytes(value[at : at + 4], "big") for at in range(0, 20, 4)
        )
        for key, value in shown(policy_layout.POLICY_PODS).items()
    }


def classes() -> dict[tuple[int, str], int]:
    """Return the map of classes: class by partition and block."""
    found = {}
    for key, value in shown(policy_layout.POLICY_CLASSES).items():
        bits = int.from_bytes(key[:4], "little") - 32
        first, mapped = addresses.text(key[8:]), 96 if addresses.is_ipv4(key[8:]) else 0
        block = f"{first}/{bits - mapped}"
        found[int.from_bytes(key[4:8], "big"), block] = int.from_bytes(value, "big")
    return found


def rules() -> dict[tuple[int, ...], int]:
    """Return the map of rules: rule by set, class, protocol, port and bits of the last two."""
    return {
        (
            int.from_bytes(key[4:8], "big"),
            int.from_bytes(key[8:12], "big"),
            key[12],
            int.from_bytes(key[14:16], "big"),
            int.from_bytes(key[:4], "little") - 64,
        ): int.from_bytes(value, "little")
        for key, value in shown(policy_layout.POLICY_RULES).items()
    }


def names() -> dict[tuple[int, int], str]:
    return {
        (int.from_bytes(key[:4], "little"), int.from_bytes(key[4:], "little")): value.rstrip(
            b"\0"
        ).decode()
        for key, value in shown(policy_layout.POLICY_NAMES).items()
    }


def counters() -> dict[tuple[int, int], int]:
    """Return the packets of all counters."""
    with maps.open_pin(policy_layout.POLICY_COUNTERS.pin) as found:
        return {
            (int.from_bytes(key[:4], "little"), int.from_bytes(key[4:], "little")): sums[0]
            for key, sums in found.sums().items()
        }


def flags(ip: str) -> int:
    with maps.open_pin(layout.ENDPOINTS.pin) as found:
        return layout.ENDPOINTS.value_row(found.get(layout.ENDPOINTS.pack_key(address=ip))).flags


def note(source: str, port: int, destination: str, to: int, way: int) -> dict[bytes, bytes]:
    """Return a note as programs write it."""
    nat = nat_layout.NAT
    nothing = {"source": "::", "destination": "::", "source_port": 0, "destination_port": 0}
    key = nat.pack_key(
        source=source,
        source_port=port,
        destination=destination,
        destination_port=to,
        protocol=TCP,
        reserved=way,
    )
    more = dict.fromkeys(("reserved", "id", "slot", "acked", "unused"), 0)
    now = 1 << 62  # as used as can be
    return {
        key: nat.pack_value(**nothing, **more, flags=nat_layout.NAT_POLICY, created=now, used=now)
    }


def notes() -> set[tuple[str, int, str, int, int]]:
    found = set()
    with maps.open_pin(nat_layout.NAT.pin) as table:
        for key, value in table.items().items():
            if nat_layout.NAT.value_row(value).flags & nat_layout.NAT_POLICY:
                row = nat_layout.NAT.unpack_key(key)
                ends = (row["source"], row["source_port"], row["destination"])
                found.add((*ends, row["destination_port"], row["reserved"]))
    return found


def test_all_maps_are_filled_and_a_rerun_finds_nothing() -> None:
    done = four_runs("policy", **given(isolated(), isolated(DB, egress=22, audit_ingress=21)))
    assert done["changes"] == [
        "create policy set 21",
        "create policy set 22",
        "create classes of addresses 5",
        "create policies of pod 10.111.160.1",
        "create policies of pod 10.111.160.2",
    ]
    assert done["diff"]["after"]["policies of pod 10.111.160.1"] == {
        "ingress": "default/web (set 21)",
        "partition": 5,
    }
    assert pods() == {WEB: (5, 21, 0, 0, 0), DB: (5, 0, 22, 21, 0)}
    assert classes() == {(5, block): number for block, number in CLASSES.items()}
    assert rules() == {(21, 2, 6, 80, 32): 7, (22, 0, 6, 0, 16): 8, (22, 1, 0, 0, 0): 0}
    assert names() == {
        (7, policy_layout.POLICY_RULE): "default/web ingress[0]",
        (8, policy_layout.POLICY_RULE): "default/db egress[0]",
        (21, policy_layout.POLICY_SET): "ingress default/web",
        (21, policy_layout.POLICY_AUDIT): "ingress default/web",
        (22, policy_layout.POLICY_SET): "egress default/db",
    }
    assert counters() == dict.fromkeys(names(), 0)


def test_the_plans_packed_form_is_the_same() -> None:
    plain = given(isolated(netns="web", ingress=21))
    run("policy", **plain)
    parts = [{word: plain[word] for word in half} for half in (("partition", "classes"), ("sets",))]
    parts.append({word: plain[word] for word in ("pods", "rules")})
    assert run("policy", _policies=[wire.pack(part) for part in parts], purge=True)["changes"] == []


def test_a_changed_policy_is_another_set_and_the_old_one_goes_last() -> None:
    run("policy", **given(isolated(), isolated(DB, egress=22)))
    with maps.open_pin(policy_layout.POLICY_COUNTERS.pin) as found:
        key = policy_layout.POLICY_COUNTERS.pack_key(number=7, kind=policy_layout.POLICY_RULE)
        found.update({key: policy_layout.POLICY_COUNTERS.pack_value(packets=3, bytes=180)})
    counted = counters()[7, policy_layout.POLICY_RULE]
    changed = rule_set(23, [NEAR, TCP, 443, 32, 7])
    after = given(isolated(ingress=23), isolated(DB, egress=22), sets=(changed, OUT), partition=6)
    done = four_runs("policy", **after)
    assert done["changes"] == [
        "create policy set 23",
        "create classes of addresses 6",
        "change policies of pod 10.111.160.1",
        "change policies of pod 10.111.160.2",
    ]
    assert done["diff"]["before"]["policies of pod 10.111.160.1"] == {
        "partition": 5,
        "ingress": "default/web (set 21)",
    }
    # What packets on their way have read is there still.
    assert {(21, 2, 6, 80, 32), (23, 2, 6, 443, 32)} <= rules().keys()
    assert {partition for partition, _block in classes()} == {5, 6}
    done = four_runs("policy", **after, purge=True)
    assert done["changes"] == ["remove policy set 21", "remove classes of addresses 5"]
    assert pods() == {WEB: (6, 23, 0, 0, 0), DB: (6, 0, 22, 0, 0)}
    assert {number for number, *_rest in rules()} == {22, 23}
    assert {partition for partition, _block in classes()} == {6}
    # A rule that stays goes on counting.
    assert counters()[7, policy_layout.POLICY_RULE] == counted > 0
    assert (21, policy_layout.POLICY_SET) not in counters()


def test_an_address_that_gets_another_class_needs_no_new_entry_of_pods() -> None:
    run("policy", **given(isolated()))
    wanted = given(isolated(), classes={**CLASSES, f"{DB}/32": EVERYBODY})
    done = four_runs("policy", **wanted)
    assert done["changes"] == ["change classes of addresses 5"]
    assert classes()[5, f"{DB}/32"] == EVERYBODY
    done = four_runs("policy", **given(isolated()), purge=True)
    assert done["changes"] == ["change classes of addresses 5"]
    assert (5, f"{DB}/32") not in classes()


def test_what_a_hand_has_changed_is_mended() -> None:
    run("policy", **given(isolated()))
    with maps.open_pin(policy_layout.POLICY_RULES.pin) as found:
        (entry,) = [key for key in found.items() if key[8:12] == bytes([0, 0, 0, NEAR])]
        found.delete([entry])
        found.update({entry[:14] + b"\1\0": (7).to_bytes(4, "little")})
    with maps.open_pin(policy_layout.POLICY_NAMES.pin) as found:
        found.delete(list(found.items()))
    done = four_runs("policy", **given(isolated()), purge=True)
    assert done["changes"] == ["change policy set 21"]
    assert done["diff"]["before"]["policy set 21"]["differ"] == 2
    assert (21, 2, 6, 80, 32) in rules()
    assert (21, 2, 6, 256, 32) not in rules()
    assert names()[21, policy_layout.POLICY_SET] == "ingress default/web"


def test_a_pod_that_is_not_listed_is_judged_no_more() -> None:
    run("policy", **given(isolated()))
    run("endpoints", **options([pod("web", 1, isolated=True), pod("db", 2)]))
    assert flags(WEB) == layout.ENDPOINT_ISOLATED
    done = four_runs("policy", **given(), purge=True)
    assert "remove policies of pod 10.111.160.1" in done["changes"]
    assert flags(WEB) == flags(DB) == 0
    assert pods() == {}
    run("endpoints", **options([pod("web", 1), pod("db", 2)]))


def test_without_writing_alone_what_no_pod_has_goes() -> None:
    run("policy", **given(isolated()))
    run("endpoints", **options([pod("web", 1, isolated=True), pod("db", 2)]))
    after = given(isolated(DB, egress=22), sets=(OUT,), partition=6)
    done = four_runs("policy", **after, write=False, purge=True)
    assert done["changes"] == [
        "remove policy set 21",
        "remove classes of addresses 5",
        "remove policies of pod 10.111.160.1",
    ]
    assert (pods(), classes()) == ({}, {})
    assert {number for number, *_rest in rules()} == {22}  # it was there, and stays
    # Nobody is judged by sets that are gone.
    assert flags(WEB) == 0
    run("endpoints", **options([pod("web", 1), pod("db", 2)]))


def test_an_endpoint_says_that_it_is_isolated() -> None:
    run("policy", **given(isolated()))
    listed = [pod("web", 1, isolated=True), pod("db", 2)]
    done = four_runs("endpoints", **options(listed))
    assert done["changes"] == ["change endpoint web"]
    assert done["diff"]["after"]["endpoint web"] == {"map_entry": "whole", "isolated": True}
    assert (flags(WEB), flags(DB)) == (layout.ENDPOINT_ISOLATED, 0)
    done = four_runs("endpoints", **options([pod("web", 1), pod("db", 2)]))
    assert done["changes"] == ["change endpoint web"]
    assert flags(WEB) == 0


def test_notes_of_what_no_rule_allows_any_more_go() -> None:
    both = rule_set(24, [NEAR, TCP, 80, 32, 7], [NEAR, TCP, 81, 32, 7])
    wide = isolated(ingress=24, egress=22)
    run("policy", **given(wide, sets=(both, OUT)))
    answers = {
        **note(WEB, 80, PEER_IP, 1001, EGRESS),
        **note(WEB, 81, PEER_IP, 1002, EGRESS),
        **note("10.111.160.9", 443, WEB, 1003, INGRESS),
        **note("192.0.2.9", 443, WEB, 1004, INGRESS),
        **note("10.111.160.77", 443, PEER_IP, 1, EGRESS),
    }
    write(answers)
    flow = {**note(WEB, 80, PEER_IP, 1005, 0)}
    write({key: bytes(36) + bytes(len(value) - 36) for key, value in flow.items()})
    # Neither is a pod that nobody judges, nor one of everybody's class, which the set keeps out.
    assert (
        "create policy set 21" in run("policy", **given(isolated(egress=22, ingress=21)))["changes"]
    )
    # The second has no rule any more, and its answers one of their own: it says who began.
    assert notes() == {
        (WEB, 80, PEER_IP, 1001, EGRESS),
        (WEB, 81, PEER_IP, 1002, EGRESS),
        ("10.111.160.9", 443, WEB, 1003, INGRESS),
    }
    with maps.open_pin(nat_layout.NAT.pin) as found:
        assert found.get(next(iter(flow))) is not None
    # One that a run left which was killed is a difference of its own.
    write(note("192.0.2.9", 443, WEB, 1004, INGRESS))
    done = four_runs("policy", **given(isolated(egress=22, ingress=21)))
    assert done["changes"] == ["remove notes of connections"]
    run("policy", purge=True)


def test_connections_that_policies_allow_stay_when_they_are_switched_on() -> None:
    both = {"ingress": 21, "egress": 22}
    peer, own = ("peer", PEER_IP), ("web", WEB)
    with contextlib.ExitStack() as stack:
        connect(stack, (*peer, 1001), (*own, 80))
        connect(stack, (*peer, 1002), (*own, 81))
        connect(stack, (*own, 1003), (*peer, 9000))
        run("policy", **given(isolated(netns="web", **both)))
        assert notes() == set()
        run("endpoints", **options([pod("web", 1, isolated=True), pod("db", 2)]))
        assert notes() == {(WEB, 80, PEER_IP, 1001, EGRESS), (PEER_IP, 9000, WEB, 1003, INGRESS)}
        kinds = {
            nat_layout.NAT.key_row(key).reserved: nat_layout.NAT.value_row(value).flags
            for key, value in table().items()
        }
        live = nat_layout.NAT_POLICY | nat_layout.NAT_ANSWERED
        assert kinds == {EGRESS: live | nat_layout.NAT_OUTSIDE, INGRESS: live}
        # Once it is judged, programs take note themselves.
        empty()
        run("endpoints", **options([pod("web", 1, isolated=True), pod("db", 2, isolated=False)]))
        assert notes() == set()
    run("policy", purge=True)
    run("endpoints", **options([pod("web", 1), pod("db", 2)]))


def test_connections_stay_when_a_judged_pod_is_isolated_in_one_more_direction() -> None:
    with contextlib.ExitStack() as stack:
        connect(stack, ("web", WEB, 1003), ("peer", PEER_IP, 9000))
        run("policy", **given(isolated(netns="web", egress=22)))
        run("endpoints", **options([pod("web", 1, isolated=True), pod("db", 2)]))
        assert notes() == {(PEER_IP, 9000, WEB, 1003, INGRESS)}
        empty()
        run("policy", **given(isolated(netns="web", egress=22, ingress=21)))
        assert notes() == {(PEER_IP, 9000, WEB, 1003, INGRESS)}
    run("policy", purge=True)
    run("endpoints", **options([pod("web", 1), pod("db", 2)]))


def test_a_pod_that_goes_takes_its_notes_along() -> None:
    run("policy", **given(isolated(), isolated(DB)))
    write(note(DB, 80, PEER_IP, 1001, EGRESS))
    write(note(PEER_IP, 80, DB, 1002, INGRESS))
    write(note(WEB, 80, DB, 1003, EGRESS))
    write(note(WEB, 80, PEER_IP, 1004, EGRESS))
    run("endpoints", **options([pod("web", 1)]))
    assert notes() == {(WEB, 80, PEER_IP, 1004, EGRESS)}
    run("endpoints", **options([pod("web", 1), pod("db", 2)]))


def test_notes_are_no_translated_flows() -> None:
    run("policy", **given(isolated()))
    write(note(WEB, 80, PEER_IP, 1001, EGRESS))
    found = run("nat_info", all=True)
    assert (found["entries"], found["matched"]) == ([], 0)
    assert found["table"]["notes"] == found["table"]["used"] == 1
    quota = nat_layout.NAT_QUOTA
    with maps.open_pin(quota.pin) as accounts:
        kinds = nat_layout.NAT_POLICY, nat_layout.NAT_POLICY | nat_layout.NAT_OUTSIDE
        keys = [quota.pack_key(address=WEB, kind=kind) for kind in kinds]
        accounts.update({key: quota.pack_value(flows=2, refused=1) for key in keys})
        told = run("nat_info")["accounts"]
        accounts.delete(keys)
    assert sorted(one["kind"] for one in told) == ["policy", "policy_outside"]


def test_node_info_says_which_classes_a_node_knows() -> None:
    found = run("node_info")
    assert (found["holds_policies"], found["policy_classes"]) == (False, {})
    run("policy", **given(isolated()))
    run("policy", **given(isolated(), partition=6, classes={**CLASSES, "fd00::/8": 3}))
    found = run("node_info")
    assert found["holds_policies"] is True
    assert found["policy_classes"] == {**CLASSES, "fd00::/8": 3}


def whole() -> bool:
    """Say whether every pod finds the classes and the whole of each set that it has."""
    sizes = {number: sum(key[0] == number for key in rules()) for number in (21, 22, 23)}
    found = {partition for partition, _block in classes()}
    needed = {21: 1, 22: 2, 23: 2}
    return all(
        pod[0] in found and all(sizes[number] == needed[number] for number in pod[1:] if number)
        for pod in pods().values()
    )


@pytest.mark.parametrize("purge", [False, True])
def test_a_killed_run_leaves_no_pod_with_half_a_set_and_the_next_one_ends_it(purge: bool) -> None:
    changed = rule_set(23, [NEAR, TCP, 443, 32, 7], [NEAR, TCP, 80, 32, 7])
    listed = isolated(ingress=23), isolated(DB, egress=22)
    after = given(*listed, sets=(changed, OUT), partition=6, purge=purge)
    for number in itertools.count(1):
        run("policy", **given(isolated(), isolated(DB, egress=22)), purge=True)
        write(note(WEB, 81, PEER_IP, 1002, EGRESS))
        done = forked("policy", number, **after)
        assert whole(), number
        if done is not None:
            break
        run("policy", **after)
        assert run("policy", **after)["changes"] == [], number
        assert pods() == {WEB: (6, 23, 0, 0, 0), DB: (6, 0, 22, 0, 0)}
        # What web answers passes in any case: who began it stays known.
        assert notes() == {(WEB, 81, PEER_IP, 1002, EGRESS)}
    assert number > 5


def test_policy_info_says_what_policies_do() -> None:
    audited = rule_set(25, [0, TCP, 0, 16, 8], name="default/try", way="egress")
    web = isolated(ingress=21, audit_egress=25)
    run("policy", **given(web, isolated(DB, egress=22), sets=(IN, OUT, audited)))
    kinds = ((7, policy_layout.POLICY_RULE), (21, policy_layout.POLICY_SET))
    table = policy_layout.POLICY_COUNTERS
    with maps.open_pin(table.pin) as found:
        for number, kind in (*kinds, (25, policy_layout.POLICY_AUDIT)):
            each = [table.pack_value(packets=number, bytes=cpu) for cpu in range(2)]
            each += [bytes(16)] * (maps.possible_cpus() - 2)
            key = table.pack_key(number=number, kind=kind)
            found.restore({key: maps.all_cpus(each[: maps.possible_cpus()])})
    write(note(WEB, 80, PEER_IP, 1001, EGRESS))
    told = run("policy_info")
    assert told["policies"] == [
        {
            "name": "default/db",
            "audit": False,
            "ingress": [],
            "egress": ["db"],
            "rules": [{"name": "default/db egress[0]", "number": 8, "packets": 0, "bytes": 0}],
        },
        {"name": "default/try", "audit": True, "ingress": [], "egress": ["web"], "rules": []},
        {
            "name": "default/web",
            "audit": False,
            "ingress": ["web"],
            "egress": [],
            "rules": [{"name": "default/web ingress[0]", "number": 7, "packets": 14, "bytes": 1}],
        },
    ]
    nothing = {"packets": 0, "bytes": 0}
    dropped = {one["number"]: (one["dropped"], one["would_drop"]) for one in told["sets"]}
    assert dropped == {
        21: ({"packets": 42, "bytes": 1}, nothing),
        22: (nothing, nothing),
        25: (nothing, {"packets": 50, "bytes": 1}),
    }
    assert [one["entries"] for one in told["sets"]] == [1, 2, 1]
    none = {"ingress": [], "egress": [], "audit_ingress": [], "audit_egress": []}
    assert told["pods"] == [
        {
            "name": "web",
            "ip": WEB,
            "judged": False,
            **none,
            "ingress": ["default/web"],
            "audit_egress": ["default/try"],
        },
        {"name": "db", "ip": DB, "judged": False, **none, "egress": ["default/db"]},
    ]
    assert (told["isolated"], told["audited"]) == ({"ingress": 1, "egress": 1}, 1)
    assert told["notes"] == 1
    used = {one["name"]: one["used"] for one in told["maps"]}
    assert used == {one.name: len(dump(one.name)) for one in policy_layout.TABLES}
    assert told["report"].startswith(
        "Policy        Mode       Ingress of   Egress of\n"
        "default/db    enforced   -            db\n"
        "default/try   audit      -            web\n"
        "default/web   enforced   web          -\n"
        "\n"
        "Rule                     Packets   Bytes\n"
    )
    assert [one["name"] for one in run("policy_info", name="*/web")["policies"]] == ["default/web"]


def table() -> dict[bytes, bytes]:
    with maps.open_pin(nat_layout.NAT.pin) as found:
        return dict(found.items())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"classes": {"10.0.0.1/8": 1}},
            "classes: '10.0.0.1/8' is not a prefix; valid is one like 10.0.0.0/8 or fd00::/8.",
        ),
        (
            {"classes": {"10.0.0.0/8": 0}},
            "classes['10.0.0.0/8']: 0 is not a number from 1 to 4294967295.",
        ),
        ({"partition": 0}, "partition: 0 has no classes; valid is a number from 1 to 4294967295."),
        (
            {"pods": [isolated(ingress=99)]},
            "pods[0].ingress: 99 is no set of ingress; valid is the number of one of sets with the "
            "direction ingress, or 0 for a pod that is not isolated.",
        ),
        ({"pods": [isolated(ingress=22)]}, "pods[0].ingress: 22 is no set of ingress; "),
        (
            {"pods": [isolated(), isolated()]},
            "pods[1].ip: 10.111.160.1 stands in the list already; name it once.",
        ),
        (
            {"pods": [isolated("web")]},
            "pods[0].ip: 'web' is not an address; valid is one like 10.111.160.1.",
        ),
        (
            {"sets": [rule_set(21, [1, 6, 80, 16, 7])]},
            "sets[0].entries[0]: [1, 6, 80, 16, 7] is not a list of five numbers: class, protocol ",
        ),
        ({"sets": [rule_set(21, [1, 6, 80, 7])]}, "sets[0].entries[0]: [1, 6, 80, 7] is not "),
        ({"sets": [rule_set(21, [1, 6, 70000, 32, 7])]}, "sets[0].entries[0]: [1, 6, 70000, 32"),
        ({"sets": [IN, IN]}, "sets[1].number: 21 stands in the list already; name it once."),
        ({"rules": {"x": "y"}}, "rules['x']: 'x' is not a number from 1 to 4294967295."),
    ],
)
def test_bad_input_is_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    fails("policy", sentence, **{**given(), **wrong})
    for one in policy_layout.TABLES:
        assert dump(one.name) == []


def test_without_maps_it_says_who_makes_them(node: None) -> None:
    pin = policy_layout.POLICY_RULES.pin
    (item,) = [each for each in tasks.build(plan())["maps"] if each["name"] == "policy_rules"]
    do("rm", pin)
    try:
        assert run_module("policy", check=True, **given(isolated()))["changed"]
        done = run_module("policy", **given(isolated()))
        assert done.failed
        assert done["msg"] == (
            f"map 'policy_rules' is not pinned at {pin}; the roles native_routing and overlay pin "
            "the maps of policies."
        )
        assert pods() == {}
    finally:
        run("bpf_map", maps=[item])
