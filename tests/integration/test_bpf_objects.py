# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that another host compiled: loaded without a compiler, or refused."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_sources
from bpf_support import bpftool, dump, hide, ping, sources
from running import four_runs, run, run_module

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["bpf_host"]

MAPS = "/sys/fs/bpf/mine/maps"
#: Counts in one map and reads its answer from the other: bound the wrong way round it does neither.
SOURCE = """
unsigned long long bpf_pseudo_fd(unsigned long long, unsigned long long) __asm__("llvm.bpf.pseudo");
#define MAP(name) ((void *)bpf_pseudo_fd(1, PN_FD_##name))
static void *(*const lookup)(void *map, const void *key) = (void *)1;

int gate(struct __sk_buff *skb)
{
    unsigned int zero = 0;
    unsigned long long *count = lookup(MAP(zz_count), &zero);
    int *answer = lookup(MAP(aa_answer), &zero);
    if (count)
        *count += 1;
    return answer ? *answer : -1;
}

int door(struct __sk_buff *skb)
{
    return -1;
}
"""
GATE = {
    "name": "gate",
    "source": SOURCE,
    "maps": {name: f"{MAPS}/{name}" for name in ("zz_count", "aa_answer")},
    "attach": [{"hook": "tc_ingress", "device": "eth0"}],
}
DOOR = {**GATE, "name": "door", "attach": [], "type": "sched_cls"}


@pytest.fixture
def maps(pair: None) -> None:
    """Make the maps: the answer is to go on."""
    array = {"type": "array", "key": [{"name": "at", "type": "u32"}], "max_entries": 1}
    wide, narrow = [{"name": "n", "type": "u64"}], [{"name": "n", "type": "u32"}]
    run(
        "bpf_map",
        maps=[
            {**array, "name": "zz_count", "value": wide, "path": f"{MAPS}/zz_count"},
            {**array, "name": "aa_answer", "value": narrow, "path": f"{MAPS}/aa_answer"},
        ],
    )
    answer(-1)


def answer(verdict: int) -> None:
    value = [f"0x{byte:02x}" for byte in struct.pack("=i", verdict)]
    key = ["0x00"] * 4
    bpftool("map", "update", "pinned", f"{MAPS}/aa_answer", "key", *key, "value", *value)


def compiled(*items: dict[str, Any]) -> dict[str, Any]:
    """Objects as bpf_compile makes them."""
    return run("bpf_compile", programs=list(items), _sources=sources(list(items)))["objects"]


def sent(*items: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """What a host gets that only loads."""
    light = bpf_sources.without_texts(sources(list(items)))
    return {"programs": list(items), "_sources": {**light, "objects": made}}


def test_one_object_holds_all_functions_of_a_source(maps: None) -> None:
    items = [
        {**DOOR, "name": name, "function": name, "source": SOURCE} for name in ("gate", "door")
    ]
    same = [{**item, "src": "same"} for item in items]
    gathered = sources(items[:1])
    gathered["programs"] = {"gate": 0, "door": 0}
    made = run("bpf_compile", programs=items, _sources=gathered)
    assert same
    assert len(made["objects"]) == 1
    assert set(made["keys"].values()) == set(made["objects"])
    (one,) = made["objects"].values()
    assert sorted(one["functions"]) == ["door", "gate"]
    assert one["maps"] == ["aa_answer", "zz_count"]


def test_a_host_without_a_compiler_loads_what_another_one_made(maps: None) -> None:
    made = compiled(GATE)
    hide("bcc")
    done = four_runs("bpf_program", **sent(GATE, made=made))
    shown = bpftool("prog", "show", "pinned", done["programs"][0]["pin"])
    assert (shown["name"], shown["tag"]) == ("gate", done["programs"][0]["tag"])
    pinned = {bpftool("map", "show", "pinned", path)["id"] for path in GATE["maps"].values()}
    assert pinned <= set(shown["map_ids"])
    assert ping()
    (count,) = dump(f"{MAPS}/zz_count").values()
    assert int.from_bytes(count, "little") > 0
    answer(2)
    assert not ping()


def test_it_is_the_program_that_the_host_would_have_compiled(maps: None) -> None:
    made = compiled(GATE)
    first = run("bpf_program", **sent(GATE, made=made))
    again = run("bpf_program", programs=[GATE], _sources=sources([GATE]))
    assert again["changed"] is False
    run("bpf_program", programs=[{**GATE, "state": "absent"}])
    own = run("bpf_program", programs=[GATE], _sources=sources([GATE]))
    for word in ("tag", "digest"):
        assert own["programs"][0][word] == first["programs"][0][word]


def test_what_is_lacking_is_said_and_nothing_changed(maps: None) -> None:
    hide("bcc")
    done = run("bpf_program", **sent(GATE, made={}))
    assert done["changed"] is False
    assert list(done["lacks"]["programs"]) == ["gate"]
    assert done["lacks"]["compiler"] is False
    assert not Path("/sys/fs/bpf/podnet/programs").exists()
    predicted = run_module("bpf_program", check=True, **sent(GATE, made={}))
    assert predicted["changes"] == [
        "create program gate at tc_ingress of eth0",
        "create program gate",
    ]


def test_without_a_compiler_the_source_is_no_help(maps: None) -> None:
    hide("bcc")
    done = run_module("bpf_program", programs=[GATE], _sources=sources([GATE]))
    assert done.failed
    assert "python3-bpfcc" in done["msg"]
    assert not Path("/sys/fs/bpf/podnet/programs").exists()


def resealed(one: dict[str, Any]) -> dict[str, Any]:
    """The object with a digest that fits, as who forges one would do."""
    data = {name: value for name, value in one.items() if name != "digest"}
    text = json.dumps(data, sort_keys=True).encode()
    return {**data, "digest": hashlib.sha256(text).hexdigest()}


def rewritten(one: dict[str, Any], change: Callable[[bytearray], object]) -> dict[str, Any]:
    """The object with other bytecode for gate."""
    code = bytearray(zlib.decompress(base64.b64decode(one["functions"]["gate"])))
    change(code)
    text = base64.b64encode(zlib.compress(bytes(code))).decode()
    return {**one, "functions": {**one["functions"], "gate": text}}


def first_map(code: bytearray) -> int:
    """Where the first instruction is that refers to a map."""
    return next(at for at in range(0, len(code), 8) if code[at] == 0x18 and code[at + 1] >> 4 == 1)


def other_map(code: bytearray) -> None:
    struct.pack_into("=i", code, first_map(code) + 4, 2)


def map_value(code: bytearray) -> None:
    code[first_map(code) + 1] = code[first_map(code) + 1] & 15 | 2 << 4


def cut(code: bytearray) -> None:
    del code[first_map(code) + 8 :]


def odd(code: bytearray) -> None:
    del code[-3:]


def local_call(code: bytearray) -> None:
    at = next(at for at in range(0, len(code), 8) if code[at] == 0x85)
    code[at + 1] |= 1 << 4


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "damaged": (lambda one: {**one, "license": "MIT"}, "its digest is not that of its content"),
    "a field more": (lambda one: resealed({**one, "more": 1}), "it has not the fields of one"),
    "no object": (lambda _one: ["no"], "it has not the fields of one"),
    "another format": (lambda one: resealed({**one, "format": 99}), "its format is 99; valid is 1"),
    "another machine": (
        lambda one: resealed({**one, "machine": "s390x"}),
        "its machine is 's390x'; valid is",
    ),
    "another byte order": (
        lambda one: resealed({**one, "byteorder": "big"}),
        "its byteorder is 'big'; valid is 'little'",
    ),
    "another source": (lambda one: resealed({**one, "key": "0" * 64}), "its key is '000000"),
    "maps out of order": (
        lambda one: resealed({**one, "maps": one["maps"][::-1]}),
        "its maps are no sorted list of names",
    ),
    "no functions": (lambda one: resealed({**one, "functions": {}}), "its functions have no names"),
    "no bytecode": (
        lambda one: resealed({**one, "functions": {"gate": "AAAA"}}),
        "its bytecode cannot be unpacked",
    ),
    "too much of it": (
        lambda one: resealed(rewritten(one, lambda code: code.extend(bytes(8_000_008)))),
        "its bytecode cannot be unpacked",
    ),
    "a map of nobody": (
        lambda one: resealed(rewritten(one, other_map)),
        "it refers to a map that is not one of the task's",
    ),
    "a map's value": (
        lambda one: resealed(rewritten(one, map_value)),
        "it refers to an object of the kernel that is no map",
    ),
    "half an instruction": (lambda one: resealed(rewritten(one, odd)), "bytes are no bytecode"),
    "half a reference": (
        lambda one: resealed(rewritten(one, cut)),
        "it refers to a map that is not one of the task's",
    ),
    "a call of its own": (
        lambda one: resealed(rewritten(one, local_call)),
        "it calls functions that are not inlined",
    ),
}


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("kind", BAD)
def test_an_object_that_is_none_is_refused(kind: str, maps: None, good: dict[str, Any]) -> None:
    if not good:
        good.update(compiled(GATE))
    change, part = BAD[kind]
    ((key, one),) = good.items()
    bad = {key: change(copy.deepcopy(one))}
    done = run_module("bpf_program", **sent(GATE, made=bad))
    assert done.failed
    assert f"The object {key[:16]} is refused: " in done["msg"]
    assert part in done["msg"]
    assert not Path("/sys/fs/bpf/podnet/programs").exists()


def test_what_the_verifier_refuses_is_said_with_its_instruction(maps: None) -> None:
    source = SOURCE.replace("*count += 1", "count[1] += 1")
    item = {**GATE, "source": source}
    made = compiled(item)
    done = run_module("bpf_program", **sent(item, made=made))
    assert done.failed
    assert "The kernel refused gate of gate.c at its instruction " in done["msg"]
    assert "invalid access to map value" in done["msg"]
    assert done["refused_object"] is True
    assert any("invalid access" in line for line in done["log"])
    assert ping()


def test_a_function_that_is_not_there(maps: None) -> None:
    item = {**GATE, "function": "window"}
    done = run_module("bpf_program", **sent(item, made=compiled(item)))
    assert done["msg"] == "gate.c: there is no function 'window' that is not static."


def test_a_source_with_maps_of_its_own_is_not_handed_on(host: None) -> None:
    source = "BPF_ARRAY(packets, u64, 1);\nint gate(struct __sk_buff *skb)\n{\n"
    source += "    packets.increment(0);\n    return -1;\n}\n"
    item = {"name": "gate", "source": source, "type": "sched_cls"}
    done = run_module("bpf_compile", programs=[item], _sources=sources([item]))
    assert done.failed
    assert "gate.c cannot be handed on to other hosts: it refers to a map" in done["msg"]
    assert run("bpf_program", programs=[item], _sources=sources([item]))["changed"] is True


def test_another_machine_type_is_not_compiled_for(host: None) -> None:
    done = run_module("bpf_compile", programs=[DOOR], _machine="s390x", _sources=sources([DOOR]))
    assert done.failed
    assert "machine is 's390x'; what is compiled on this host is for" in done["msg"]
