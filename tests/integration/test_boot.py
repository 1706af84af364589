# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node's boot: its network as the last run left it, without Ansible."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.steps import parts
from ansible_collections.podnet.fabric.tests.waiting import wait_for
from bpf_support import pins
from node_support import bare_node
from running import do, run
from test_converge import node, options
from test_policy_parts import TO_DB, Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

STATE = Path("/var/lib/podnet")


def converge(of: dict[str, Any], *, check: bool = False) -> dict[str, list[str]]:
    """Do a run, as the roles do it; return by part what it changed."""
    done = {part: run("converge", check=check, **options(part, of)) for part in parts.PARTS}
    return {part: each["changes"] for part, each in done.items() if each["changed"]}


#: What of a host's disk a run writes to.
FOLDERS = STATE, Path("/usr/local/sbin"), Path("/usr/local/share")


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> Path:
    """Return what a run leaves on the disk of a node."""
    kept: Path = tmp_path_factory.mktemp("disk")
    with bare_node():
        # What a run writes down last is predicted as well as all else.
        assert "create file /var/lib/podnet/boot.json" in converge(node(), check=True)["boot"]
        assert not STATE.exists()
        assert "create file /var/lib/podnet/boot.json" in converge(node())["boot"]
        for check in (False, True):
            assert converge(node(), check=check) == {}
        save(kept)
    return kept


def save(kept: Path) -> None:
    for folder in FOLDERS:
        shutil.copytree(folder, kept / folder.relative_to("/"))


def load(kept: Path) -> None:
    for folder in FOLDERS:
        shutil.copytree(kept / folder.relative_to("/"), folder, dirs_exist_ok=True)


@pytest.fixture
def booted(disk: Path) -> Iterator[None]:
    """Be on that node after a boot."""
    with bare_node():
        load(disk)
        yield


def boot(*, status: int = 0, wait: float = 300) -> list[str]:
    """Do what systemd does at a boot; return what the journal has of it."""
    words = ["/usr/local/sbin/podnet", "boot", "--wait", str(wait)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


def nothing_is_made() -> bool:
    spaces = [line.split()[0] for line in do("ip", "netns").splitlines()]
    return (pins(), spaces, "pn_" in do("ip", "-br", "link")) == ([], ["peer"], False)


@pytest.mark.usefixtures("booted")
def test_a_boot_brings_all_of_it_back_and_a_run_after_it_changes_nothing():
    do("umount", "/sys/fs/bpf")  # nobody has mounted it yet
    assert "Connect the pods: 4" in boot()
    assert converge(node()) == {}
    assert boot() == []
    assert "web-1" in do("ip", "netns")


@pytest.mark.usefixtures("booted")
def test_the_node_is_judged_by_what_came_back():
    planned = (STATE / "plan.json").read_text()
    (STATE / "plan.json").write_text(
        planned.replace('"ebpf"', '"routed"')
    )  # by a run that was killed
    assert f"{STATE}/plan.json: as planned by the last run that came to its end" in boot()
    assert (STATE / "plan.json").read_text() == planned
    (STATE / "plan.json").unlink()
    for word in ("status", "endpoints", "why"):
        done = subprocess.run(
            ["/usr/local/sbin/podnet", word, *(["web-1", "web-2"] if word == "why" else [])],
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (
            3,
            f"podnet: {STATE}/plan.json is missing, by which this node's network is judged; "
            "podnet.fabric.site writes it anew\n",
        )


@pytest.mark.usefixtures("booted")
def test_what_is_kept_is_roots_alone_and_goes_with_the_network():
    files = [STATE / "boot.json", *(STATE / "objects").iterdir()]
    assert len(files) > 2
    assert {file.stat().st_mode & 0o7777 for file in files} == {0o600}
    assert (STATE / "objects").stat().st_mode & 0o7777 == 0o700
    boot()
    run("teardown")
    assert not (STATE / "boot.json").exists()
    assert not (STATE / "objects").exists()


@pytest.mark.usefixtures("booted")
def test_what_no_program_needs_any_more_goes_with_the_next_run():
    boot()
    extra = STATE / "objects" / f"{'0' * 64}.json"
    extra.write_text("{}")
    assert converge(node()) == {"boot": ["remove unused compiled programs"]}
    assert not extra.exists()


@pytest.mark.usefixtures("booted")
def test_it_waits_for_the_address_that_it_was_planned_with(tmp_path):
    do("ip", "addr", "del", "10.111.0.8/24", "dev", "eth0")
    journal = tmp_path / "journal"
    with journal.open("w") as file:
        waits = subprocess.Popen(["/usr/local/sbin/podnet", "boot"], stdout=file)
    wait_for("it says what it waits for", journal.read_text)
    assert "podnet_node_ip of node-e6e4d is 10.111.0.8, which no device" in journal.read_text()
    assert nothing_is_made()
    do("ip", "addr", "add", "10.111.0.8/24", "dev", "eth0")
    began = time.monotonic()
    assert waits.wait() == 0
    seconds = time.monotonic() - began
    print(f"the network is there {seconds:.2f} s after the address")
    assert seconds < 5
    assert converge(node()) == {}


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


@pytest.mark.usefixtures("booted")
@pytest.mark.parametrize("happens", OBSTACLES, ids=lambda one: one.__name__)
def test_what_is_in_the_way_is_one_sentence_and_nothing_is_half_done(happens):
    of = node()
    happens()
    (said,) = boot(status=3, wait=0)
    assert OBSTACLES[happens] in said
    assert OBSTACLES[happens] in run("status_info", node=of)["status"]["node"]["reason"]
    if happens is not foreign_device:
        assert nothing_is_made()


@pytest.mark.usefixtures("booted")
def test_a_pod_that_cannot_be_connected_keeps_no_other_from_it():
    file = STATE / "boot.json"
    kept = json.loads(file.read_text())
    pod = kept["node"]["endpoints"][-1]
    theirs = {**pod, "name": "runtimes", "ip": "10.111.160.99", "netns": "/run/netns/gone"}
    kept["node"]["endpoints"].append(theirs)
    file.write_text(json.dumps(kept))
    said = "\n".join(boot(status=1))
    assert "runtimes: netns '/run/netns/gone' of endpoint 'runtimes' does not exist" in said
    assert "web-1" in do("ip", "netns")


#: Who is not allowed to sends, from before the boot on.
FLOOD = """
import socket, sys, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    sender.sendto(b"denied", (sys.argv[1], 5432))
    time.sleep(0.0002)
"""


def dropped(pod: str) -> set[str]:
    return {one["reason"] for one in run("drops_info", pod=pod)["drops"]}


def test_nothing_passes_against_a_policy_from_the_first_packet_on(tmp_path):
    kept, plan = tmp_path / "disk", tmp_path / "plan"
    plan.mkdir()
    with bare_node():
        of = Cluster(plan, [TO_DB])
        of.run()
        (ip,) = (one["ip"] for one in of.slice["endpoints"] if one["name"] == "db")
        save(kept)
    with bare_node(), contextlib.ExitStack() as stack:
        load(kept)
        flood = subprocess.Popen(["ip", "netns", "exec", "peer", "python3", "-c", FLOOD, ip])
        stack.callback(flood.kill)
        boot()
        wait_for("the policy drops it", lambda: "ingress_denied" in dropped("db"))
        # First there was nobody, then somebody with a policy.
        assert dropped("db") <= {"no_endpoint", "ingress_denied"}
        assert flood.poll() is None
        (device,) = json.loads(do("ip", "-n", "db", "-s", "-j", "link", "show", "eth0"))
        assert device["stats64"]["rx"]["packets"] == 0
