# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster whose nodes are virtual machines, all or one; a lab plays the rest of the VPC.

The lab's host ``controller`` is from where playbooks run, over SSH, with the collection as it is
published in an otherwise empty home. It reaches the machines by the device that the pod network
works on, and by no other way.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.lab import places, removal

from tests.cluster.cluster import BIN, GATEWAY, ROOT, Cluster, host, inventory
from tests.waiting import wait_for

from . import image
from .machine import Machine, network_of

if TYPE_CHECKING:
    from collections.abc import Collection

ONE, TWO = "node-1.podnet.test", "node-2.podnet.test"
ADDRESSES = {ONE: "10.111.0.11", TWO: "10.111.0.12"}
CIDRS = {ONE: "10.111.160.0/25", TWO: "10.111.160.128/25"}
MACS = {ONE: "52:54:00:6f:00:01", TWO: "52:54:00:6f:00:02"}

#: Begins the names of the labs around machines, and of the folders of their tests; then comes the
#: number of the process that they belong to.
LABS = "podnet-vm-"

#: What a test needs of the checkout on a machine.
NEEDED = (".build/collections", "plugins/module_utils", "tests/cluster/there", "tests/cells/there")

SSH = """\
Host *
  BatchMode yes
  User {user}
  IdentityFile {keys}/user
  IdentitiesOnly yes
  StrictHostKeyChecking yes
  UserKnownHostsFile {folder}/known_hosts
  ConnectTimeout 10
  ServerAliveInterval 20
  ControlMaster auto
  ControlPath {folder}/%C
  ControlPersist yes
"""


def described(virtual: Collection[str] = (ONE, TWO), **variables: Any) -> dict[str, Any]:
    """Return an inventory of two nodes, and of what is around them.

    :param virtual: which of them are virtual machines; others are hosts of the lab.
    """
    nodes = {
        name: {
            "ansible_connection": "ssh",
            "ansible_host": name.partition(".")[0],
            "ansible_become": True,
            "ansible_timeout": 60,
            "podnet_node_ip": address,
        }
        if name in virtual
        else host(("subnet", f"{address}/24"), via=GATEWAY, ansible_host=address)
        for name, address in ADDRESSES.items()
    }
    # Machines that are emulated on a busy one may take minutes for a part of a run, and sudo more
    # than the 12 s that Ansible waits for it.
    variables = {"podnet_confirm_timeout": 900, **variables}
    hosts = inventory(nodes, outside=True, **variables)
    around = hosts["all"]["hosts"]
    around["controller"] = host(("subnet", "10.111.0.5/24"), via=GATEWAY)
    # A cloud routes to pods; so does this one, before there are any.
    around["gateway"]["lab_routes"] = [
        {"dst": CIDRS[name], "via": address} for name, address in ADDRESSES.items()
    ]
    return hosts


def sweep() -> None:
    """Take away what tests left that were killed: their machines have died with them."""
    for lab in places.labs():
        owner = lab.removeprefix(LABS)
        if owner != lab and not Path("/proc", owner).exists():
            removal.absent(lab)
            for folder in Path(tempfile.gettempdir()).glob(f"{LABS}{owner}-*"):
                shutil.rmtree(folder)


class Machines(Cluster):
    """The machines, the lab around them, and the controller's home."""

    def __init__(self, hosts_and_variables: dict[str, Any], folder: Path) -> None:
        """:param folder: where files may lie, empty, its path short enough for sockets in it."""
        super().__init__(hosts_and_variables, folder)
        # By its name one that was killed is found, and by nobody else.
        self.lab = self.variables["podnet_lab"] = f"{LABS}{os.getpid()}"
        self.machines: dict[str, Machine] = {}
        self._ssh = ("ssh", "-F", str(folder / "ssh_config"))

    def up(self) -> Machines:
        """Boot the machines in an empty lab; return when all can be reached."""
        built = image.current()
        sweep()
        super().up()
        self._know(built)
        for name in self._virtual():
            self.machines[name] = Machine(name, MACS[name], self.lab, "subnet", built, self.folder)
        # While they boot.
        self._install_collection()
        self.controller = network_of(self.lab, "controller").enter
        for name in self.machines:
            self.wait_until_up(name)
            self._bring_what_tests_need(name)
        return self

    def _virtual(self) -> list[str]:
        return [name for name, own in self.nodes.items() if "lab_links" not in own]

    def down(self) -> None:
        """End the machines, and take the lab away."""
        for machine in self.machines.values():
            machine.end()
        super().down()

    def _know(self, built: image.Image) -> None:
        """Write down how the machines are reached: as whom, and how each is known."""
        self._ssh_config = self.folder / "ssh_config"
        lines = [SSH.format(user=image.USER, keys=built.folder, folder=self.folder)]
        key = built.host_key.with_suffix(".pub").read_text()
        known = []
        for name, address in ADDRESSES.items():
            short = name.partition(".")[0]
            lines.append(f"Host {name} {short}\n  HostName {address}\n")
            known.append(f"{address} {key}")
        self._ssh_config.write_text("".join(lines))
        (self.folder / "known_hosts").write_text("".join(known))
        self.variables["ansible_ssh_args"] = f"-F {self._ssh_config}"

    def _install_collection(self) -> None:
        """Build the collection as it is published, and install it offline into an empty home."""
        home = self.folder / "home"
        home.mkdir()
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
            "HOME": str(home),
        }
        galaxy = (str(BIN / "ansible-galaxy"), "collection")

        def run(*words: str) -> None:
            done = subprocess.run(
                [*galaxy, *words],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr

        run("build", "--output-path", str(self.folder))
        (artefact,) = self.folder.glob("*.tar.gz")
        run("install", "--offline", "-p", str(home / ".ansible/collections"), str(artefact))

    def start_play(
        self, playbook: str, *arguments: str, journal: Path, **environment: str
    ) -> subprocess.Popen[str]:
        """Start a playbook of the published collection, at the controller."""
        home = self.folder / "home"
        if self.controller is not None:
            collections = {"ANSIBLE_COLLECTIONS_PATH": str(home / ".ansible/collections")}
            environment = {"HOME": str(home), **collections, **environment}
        return super().start_play(playbook, *arguments, journal=journal, **environment)

    def start(self, target: str, *command: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command as root on a machine, in a pod of it, or on a host of the lab."""
        node, _slash, pod = target.partition("/")
        if node not in self.machines:
            return super().start(target, *command, **options)
        within = ("ip", "netns", "exec", pod) if pod else ()
        return self.start_ssh(node, shlex.join(("sudo", *within, *command)), **options)

    def start_ssh(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        piped = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(
            [*self._ssh, *words],
            preexec_fn=self.controller,  # noqa: PLW1509
            **{**piped, "text": True, **options},
        )

    def _bring_what_tests_need(self, node: str) -> None:
        """Copy parts of the checkout to the same place there."""
        paths = [str((ROOT / part).relative_to("/")) for part in NEEDED]
        with tempfile.TemporaryFile() as archive:
            tar = ("tar", "-C", "/", "--exclude=__pycache__", "-cz", *paths)
            subprocess.run(tar, stdout=archive, check=True)
            archive.seek(0)
            with self.start_ssh(node, "sudo tar -C / -xz", stdin=archive) as there:
                errors = there.communicate()[1]
        assert there.returncode == 0, errors

    def bring_packages(self, node: str, *names: str) -> None:
        """Install packages of Debian on a machine, which reaches no mirror itself."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as archive:
            Path(folder).chmod(0o755)  # for the user that apt downloads as
            subprocess.run(["apt-get", "download", "-qq", *names], cwd=folder, check=True)
            subprocess.run(["tar", "-C", folder, "-c", "."], stdout=archive, check=True)
            archive.seek(0)
            install = (
                "mkdir /var/tmp/brought && cd /var/tmp/brought && tar -x && "
                "DEBIAN_FRONTEND=noninteractive dpkg --install *.deb"
            )
            words = f"sudo sh -c {shlex.quote(install)}"
            with self.start_ssh(node, words, stdin=archive) as there:
                told = "".join(there.communicate())
        assert there.returncode == 0, told

    def fetch(self, node: str, path: str) -> Path:
        """Copy a file of a machine; return where to."""
        file = self.folder / Path(path).name
        with file.open("wb") as copy:
            reading = self.start_ssh(node, shlex.join(("sudo", "cat", path)), stdout=copy)
            with reading as there:
                errors = there.communicate()[1]
        assert there.returncode == 0, errors
        return file

    def pods(self, *nodes: str) -> dict[str, str]:
        """Return by ``NODE/POD`` the address of each pod, as the kernel has it."""
        found = {}
        for name in nodes or self.nodes:
            if name not in self.machines:
                found.update(super().pods(name))
                continue
            asked = ("ip", "-all", "netns", "exec", "ip", "-j", "-4", "address", "show", "dev")
            lines = self.exec(name, *asked, "eth0").splitlines()
            for line in filter(None, lines):
                if line.startswith("netns: "):
                    pod = line.removeprefix("netns: ")
                elif pod != "podnet-health" and (devices := [*filter(None, json.loads(line))]):
                    found[f"{name}/{pod}"] = devices[0]["addr_info"][0]["local"]
        return found

    def boot_of(self, node: str) -> str | None:
        """Return the number of a machine's boot, None while it cannot be reached."""
        done = self.try_exec(node, "cat", "/proc/sys/kernel/random/boot_id")
        return done.stdout.strip() if done.returncode == 0 else None

    def wait_until_up(self, node: str, other_than: str | None = None) -> None:
        """Wait until a machine can be reached, after another boot than that one."""

        def reached() -> bool:
            machine = self.machines[node]
            assert machine.runs, f"{node} is gone"
            return self.boot_of(node) not in (None, other_than)

        wait_for(f"{node} answers over SSH", reached)

    def disconnect(self, node: str) -> None:
        """Let go of the connection to a machine, which has gone away."""
        with self.start_ssh("-O", "exit", node) as process:
            process.communicate()

    def reboot(self, host: str, *, bare: bool = False) -> None:
        """Reboot a machine as its administrator does; return when it can be reached again."""
        assert not bare, "a machine boots as it is"
        before = self.boot_of(host)
        self.try_exec(host, "systemctl", "reboot")
        self.booted(host, before)

    def booted(self, host: str, before: str | None) -> None:
        """Wait until a machine that goes down can be reached, after another boot than that one."""
        self.disconnect(host)
        self.wait_until_up(host, other_than=before)
        self._bring_what_tests_need(host)  # a checkout below /tmp is gone with a boot

    def switch_off(self, host: str) -> None:
        """Shut a machine down."""
        self.try_exec(host, "systemctl", "poweroff")
        self.disconnect(host)
        wait_for(f"{host} is off", lambda: self.machines[host].is_off)

    def switch_on(self, host: str) -> None:
        """Boot a machine that is off."""
        self.machines[host].switch_on()
        self.wait_until_up(host)
        self._bring_what_tests_need(host)
