"""bpf_map: made, filled, read and migrated on the real kernel."""

from __future__ import annotations

import ipaddress
import struct
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import (
    bpf_map,
    bpf_map_carry,
    bpf_map_wanted,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps, syscall
from ansible_collections.podnet.fabric.plugins.module_utils.engine.map_spec import MapSpec
from ansible_collections.podnet.fabric.plugins.module_utils.specs.bpf_map import SPEC
from bpf_support import bpftool, dump
from running import fails, four_runs, run_module

from tests.clock import spent

pytest_plugins = ["bpf_host"]

PATH = "/sys/fs/bpf/podnet/maps/t"
U32 = [{"name": "n", "type": "u32"}]
ADDRESS = [{"name": "address", "type": "ipv4"}]
BACKEND = [
    {"name": "backend", "type": "ip16"},
    {"name": "port", "type": "be16"},
    {"type": "pad(2)"},
]
PREFIX = [{"name": "prefixlen", "type": "u32"}, *ADDRESS]

pytestmark = pytest.mark.usefixtures("host")


def table(**options: Any) -> dict[str, Any]:
    return {
        "maps": [{"path": PATH, "key": ADDRESS, "value": BACKEND, "max_entries": 100, **options}]
    }


def entry(number: int, port: int = 80) -> dict[str, Any]:
    address = str(ipaddress.IPv4Address("10.0.0.0") + number)
    return {"key": {"address": address}, "value": {"backend": address, "port": port}}


def packed(number: int, port: int = 80) -> tuple[bytes, bytes]:
    address = (ipaddress.IPv4Address("10.0.0.0") + number).packed
    return address, bytes(10) + b"\xff\xff" + address + struct.pack(">Hxx", port)


@pytest.mark.parametrize("kind", ["hash", "lru_hash"])
def test_hash_is_made_and_filled(kind: str) -> None:
    four_runs("bpf_map", **table(type=kind, entries=[entry(1), entry(2)]))
    assert dump(PATH) == dict([packed(1), packed(2)])
    shown = bpftool("map", "show", "pinned", PATH)
    assert (shown["type"], shown["name"], shown["max_entries"]) == (kind, "t", 100)
    assert Path(PATH).parent.stat().st_mode & 0o777 == 0o700
    assert Path(PATH).stat().st_mode & 0o077 == 0


def test_where_no_bpffs_is_nothing_is_pinned(tmp_path: Path) -> None:
    path = str(tmp_path / "pins/t")
    said = f"{path} lies on no bpffs; mount one (mount -t bpf bpf /sys/fs/bpf)"
    foreseen = run_module("bpf_map", check=True, **table(path=path))
    assert foreseen["changed"] is True
    assert foreseen.warned == [f"{said}: the task fails unless an earlier one mounts it."]
    assert run_module("bpf_map", **table(path=path))["msg"] == f"{said}."
    assert not Path(path).parent.exists()
    assert run_module("bpf_map", **table(path=path, state="absent"))["changed"] is False


@pytest.mark.parametrize("kind", ["percpu_hash", "lru_percpu_hash"])
def test_every_cpu_gets_the_value(kind: str) -> None:
    entries = [{"key": {"n": 1}, "value": {"n": 7}}]
    four_runs("bpf_map", **table(type=kind, key=U32, value=U32, entries=entries))
    (found,) = bpftool("map", "dump", "pinned", PATH)
    assert {tuple(cpu["value"][:4]) for cpu in found["values"]} == {
        ("0x07", "0x00", "0x00", "0x00")
    }


@pytest.mark.parametrize("kind", ["array", "percpu_array"])
def test_array_entries_are_set_and_the_others_stay(kind: str) -> None:
    four_runs(
        "bpf_map",
        **table(
            type=kind,
            key=U32,
            value=U32,
            max_entries=4,
            entries=[{"key": {"n": 2}, "value": {"n": 9}}],
        ),
    )
    words = [
        (found["value"] if kind == "array" else found["values"][0]["value"])[0]
        for found in bpftool("map", "dump", "pinned", PATH)
    ]
    assert words == ["0x00", "0x00", "0x09", "0x00"]


def test_lpm_trie_finds_the_longest_prefix() -> None:
    entries = [
        {"key": {"prefixlen": 8, "address": "10.0.0.0"}, "value": {"n": 1}},
        {"key": {"prefixlen": 24, "address": "10.1.1.0"}, "value": {"n": 2}},
    ]
    done = four_runs("bpf_map", **table(type="lpm_trie", key=PREFIX, value=U32, entries=entries))
    assert "10.1.1.0/24" in done["diff"]["after"][f"entries of map {PATH}"]
    key = ["key", "hex", "20", "00", "00", "00", "0a", "01", "01", "05"]
    assert bpftool("map", "lookup", "pinned", PATH, *key)["value"][0] == "0x02"


def test_prog_array_takes_pinned_programs() -> None:
    from bpf_support import program

    text = {
        "source": "int tail(struct __sk_buff *skb)\n{ return skb->len; }\n",
        "type": "sched_cls",
    }
    made = program({"name": "tail", **text})
    pin = made["programs"][0]["pin"]
    entries = [{"key": {"n": 1}, "value": {"program": pin}}]
    options = table(
        type="prog_array", key=U32, value=[], max_entries=4, entries=entries, purge=True
    )
    four_runs("bpf_map", **options)
    shown = {
        found["key"][0]: found["value"]
        for found in bpftool("map", "dump", "pinned", PATH)
        if isinstance(found.get("value"), list)
    }
    number = made["programs"][0]["id"]
    assert shown == {"0x01": [f"0x{byte:02x}" for byte in struct.pack("I", number)]}


def test_diff_names_only_the_entries_that_differ() -> None:
    run_module("bpf_map", **table(entries=[entry(1), entry(2)]))
    done = four_runs("bpf_map", **table(entries=[entry(1), entry(2, port=81), entry(3)]))
    what = f"entries of map {PATH}"
    assert done["diff"]["before"][what] == {
        "10.0.0.2": {"backend": "10.0.0.2", "port": 80},
        "10.0.0.3": None,
    }
    assert done["diff"]["after"][what]["10.0.0.2"]["port"] == 81
    assert dump(PATH) == dict([packed(1), packed(2, 81), packed(3)])


def test_purge_removes_what_is_not_listed_and_only_when_asked() -> None:
    run_module("bpf_map", **table(entries=[entry(1), entry(2)]))
    four_runs("bpf_map", **table(entries=[entry(3)]))
    assert len(dump(PATH)) == 3
    done = four_runs("bpf_map", **table(entries=[entry(3)], purge=True))
    assert dump(PATH) == dict([packed(3)])
    assert done["diff"]["after"][f"entries of map {PATH}"] == {"10.0.0.1": None, "10.0.0.2": None}


def test_purge_of_a_full_map_makes_room_first() -> None:
    run_module("bpf_map", **table(max_entries=2, entries=[entry(1), entry(2)]))
    four_runs("bpf_map", **table(max_entries=2, entries=[entry(3), entry(4)], purge=True))
    assert dump(PATH) == dict([packed(3), packed(4)])


def test_drift_is_repaired_and_only_that_is_reported() -> None:
    options = table(entries=[entry(1), entry(2)])
    run_module("bpf_map", **options)
    bpftool("map", "delete", "pinned", PATH, "key", "hex", "0a", "00", "00", "02")
    done = four_runs("bpf_map", **options)
    assert done["changes"] == [f"change entries of map {PATH}"]
    assert list(done["diff"]["after"][f"entries of map {PATH}"]) == ["10.0.0.2"]


def test_absent_removes_the_pin() -> None:
    run_module("bpf_map", **table())
    four_runs("bpf_map", maps=[{"path": PATH, "state": "absent"}])
    assert not Path(PATH).exists()


def test_a_map_of_another_shape_is_an_error() -> None:
    run_module("bpf_map", **table(entries=[entry(1)]))
    fails("bpf_map", PATH, "max_entries 100 instead of 200", "migrate", **table(max_entries=200))
    assert dump(PATH) == dict([packed(1)])


def test_migration_to_more_room_keeps_the_entries() -> None:
    run_module("bpf_map", **table(entries=[entry(1)]))
    before = bpftool("map", "show", "pinned", PATH)["id"]
    done = four_runs("bpf_map", **table(max_entries=200, on_mismatch="migrate", entries=[entry(2)]))
    assert dump(PATH) == dict([packed(1), packed(2)])
    shown = bpftool("map", "show", "pinned", PATH)
    assert shown["id"] != before
    assert shown["max_entries"] == 200
    assert done["diff"]["after"][f"map {PATH}"] == {"max_entries": 200, "entries_carried_over": 1}


def test_migration_to_other_fields_keeps_those_of_the_same_name() -> None:
    run_module("bpf_map", **table(entries=[entry(1)]))
    weight = {"name": "weight", "type": "u32"}
    wider = table(value=[weight, *BACKEND], on_mismatch="migrate")
    fails("bpf_map", "old_value", **wider)
    wider["maps"][0]["old_value"] = BACKEND
    four_runs("bpf_map", **wider)
    key, value = packed(1)
    assert dump(PATH) == {key: bytes(4) + value}


def test_values_that_grew_at_their_end_need_no_description_of_the_old_ones() -> None:
    run_module("bpf_map", **table(entries=[entry(1)]))
    longer = [*BACKEND, {"name": "weight", "type": "u32"}]
    four_runs("bpf_map", **table(value=longer, on_mismatch="grow"))
    key, value = packed(1)
    assert dump(PATH) == {key: value + bytes(4)}


def test_a_key_that_grew_is_described_as_it_was() -> None:
    run_module("bpf_map", **table(entries=[entry(1)]))
    longer = table(key=[*ADDRESS, {"name": "family", "type": "u32"}], on_mismatch="grow")
    fails("bpf_map", "old_key", **longer)
    longer["maps"][0]["old_key"] = ADDRESS
    four_runs("bpf_map", **longer)
    key, value = packed(1)
    assert dump(PATH) == {key + bytes(4): value}
    # Once it has the new key, the old one says nothing: not even where the map grows again.
    longer["maps"][0]["max_entries"] *= 2
    four_runs("bpf_map", **longer)
    assert dump(PATH) == {key + bytes(4): value}


@pytest.mark.parametrize("kind", ["hash", "lru_hash"])
def test_what_programs_begin_in_the_old_map_is_carried_over_when_they_are_replaced(
    kind: str,
) -> None:
    """As one process does it that replaces maps, then programs."""
    one, two, three = map(packed, (1, 2, 3))
    run_module("bpf_map", **table(type=kind, entries=[entry(1)]))
    larger = ArgumentSpecValidator(SPEC.arguments).validate(
        table(type=kind, max_entries=256, on_mismatch="grow")
    )
    items = [bpf_map_wanted.wanted(item) for item in larger.validated_parameters["maps"]]
    with maps.open_pin(PATH) as old:
        bpf_map.converge(items, check_mode=False)
        with maps.open_pin(PATH) as new:
            old.restore(dict([two, three]))  # by programs of before
            new.restore({three[0]: two[1]})  # by those of now
            new.delete([one[0]])
            for _time in range(2):
                bpf_map_carry.catch_up()
                # What is there stays as it is, and what was carried over and has gone stays away.
                assert dump(PATH) == {two[0]: two[1], three[0]: two[1]}
    bpf_map_carry.leave()


COUNTED = [{"name": "limit", "type": "u64"}, {"name": "packets", "type": "u64", "keep": True}]


def limited(limit: int, **more: int) -> dict[str, Any]:
    return {"key": {"n": 1}, "value": {"limit": limit, **more}}


def set_by_a_program(*numbers: int) -> None:
    """Write the entry 1 of a map as a program would: of a per-CPU map on the first CPU alone."""
    held = maps.open_pin(PATH)
    assert held is not None
    with held:
        key, slot = struct.pack("=I", 1), 8 * len(numbers)
        rest = (held.get(key) or b"")[slot:]
        held.restore({key: struct.pack(f"={len(numbers)}Q", *numbers) + rest})


def numbers_of() -> list[tuple[int, ...]]:
    """The fields of the entry 1, on each CPU."""
    held = maps.open_pin(PATH)
    assert held is not None
    with held:
        raw = held.get(struct.pack("=I", 1)) or b""
        return [struct.unpack_from("=2Q", raw, at) for at in range(0, len(raw), 16)]


@pytest.mark.parametrize("kind", ["hash", "array", "percpu_hash", "percpu_array"])
def test_what_a_program_counts_in_a_listed_entry_stays(kind: str) -> None:
    def wish(limit: int, **more: int) -> dict[str, Any]:
        shape = {"type": kind, "key": U32, "value": COUNTED, "max_entries": 4}
        return table(**shape, entries=[limited(limit, **more)])

    four_runs("bpf_map", **wish(5))
    assert set(numbers_of()) == {(5, 0)}
    set_by_a_program(5, 70)
    counted = numbers_of()
    assert counted[0] == (5, 70)
    for check in (True, False):  # a start value is for a new entry
        again = run_module("bpf_map", check=check, **wish(5, packets=3))
        assert (again["changed"], numbers_of()) == (False, counted)
    done = four_runs("bpf_map", **wish(6))
    assert numbers_of() == [(6, packets) for _limit, packets in counted]
    assert done["changes"] == [f"change entries of map {PATH}"]


def test_an_entry_that_is_all_counters_is_made_once_and_left_alone() -> None:
    value = [{"name": name, "type": "u64", "keep": True} for name in ("packets", "bytes")]
    wish = table(key=U32, value=value, purge=True, entries=[{"key": {"n": 1}}])
    four_runs("bpf_map", **wish)
    set_by_a_program(7, 700)
    assert not run_module("bpf_map", **wish)["changed"]
    assert numbers_of() == [(7, 700)]
    # A map of more room takes it along.
    four_runs("bpf_map", maps=[{**wish["maps"][0], "max_entries": 200, "on_mismatch": "migrate"}])
    assert numbers_of() == [(7, 700)]


def test_bits_behind_a_prefix_are_refused_and_those_of_others_are_that_entry() -> None:
    def wish(address: str) -> dict[str, Any]:
        entries = [{"key": {"prefixlen": 8, "address": address}, "value": {"n": 1}}]
        return table(type="lpm_trie", key=PREFIX, value=U32, purge=True, entries=entries)

    valid = "10.0.0.0/8 is valid"
    fails("bpf_map", "bits behind its prefix", valid, **wish("10.0.0.5"))
    four_runs("bpf_map", **wish("10.0.0.0"))
    key = ["key", "hex", "08", "00", "00", "00", "0a", "00", "00", "05"]
    bpftool("map", "update", "pinned", PATH, *key, "value", "hex", "02", "00", "00", "00")
    four_runs("bpf_map", **wish("10.0.0.0"))
    assert list(dump(PATH).values()) == [struct.pack("=I", 1)]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (
            {"value": U32, "entries": [{"key": {"address": "10.0.0.1"}, "value": {"n": 1.5}}]},
            ["1.5"],
        ),
        ({"key": [{"name": "a", "type": "u33"}]}, ["'u33'", "be16"]),
        ({"key": []}, ["key, value and max_entries"]),
        ({"entries": [entry(1), entry(1)]}, ["10.0.0.1", "twice"]),
        ({"entries": [entry(n) for n in range(101)]}, ["101 entries", "max_entries 100"]),
        ({"entries": [{"key": {"address": "10.0.0.300"}, "value": {}}]}, ["10.0.0.300", "ipv4"]),
        ({"type": "array", "purge": True}, ["purge", "always there"]),
        ({"name": "much-too-long-a-name"}, ["15 letters"]),
    ],
)
def test_bad_input_is_one_clear_error_and_nothing_is_made(
    options: dict[str, Any], parts: list[str]
) -> None:
    fails("bpf_map", *parts, **table(**options))
    assert not Path(PATH).exists()


def test_a_path_that_is_no_bpffs_is_refused() -> None:
    done = run_module("bpf_map", maps=[{**table()["maps"][0], "path": "/tmp/no/bpffs"}])
    assert done.failed
    assert "bpffs" in done["msg"]


@pytest.mark.parametrize(("count", "seconds"), [(10_000, 5)])
def test_a_whole_table_in_one_call(count: int, seconds: float) -> None:
    options = table(max_entries=count, entries=[entry(n) for n in range(count)], purge=True)
    start = spent()
    assert run_module("bpf_map", **options)["changed"]
    first = spent() - start
    assert not run_module("bpf_map", **options)["changed"]
    assert len(dump(PATH)) == count
    assert first < seconds


COUNTS = [{"name": "packets", "type": "u64"}, {"name": "bytes", "type": "u64"}]


def counted(spec: MapSpec) -> dict[bytes, list[bytes]]:
    """Pin a map of one more for each CPU in each of its entries; return them, a value a CPU."""
    keys = [struct.pack("=I", number) for number in range(spec.max_entries)]
    size, cpus = spec.value_size // 8, maps.possible_cpus()
    with maps.create(spec) as made:
        for number, key in enumerate(keys):
            words = [1000 * number + cpu + 1 for cpu in range(cpus) for _word in range(size)]
            syscall.map_update(made.fd, key, struct.pack(f"={len(words)}Q", *words))
        made.pin(PATH)
        return made.per_cpu()


@pytest.mark.parametrize("kind", ["percpu_array", "percpu_hash", "lru_percpu_hash"])
@pytest.mark.parametrize("on_mismatch", ["grow", "migrate"])
def test_what_each_cpu_counted_is_carried_over(kind: str, on_mismatch: str) -> None:
    before = counted(MapSpec("t", kind, 4, 16, 256))
    four_runs(
        "bpf_map",
        **table(type=kind, key=U32, value=COUNTS, max_entries=1024, on_mismatch=on_mismatch),
    )
    with maps.open_pin(PATH) as found:
        assert found.spec.max_entries == 1024
        held = found.per_cpu()
    assert {key: held[key] for key in before} == before
    others = [value for key, value in held.items() if key not in before]
    assert len(others) == (768 if kind == "percpu_array" else 0)
    assert not any(any(value) for values in others for value in values)


def test_counts_that_got_a_field_more_are_carried_over() -> None:
    before = counted(MapSpec("t", "percpu_array", 4, 8, 16))
    options = table(
        type="percpu_array", key=U32, value=COUNTS, max_entries=32, on_mismatch="grow", entries=[]
    )
    four_runs("bpf_map", **options)
    with maps.open_pin(PATH) as found:
        held = found.per_cpu()
    assert {key: held[key] for key in before} == {
        key: [value + bytes(8) for value in values] for key, values in before.items()
    }


def test_entries_of_a_task_are_set_on_every_cpu_when_a_map_grows() -> None:
    before = counted(MapSpec("t", "percpu_hash", 4, 16, 4))
    entries = [{"key": {"n": 1}, "value": {"packets": 7, "bytes": 70}}]
    options = {"key": U32, "value": COUNTS, "max_entries": 8, "entries": entries}
    four_runs("bpf_map", **table(type="percpu_hash", on_mismatch="grow", **options))
    with maps.open_pin(PATH) as found:
        held = found.per_cpu()
    before[struct.pack("=I", 1)] = [struct.pack("=QQ", 7, 70)] * maps.possible_cpus()
    assert held == before


@pytest.mark.parametrize(
    ("kind", "key"), [("hash", U32), ("lru_hash", U32), ("array", U32), ("lpm_trie", PREFIX)]
)
def test_every_kind_grows_with_its_entries(kind: str, key: list[dict[str, str]]) -> None:
    of = {
        "array": [{"n": number} for number in range(4)],
        "lpm_trie": [{"prefixlen": 32, "address": f"10.0.0.{number}"} for number in range(4)],
    }
    keys = of.get(kind, of["array"])
    entries = [{"key": one, "value": {"n": 7 + number}} for number, one in enumerate(keys)]
    small = {"type": kind, "key": key, "value": U32, "entries": entries, "max_entries": 4}
    assert not run_module("bpf_map", **table(**small)).failed
    before = dump(PATH)
    larger = {**small, "entries": [], "max_entries": 64, "on_mismatch": "grow"}
    four_runs("bpf_map", **table(**larger))
    assert {key: value for key, value in dump(PATH).items() if key in before} == before
    assert bpftool("map", "show", "pinned", PATH)["max_entries"] == 64


def test_per_cpu_and_one_for_all_are_not_made_of_each_other() -> None:
    counted(MapSpec("t", "percpu_array", 4, 16, 4))
    fails(
        "bpf_map",
        *(PATH, "per-CPU", "remove the map"),
        **table(type="array", key=U32, value=COUNTS, max_entries=4, on_mismatch="migrate"),
    )
