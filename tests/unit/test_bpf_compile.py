# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who compiles, what is compiled once, and what of it is kept on the controller."""

from __future__ import annotations

import json
import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

import pytest
from ansible import constants
from ansible_collections.podnet.fabric.plugins.action import plan
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_compile
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import objects
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.plugin_utils import objects as kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OBSERVED: dict[str, dict[str, Any] | None] = {
    "down": None,
    "one": {"machine": "x86_64", "compiler": False},
    "arm-one": {"machine": "aarch64", "compiler": False},
    "two": {"machine": "x86_64", "compiler": True},
    "three": {"machine": "x86_64", "compiler": True},
    "arm-two": {"machine": "aarch64", "compiler": False},
}


class HostVars(dict):
    def raw_get(self, name: str) -> dict[str, Any]:
        return self[name]


@pytest.mark.parametrize(
    ("hosts", "compilers"),
    [
        (OBSERVED, {"x86_64": "two", "aarch64": "arm-one"}),
        (["three", "two"], {"x86_64": "three"}),
        (["down", "one"], {"x86_64": "one"}),
        (["down"], {}),
    ],
)
def test_the_first_host_of_the_play_that_can_compiles_for_its_machine_type(
    hosts: list[str], compilers: dict[str, str]
) -> None:
    hostvars = HostVars({name: {"seen": seen} for name, seen in OBSERVED.items()})
    given = {"ansible_play_hosts": list(hosts), "hostvars": hostvars}
    assert plan._compilers(given, "seen") == compilers


def test_in_batches_the_first_host_compiles_for_it_is_in_the_first_batch() -> None:
    hostvars = HostVars({name: {"seen": seen} for name, seen in OBSERVED.items()})
    given = {"ansible_play_hosts": list(OBSERVED), "hostvars": hostvars, "podnet_serial": 1}
    assert plan._compilers(given, "seen") == {"x86_64": "one", "aarch64": "arm-one"}


SOURCES = {
    "programs": {"gate": 0},
    "sources": [
        {"main": "gate.c", "files": {}, "include": [], "digest": "5" * 64, "dialect": "bcc"}
    ],
    "standin": {},
}
GATE: dict[str, Any] = {"name": "gate", "maps": {"b": "/b", "a": "/a"}, "cflags": ["-Wall"]}
KEY = bpf_compile.keys([GATE], SOURCES, "x86_64")["gate"]


@pytest.mark.parametrize(
    ("item", "machine", "same"),
    [
        ({**GATE, "maps": {"a": "/elsewhere", "b": "/b"}}, "x86_64", True),
        ({**GATE, "function": "door", "attach": [{"hook": "xdp"}]}, "x86_64", True),
        (GATE, "aarch64", False),
        ({**GATE, "maps": {"a": "/a"}}, "x86_64", False),
        ({**GATE, "cflags": []}, "x86_64", False),
        ({**GATE, "defines": {"X": 1}}, "x86_64", False),
    ],
)
def test_one_object_is_what_the_compiler_makes_no_difference_of(
    item: dict[str, Any], machine: str, same: bool
) -> None:
    assert (bpf_compile.keys([item], SOURCES, machine)["gate"] == KEY) is same


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.delenv(kept.CACHE, raising=False)
    return tmp_path


RETURN = bytes.fromhex("b7000000000000009500000000000000")


def test_what_is_kept_is_found_by_its_key_and_is_nobody_elses(folder: Path) -> None:
    made = objects.written(objects.Object(("a", "b"), {"gate": RETURN}, "GPL"), KEY)
    assert kept.found([KEY]) == {}
    kept.keep({KEY: made}, [KEY], objects.machine())
    assert kept.found([KEY, "0" * 64, "../../etc/passwd"]) == {KEY: made}
    assert objects.read(kept.found([KEY])[KEY], KEY).functions == {"gate": RETURN}
    assert (folder / "podnet-objects").stat().st_mode & 0o777 == 0o700


@pytest.fixture
def cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = folder / "cache"
    monkeypatch.setenv(kept.CACHE, str(path))
    return path


def test_a_cache_outlives_the_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = objects.written(objects.Object((), {"gate": RETURN}, "GPL"), KEY)
    kept.keep({KEY: made}, [KEY], objects.machine())
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/nonexistent")
    assert kept.found([KEY]) == {KEY: made}
    assert cache.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"machine": 1}'])
def test_what_was_spoiled_in_a_cache_is_not_there(cache: Path, text: str) -> None:
    made = objects.written(objects.Object((), {"gate": RETURN}, "GPL"), KEY)
    kept.keep({KEY: made}, [KEY], objects.machine())
    (file,) = cache.glob("*.json")
    file.write_text(text)
    assert kept.found([KEY]) == {}


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_cache_that_others_write_to_is_refused(cache: Path, mode: int) -> None:
    cache.mkdir()
    cache.chmod(mode)
    with pytest.raises(Failure, match=f"PODNET_OBJECT_CACHE is '{cache}', a folder that others"):
        kept.found([KEY])


def test_a_cache_that_cannot_be_made_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kept.CACHE, str(cache / "in" / "none"))
    with pytest.raises(Failure, match="in/none': No such file or directory"):
        kept.found([KEY])


def test_of_another_machine_type_it_is_kept_as_it_is(folder: Path) -> None:
    made = objects.written(objects.Object((), {"gate": RETURN}, "GPL"), KEY)
    data = {name: value for name, value in made.items() if name != "digest"}
    data |= {"machine": "s390x", "byteorder": {"little": "big", "big": "little"}[sys.byteorder]}
    data["digest"] = objects._digest(data)
    kept.keep({KEY: data}, [KEY], "s390x")
    assert kept.found([KEY]) == {KEY: data}
    with pytest.raises(Failure, match="its machine is 's390x'"):
        objects.read(data, KEY, "x86_64")


@pytest.mark.parametrize("made", [{}, {KEY: None}, {KEY: {"format": 1}}])
def test_what_is_no_object_is_not_kept(made: dict[str, Any], folder: Path) -> None:
    with pytest.raises(Failure, match=f"The object {KEY[:16]} is refused"):
        kept.keep(made, [KEY], objects.machine())
    assert kept.found([KEY]) == {}


def _work(at: int, log: Path) -> None:
    with kept.alone("x86_64"):
        log.write_text(json.dumps([*json.loads(log.read_text()), at]))


def test_one_at_a_time_compiles_for_a_machine_type(folder: Path) -> None:
    log = folder / "log"
    log.write_text("[]")
    context = multiprocessing.get_context("fork")
    start: Callable[..., Any] = context.Process
    running = [start(target=_work, args=(at, log)) for at in range(20)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert sorted(json.loads(log.read_text())) == list(range(20))


@pytest.mark.parametrize("dialect", ["libbpf", "object"])
def test_what_libbpf_loads_is_not_compiled_once(dialect: str) -> None:
    sources = {**SOURCES, "sources": [{**SOURCES["sources"][0], "dialect": dialect}]}
    assert bpf_compile.keys([GATE], sources, "x86_64") == {}
    assert bpf_compile.make([GATE], None, sources)["objects"] == {}
