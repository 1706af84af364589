# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node's boot: its network as the last run left it, without Ansible."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.boot import restore, underlay
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.steps import parts
from bpf_support import pins
from node_support import bare_node
from running import FORK, do, run
from test_converge import node, options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STATE = Path("/var/lib/podnet")


def converge(of: dict[str, Any], *, check: bool = False) -> dict[str, list[str]]:
    """Do a run, as the roles do it; return by part what it changed."""
    done = {part: run("converge", check=check, **options(part, of)) for part in parts.PARTS}
    return {part: each["changes"] for part, each in done.items() if each["changed"]}


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> Path:
    """Return what a run leaves on the disk of a node."""
    kept = tmp_path_factory.mktemp("disk") / "podnet"
    with bare_node():
        # What a run writes down last is predicted as well as all else.
        assert "create file /var/lib/podnet/boot.json" in converge(node(), check=True)["boot"]
        assert not STATE.exists()
        assert "create file /var/lib/podnet/boot.json" in converge(node())["boot"]
        for check in (False, True):
            assert converge(node(), check=check) == {}
        shutil.copytree(STATE, kept)
    return kept


@pytest.fixture
def booted(disk: Path) -> Iterator[Callable[..., list[str]]]:
    """Be on that node after a boot; return what brings its network back."""

    def boot(*, whole: bool = True) -> list[str]:
        said: list[str] = []
        assert restore.restore(said.append) is whole
        return said

    with bare_node():
        shutil.copytree(disk, STATE)
        yield boot


def nothing_is_made() -> bool:
    spaces = [line.split()[0] for line in do("ip", "netns").splitlines()]
    return (pins(), spaces, "pn_" in do("ip", "-br", "link")) == ([], ["peer"], False)


def test_a_boot_brings_all_of_it_back_and_a_run_after_it_changes_nothing(booted):
    do("umount", "/sys/fs/bpf")  # nobody has mounted it yet
    assert "Connect the pods: 4" in booted()
    assert converge(node()) == {}
    assert booted() == []
    assert "web-1" in do("ip", "netns")


def test_what_is_kept_is_roots_alone_and_goes_with_the_network(booted):
    files = [STATE / "boot.json", *(STATE / "objects").iterdir()]
    assert len(files) > 2
    assert {file.stat().st_mode & 0o7777 for file in files} == {0o600}
    assert (STATE / "objects").stat().st_mode & 0o7777 == 0o700
    booted()
    run("teardown")
    assert not (STATE / "boot.json").exists()
    assert not (STATE / "objects").exists()
    assert booted() == [
        "no run of podnet.fabric.site has ended on this node: there is nothing to bring back"
    ]


def test_what_no_program_needs_any_more_goes(booted):
    extra = STATE / "objects" / f"{'0' * 64}.json"
    extra.write_text("{}")
    booted()
    assert not extra.exists()


def test_it_waits_for_the_address_that_it_was_planned_with(booted):
    do("ip", "addr", "del", "10.111.0.8/24", "dev", "eth0")
    hears, says = FORK.Pipe(duplex=False)
    boot = FORK.Process(target=lambda: says.send(restore.restore(says.send)))
    boot.start()
    assert "podnet_node_ip of node-e6e4d is 10.111.0.8, which no device" in hears.recv()
    assert nothing_is_made()
    do("ip", "addr", "add", "10.111.0.8/24", "dev", "eth0")
    boot.join()
    *_lines, whole = everything(hears)
    assert whole is True
    assert converge(node()) == {}


def everything(hears: Any) -> list[Any]:
    found = []
    while hears.poll():
        found.append(hears.recv())
    return found


def changed_address() -> None:
    do("ip", "addr", "del", "10.111.0.8/24", "dev", "eth0")
    do("ip", "addr", "add", "10.111.0.77/24", "dev", "eth0")


def renamed_device() -> None:
    do("ip", "link", "set", "eth0", "down")
    do("ip", "link", "set", "eth0", "name", "ens5")
    do("ip", "link", "set", "ens5", "up")


def another_version() -> None:
    file = STATE / "boot.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 99}))


def half_a_plan() -> None:
    file = STATE / "boot.json"
    file.write_bytes(file.read_bytes()[:-100])


def lost_programs() -> None:
    for file in (STATE / "objects").iterdir():
        file.unlink()


def spoiled_programs() -> None:
    for file in (STATE / "objects").iterdir():
        found = json.loads(file.read_text())
        file.write_text(json.dumps({**found, "license": "GPL v2"}))


def foreign_device() -> None:
    do("ip", "link", "add", "pn_host", "type", "veth", "peer", "name", "theirs")


#: What may have happened meanwhile, and what a boot says of it.
OBSTACLES = {
    changed_address: "podnet_node_ip of node-e6e4d is 10.111.0.8, which no device of the node",
    renamed_device: "podnet_device of node-e6e4d: there is no eth0; name a device of the node.",
    another_version: "/var/lib/podnet/boot.json is not what this version of the command writes",
    half_a_plan: "/var/lib/podnet/boot.json is not what this version of the command writes",
    lost_programs: "are not kept in /var/lib/podnet/objects; run podnet.fabric.site",
    spoiled_programs: "is refused: its digest is not that of its content",
    foreign_device: "node-e6e4d has a device pn_host that this network did not make",
}


@pytest.mark.parametrize("happens", OBSTACLES, ids=lambda one: one.__name__)
def test_what_is_in_the_way_is_one_sentence_and_nothing_is_half_done(booted, monkeypatch, happens):
    monkeypatch.setattr(underlay, "LIMIT_SECONDS", 0.2)
    happens()
    with pytest.raises(Failure) as raised:
        booted()
    assert OBSTACLES[happens] in raised.value.message
    if happens is not foreign_device:
        assert nothing_is_made()
