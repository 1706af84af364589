# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster on a lab of its own: an inventory, playbooks run over it, commands in its hosts."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.podnet.fabric.plugins.module_utils.lab import keeper, places
from ansible_collections.podnet.fabric.plugins.module_utils.lab.build import present
from ansible_collections.podnet.fabric.plugins.module_utils.lab.spawn import ENVIRONMENT
from ansible_collections.podnet.fabric.plugins.module_utils.lab.spec import labs_of
from ansible_collections.podnet.fabric.plugins.modules.lab import HOST

from . import warm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
FORK = multiprocessing.get_context("fork")
SPEC = {"hosts": {"type": "list", "elements": "dict", "options": HOST}}
NGINX = ["nginx", "-e", "stderr", "-c", str(ROOT / "roles/lab/files/nginx.conf")]

#: Where runs find what earlier ones have packed, of all parts or of these tests.
OWN_PACKED = tempfile.TemporaryDirectory(prefix="podnet-packed-")
PACKED = os.environ.get("PACKED_PATH", OWN_PACKED.name)

#: The demo's addresses.
GATEWAY = "10.111.0.1"
SERVER = "10.111.0.10"
INTERNET = "203.0.113.10"


def host(*links: tuple[str, str], via: str | None = None, **variables: Any) -> dict[str, Any]:
    """Return the variables of a lab host: its links, each a segment and an address, its router."""
    own: dict[str, Any] = {"lab_links": [{"segment": s, "address": a} for s, a in links]}
    if via is not None:
        own["lab_routes"] = [{"dst": "default", "via": via}]
    return {**own, **variables}


def inventory(
    nodes: int | dict[str, dict[str, Any]] = 2,
    *,
    pods: int = 4,
    outside: bool = False,
    **variables: Any,
) -> dict[str, Any]:
    """Return an inventory in the demo's addresses, less nginx; the Cluster adds the lab's name.

    :param nodes: how many (``node-1`` at 10.111.0.11, …), or the variables of each.
    :param pods: replicas of the deployment ``app``: ``app-1``, …
    :param outside: with vpc-server and internet, too.
    :param variables: cluster-wide, over the demo's.
    """
    if isinstance(nodes, int):
        nodes = {f"node-{number}": node(10 + number) for number in range(1, nodes + 1)}
    hosts = {
        "gateway": host(
            ("subnet", f"{GATEWAY}/24"),
            ("outside", "203.0.113.1/24"),
            lab_sysctls={
                "net.ipv4.ip_forward": 1,
                "net.ipv4.conf.all.send_redirects": 0,
                "net.ipv4.conf.default.send_redirects": 0,
            },
        )
    }
    if outside:
        hosts["vpc-server"] = host(("subnet", f"{SERVER}/24"), via=GATEWAY)
        hosts["internet"] = host(("outside", f"{INTERNET}/24"))
        hosts["internet"]["lab_routes"] = [{"dst": "10.111.0.0/16", "via": "203.0.113.1"}]
    settings = {
        "ansible_connection": "podnet.fabric.netns",
        "ansible_python_interpreter": "/usr/bin/python3",
        "podnet_cluster": "test",
        "podnet_network_type": "native_routing",
        "podnet_datapath": "ebpf",
        "podnet_vpc_cidr": "10.111.0.0/16",
        "podnet_subnets": [{"name": "default", "cidr": "10.111.0.0/24", "gateway": GATEWAY}],
        "podnet_secondary_ranges": [{"name": "default", "cidr": "10.111.160.0/20"}],
        "podnet_node_cidr_mask_size": 25,
        "podnet_deployments": [{"name": "app", "replicas": pods}],
        **variables,
    }
    children = {"podnet_nodes": {"hosts": nodes}, "lab_gateways": {"hosts": {"gateway": {}}}}
    return {"all": {"vars": settings, "hosts": hosts, "children": children}}


def node(last: int, **variables: Any) -> dict[str, Any]:
    """Return the variables of a node at 10.111.0.``last``."""
    address = f"10.111.0.{last}"
    return host(("subnet", f"{address}/24"), via=GATEWAY, ansible_host=address, **variables)


@dataclass(frozen=True)
class Event:
    """What one task came to on one host; ``status`` as in Ansible's recap."""

    host: str
    task: str
    status: str
    result: dict[str, Any]

    @property
    def changes(self) -> dict[str, list[Any]]:
        """What was changed, by the task, or by the steps that it was made of."""
        if "steps" in self.result:
            return {step["name"]: step["changes"] for step in self.result["steps"]}
        return {self.task: self.result.get("changes") or [self.task]}


#: The last step of a run.
WRITTEN_DOWN = "Write down the network for a boot"


@dataclass(frozen=True)
class Run:
    """One run of a playbook."""

    status: int
    output: str
    events: list[Event]

    @cached_property
    def changed(self) -> dict[str, dict[str, list[Any]]]:
        """By host, by task or step: what was changed. Empty where nothing was.

        What is written down for a boot follows from the rest, and counts where nothing else was.
        """
        found: dict[str, dict[str, list[Any]]] = {}
        for event in self.of("changed"):
            for what, lines in event.changes.items():
                found.setdefault(event.host, {}).setdefault(what, []).extend(lines)
        for steps in found.values():
            if len(steps) > 1:
                steps.pop(WRITTEN_DOWN, None)
        return found

    @cached_property
    def errors(self) -> list[str]:
        """The messages of the tasks that failed."""
        return [event.result.get("msg", "") for event in self.of("failed")]

    def of(self, *statuses: str) -> list[Event]:
        """Return what came to one of these: ok, changed, failed, unreachable, skipped, ignored."""
        return [event for event in self.events if event.status in statuses]

    def result(self, host: str, task: str) -> dict[str, Any]:
        """Return what a task, by the end of its name, returned on a host."""
        for event in self.events:
            if event.host == host and event.task.endswith(task):
                return event.result
        raise AssertionError(f"{task!r} did not run on {host}:\n{self.output}")

    def ok(self) -> Run:
        """Return itself; a run that failed fails the test, with what failed and its output."""
        assert self.status == 0, "\n".join([*self.errors, self.output])
        return self


def _environment(journal: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a run."""
    return {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "journal,ahead",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "JOURNAL_PATH": str(journal),
        "PACKED_PATH": PACKED,
        **more,
    }


class Cluster:
    """A lab of its own name and the cluster on it."""

    #: Moves the process of a run to where it reaches the hosts from; None: it runs here.
    controller: Callable[[], None] | None = None
    #: Whether runs may be forks: see warm.py.
    forks = True
    #: Of the demo: what its first check said, and what ``./lab demo`` printed.
    first_check: Run
    screen: str

    def __init__(self, hosts_and_variables: dict[str, Any], folder: Path) -> None:
        """:param folder: where its files may lie, empty; the folder of one test or fixture."""
        self.lab = f"pt-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        self.inventory = copy.deepcopy(hosts_and_variables)
        self.inventory["all"]["vars"]["podnet_lab"] = self.lab

    @property
    def variables(self) -> dict[str, Any]:
        """The cluster-wide variables: change them and run again."""
        variables: dict[str, Any] = self.inventory["all"]["vars"]
        return variables

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """The nodes with their variables: change them and run again."""
        group: dict[str, dict[str, Any]] = self.inventory["all"]["children"]["podnet_nodes"]
        return group["hosts"]

    def up(self) -> Cluster:
        """Build the lab, or bring it to what the inventory says by now.

        By the module itself, whose playbook is tested elsewhere; templates are for Ansible to read.
        """
        if "{{" in json.dumps(self.inventory):
            self.play("lab").ok()
            return self
        hosts = self._hosts()
        for one in labs_of(hosts):
            checked = ArgumentSpecValidator(SPEC).validate({"hosts": one["hosts"]})
            assert not checked.error_messages, checked.error_messages
            build = partial(present, one["name"], checked.validated_parameters["hosts"])
            child = FORK.Process(target=build)
            child.start()
            child.join()
            assert child.exitcode == 0, f"lab {one['name']} was not built"
        return self

    def demo(self) -> str:
        """Run ``./lab demo`` over the inventory; return what it prints."""
        log = self.folder / "demo.log"
        command = [str(ROOT / "lab"), "demo", "--log", str(log), "-i", str(self._written())]
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _written(self) -> Path:
        """Write the inventory as it is now; return its file."""
        file = self.folder / "inventory.json"
        file.write_text(json.dumps(self.inventory, indent=1))
        return file

    def _hosts(self) -> dict[str, dict[str, Any]]:
        """Return all hosts, each with its own variables and those of all."""
        groups = [self.inventory["all"], *self.inventory["all"]["children"].values()]
        found: dict[str, dict[str, Any]] = {}
        for group in groups:
            for name, own in group.get("hosts", {}).items():
                found.setdefault(name, dict(self.variables)).update(own)
        return found

    def down(self) -> None:
        """Take the lab away with all that is in it."""
        done = subprocess.run(
            [ROOT / "lab", "down", self.lab], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def start_play(
        self, playbook: str, *arguments: str, journal: Path, **environment: str
    ) -> subprocess.Popen[str]:
        """Start a playbook, the collection's or a file by its path, over the inventory now.

        :param environment: over this test's own.
        """
        return subprocess.Popen(
            self._words(playbook, *arguments),
            env=_environment(journal, environment),
            cwd=self.folder,
            preexec_fn=self.controller,  # noqa: PLW1509
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # who kills it can kill all of it
        )

    def _words(self, playbook: str, *arguments: str) -> list[str]:
        name = playbook if "/" in playbook else f"podnet.fabric.{playbook}"
        return [str(BIN / "ansible-playbook"), "-i", str(self._written()), *arguments, name]

    def play(self, playbook: str, *arguments: str, **environment: str) -> Run:
        """Run a playbook of the collection over the inventory as it is now, to its end."""
        journal = self.folder / f"journal-{uuid.uuid4().hex}"
        if self.forks and self.controller is None:
            words = self._words(playbook, *arguments)
            status, output = warm.run(words, _environment(journal, environment), self.folder)
        else:
            process = self.start_play(playbook, *arguments, journal=journal, **environment)
            output = process.communicate()[0]
            status = process.returncode
        lines = journal.read_text().splitlines() if journal.exists() else []
        return Run(status, output, [Event(**json.loads(line)) for line in lines])

    def start(self, target: str, *command: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command on ``HOST`` or in ``HOST/POD``, as ``./lab exec`` does."""
        return subprocess.Popen(
            command,
            env=ENVIRONMENT,
            preexec_fn=places.find(self.lab, target).enter,  # noqa: PLW1509
            **{
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "text": True,
                **options,
            },
        )

    def try_exec(
        self, target: str, *command: str, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on ``HOST`` or in ``HOST/POD`` to its end, whatever that is."""
        with self.start(target, *command) as process:
            output, errors = process.communicate(stdin)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def exec(self, target: str, *command: str, stdin: str = "") -> str:
        """Run a command there that must succeed; return its output."""
        done = self.try_exec(target, *command, stdin=stdin)
        assert done.returncode == 0, f"{target}: {' '.join(command)}: {done.stderr}{done.stdout}"
        return done.stdout

    def json(self, target: str, *command: str) -> Any:
        """Run a command there; return what its JSON says."""
        return json.loads(self.exec(target, *command) or "[]")

    def pods(self, *nodes: str) -> dict[str, str]:
        """Return by ``NODE/POD`` the address of each pod, as the kernel has it."""
        found = {}
        for name in nodes or self.nodes:
            for pod in places.pods(places.HostPlace(self.lab, name)):
                place = f"{name}/{pod}"
                devices = self.json(place, "ip", "-j", "-4", "address", "show", "dev", "eth0")
                if pod != "podnet-health" and any(devices):
                    found[place] = devices[0]["addr_info"][0]["local"]
        return found

    def kill(self, host: str) -> None:
        """Pull the plug of a host."""
        keeper.stop(places.HostPlace(self.lab, host))

    def reboot(self, host: str, *, bare: bool = False) -> None:
        """Pull the plug of a host and boot it; a bare one brings no network back by itself."""
        words = ["--bare"] if bare else []
        subprocess.run([ROOT / "lab", "reboot", *words, f"{self.lab}:{host}"], check=True)
