# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes that shut their controller out, and what else may happen before they are undone.

The controller of these runs comes from behind the VPC's router. The tests' own connections come
from the subnet, and live through each of the changes.
"""

from __future__ import annotations

import contextlib
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import reasons

from tests.waiting import wait_for

from .hosts import come_back, ways
from .machines import ADDRESSES, TWO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .machines import Machines

#: From where the controller comes; and the CIDR that pods are given.
OFFICE, RANGE, CIDR = "10.111.200.5", "10.111.200.0/24", "10.111.200.0/25"
COMMAND = "/usr/local/sbin/podnet"
PENDING = "/var/lib/podnet/pending"
#: Seconds: enough for a part of a run.
TIMEOUT = 60
#: A node is as it was before within 5 s after it, or, where a machine is emulated and busy, within
#: so many times the seconds that `podnet status` takes there: 5 s where that takes 0.6 s.
SLACK, STATUSES = 5.0, 8

#: A file in the controller's home, and what it is made to do to each packet of the controller.
PROGRAM = ".ansible/collections/ansible_collections/podnet/fabric/bpf/from_netdev.c"
READ = "\tif (!network_read(p))\n\t\treturn VERDICT_NONE;\n"
DROP = "\tif (p->tuple->source.words[3] == NET32({number:#x}))\n\t\treturn VERDICT_NO_ENDPOINT;\n"

#: Names of ours among a kernel's programs; and settings that a packet's way depends on.
PROGRAMS = {hook.name for hook in reasons.HOOKS}
SETTINGS = r"^net\.ipv4\.(ip_|tcp_|icmp_|conf\.(all|default|enp0s3|pn_))"

#: Where a node notes how an undo went, and the unit that does.
NOTED, NOTES = "/run/noted.json", "notes"
#: Notes by the node's own clock how many seconds after its timeout a change was pending no more,
#: and how many `podnet status` takes then; starts sshd, as an administrator would.
WATCH = f"""
import json, os, subprocess, time
deadline, folder = None, "{PENDING}"
while deadline is None or os.path.exists(folder):
    try:
        with open(folder + "/change.json") as record:
            deadline = json.load(record)["deadline"]
    except (FileNotFoundError, ValueError):
        pass
    time.sleep(0.05)
noted = {{"late": time.monotonic() - deadline}}
subprocess.run(["systemctl", "start", "ssh"], check=True)
began = time.monotonic()
subprocess.run(["{COMMAND}", "status"], stdout=subprocess.DEVNULL)
noted["status"] = time.monotonic() - began
with open("{NOTED}", "w") as file:
    json.dump(noted, file)
"""


@contextlib.contextmanager
def office(machines: Machines) -> Iterator[None]:
    """Let the controller come from behind the router, for a ``with`` block."""
    roads = (
        ("controller", f"address % {OFFICE}/32 dev lo"),
        ("gateway", f"route % {OFFICE}/32 via 10.111.0.5"),
    )
    for place, words in roads:
        machines.exec(place, "ip", *words.replace("%", "add").split())
    before = dict(machines.variables)
    options = f"-o BindAddress={OFFICE} -o ControlPath={machines.folder}/office-%C"
    machines.variables.update(
        ansible_ssh_args=f"{before['ansible_ssh_args']} {options}",
        podnet_confirm_timeout=TIMEOUT,
    )
    try:
        yield
    finally:
        machines.variables.clear()
        machines.variables.update(before)
        # A connection that was cut off may not know it yet.
        for node in machines.machines:
            with machines.start_ssh(*options.split(), "-O", "exit", node) as process:
                process.communicate()
        for place, words in roads:
            machines.exec(place, "ip", *words.replace("%", "del").split())


@contextlib.contextmanager
def route(machines: Machines) -> Iterator[None]:
    """Give pods the controller's addresses: nodes route what is for it to them, or nowhere."""
    ranges = machines.variables["podnet_secondary_ranges"]
    machines.variables["podnet_secondary_ranges"] = [*ranges, {"name": "office", "cidr": RANGE}]
    machines.nodes[TWO]["podnet_pod_cidr"] = CIDR
    try:
        yield
    finally:
        del machines.nodes[TWO]["podnet_pod_cidr"]
        machines.variables["podnet_secondary_ranges"] = ranges


@contextlib.contextmanager
def program(machines: Machines) -> Iterator[None]:
    """Have a version of the collection with a fault: a program drops what the controller sends."""
    file = machines.folder / "home" / PROGRAM
    text = file.read_text()
    assert READ in text
    number = int.from_bytes(bytes(map(int, OFFICE.split("."))), "big")
    file.write_text(text.replace(READ, READ + DROP.format(number=number)))
    try:
        yield
    finally:
        file.write_text(text)


@contextlib.contextmanager
def sysctl(machines: Machines) -> Iterator[None]:
    """Have a setting by which no answer comes past a router."""
    machines.variables["podnet_node_sysctls"] = {"net.ipv4.ip_default_ttl": 1}
    try:
        yield
    finally:
        del machines.variables["podnet_node_sysctls"]


def is_shut_out(machines: Machines, node: str) -> bool:
    """Say whether a node does not answer the controller any more, and its change is pending."""
    ping = ("ping", "-q", "-c", "3", "-i", "0.3", "-W", "2", "-I", OFFICE, ADDRESSES[node])
    if machines.try_exec("controller", *ping).returncode == 0:
        return False
    return machines.try_exec(node, "test", "-e", PENDING).returncode == 0


def until_shut_out(machines: Machines) -> None:
    """Run ``site`` until every machine has shut the controller out, and kill it there."""
    run = machines.start_play("site", journal=machines.folder / "shut-out")

    def seen(node: str) -> bool:
        assert run.poll() is None, run.communicate()[0]
        return is_shut_out(machines, node)

    try:
        for node in machines.machines:
            wait_for(f"{node} has shut its controller out", partial(seen, node))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def _sshd_is_stopped(machines: Machines, node: str) -> None:
    machines.exec(node, "systemctl", "stop", "ssh")
    with machines.start_ssh("-o", "ControlPath=none", node, "true") as process:
        process.communicate()
    assert process.returncode != 0


def _clock_is_set_back(machines: Machines, node: str) -> None:
    machines.exec(node, "date", "--set", "2 hours ago")


def _power_is_cut(machines: Machines, node: str) -> None:
    boot = machines.boot_of(node)
    machines.machines[node].switch_on()  # that is its reset button
    machines.booted(node, boot)


#: What happens to a node while a change is pending.
MEANWHILE: dict[str, Callable[[Machines, str], None]] = {
    "sshd is stopped": _sshd_is_stopped,
    "the clock is set back": _clock_is_set_back,
    "the power is cut": _power_is_cut,
}


class Whole:
    """How a cluster was, to hold it against what it is later."""

    def __init__(self, machines: Machines) -> None:
        self.machines, self.pods = machines, machines.pods()
        self.held = {node: self._held(node) for node in machines.machines}
        self.ways = {node: ways(machines, node) for node in machines.machines}

    def watch(self) -> None:
        """Have each node note when a change of it is undone."""
        for node in self.machines.machines:
            # Of a test that has failed, they may wait yet.
            self.machines.try_exec(node, "systemctl", "stop", NOTES)
            self.machines.exec(node, "rm", "-f", NOTED)
            unit = ("systemd-run", "--quiet", "--collect", f"--unit={NOTES}")
            self.machines.exec(node, *unit, "/usr/bin/python3", "-c", WATCH)

    def is_back(self, *, booted: str = "") -> None:
        """Wait until it is again, by itself, and in time; fail with what is not.

        :param booted: a node whose boot has undone it.
        """
        for node in self.machines.machines:
            wait_for(f"{node} has undone it", partial(self._is_undone, node, booted))
            if node != booted:
                self._in_time(node)
            unit = "podnet-boot" if node == booted else "podnet-undo"
            asked = ("journalctl", "--boot", "--output", "cat", "--unit", unit)
            said = self.machines.exec(node, *asked).splitlines()
            assert "undone" in said, said
            come_back(self.machines, node, self.ways[node])
            now = self._held(node)
            assert {name: now[name] for name in now if now[name] != self.held[node][name]} == {}
            assert "Undone:" in self.machines.exec(node, COMMAND, "status")
            units = self.machines.exec(node, "systemctl", "list-units", "--all", "podnet-undo*")
            assert "podnet-undo" not in units
        assert self.machines.pods() == self.pods

    def _in_time(self, node: str) -> None:
        """Print how long after its timeout a change was undone; fail where that is too long."""
        late, status = (self.machines.json(node, "cat", NOTED)[one] for one in ("late", "status"))
        self.machines.exec(node, "rm", NOTED)
        print(f"{node}: undone {late:.1f} s after the timeout; its status takes {status:.1f} s")
        assert 0 <= late <= max(SLACK, STATUSES * status)

    def _is_undone(self, node: str, booted: str) -> bool:
        if node == booted:
            return self.machines.try_exec(node, "test", "-e", PENDING).returncode == 1
        return self.machines.try_exec(node, "test", "-e", NOTED).returncode == 0

    def _held(self, node: str) -> dict[str, Any]:
        """Return the digests of our files, the host's settings, and the programs at its devices."""
        script = f"cd /var/lib/podnet && sha256sum *.json objects/* {COMMAND}"
        lines = self.machines.exec(node, "sh", "-c", script).splitlines()
        loaded = self.machines.json(node, "bpftool", "-j", "prog", "show")
        settings = self.machines.try_exec(node, "sysctl", "-a", "--pattern", SETTINGS).stdout
        return {
            # Which boot it is, and nothing else, differs by how often it was written.
            "files": sorted(line for line in lines if "entries.json" not in line),
            "settings": sorted(settings.splitlines()),
            "programs": sorted(
                (one["name"], one["tag"]) for one in loaded if one.get("name") in PROGRAMS
            ),
        }
