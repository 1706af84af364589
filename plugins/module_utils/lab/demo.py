# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``./lab demo``: a lab, the network on it, its status and its health, on one screen.

What Ansible prints goes to a file; a line a step says how far it is.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure
from ..names import ROUTE_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: What is said while a playbook runs, and the playbook.
STEPS = (
    ("Build the lab", "lab"),
    ("Bring up the network and its pods", "demo"),
    ("Read its status", "status"),
    ("Probe it", "health"),
)
#: Lines of the file that are shown where a step fails.
_END = 40
_SCREEN = re.compile(
    r"^TASK \[(?:[^]\n]+ : )?Show the cluster\] \*+\n\S+ \[\S+\] => (\{.*?^\})", re.M | re.S
)


def run(
    ansible: Sequence[str], environment: Mapping[str, str], options: Sequence[str], log: Path
) -> int:
    """Run all steps; return the exit status, not 0 where one fails.

    :param ansible: the commands ``ansible-playbook`` and ``ansible-inventory``.
    :param options: of both, such as ``-i INVENTORY``.
    :param log: for what Ansible prints; what is in it goes.
    :raises Failure: where there is no inventory with hosts.
    """
    playbook, inventory = ansible
    # Its default output, which is read below, whatever the caller's own settings are.
    environment = {
        "ANSIBLE_PIPELINING": "True",
        **environment,
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_FORCE_COLOR": "False",
        "ANSIBLE_NOCOLOR": "True",
    }
    lab = _lab([inventory, *options, "--list"], environment)
    sys.stdout.write(f"What Ansible prints is in {log}.\n")
    with tempfile.TemporaryDirectory() as folder:
        log.touch(0o600)
        log.write_text("")
        report = Path(folder, "report.json")
        for said, name in STEPS:
            more = ["-e", f"podnet_report_file={report}"] if name == "status" else []
            command = [playbook, *options, *more, f"podnet.fabric.{name}"]
            status = _step(said, command, environment, log)
            if status:
                return status
        statuses = json.loads(report.read_text())
    reports = [json.loads(found)["msg"] for found in _SCREEN.findall(log.read_text())]
    shown = [line for lines in reports for line in ("", *lines)]
    sys.stdout.write("\n".join([*shown, "", "Try:", *_to_try(statuses, lab), ""]))
    return 0


def _step(said: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    sys.stdout.write(f"{said} … ")
    sys.stdout.flush()
    begin = time.monotonic()
    with log.open("a") as output:
        done = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    sys.stdout.write(
        f"{'failed' if done.returncode else 'done'}, {time.monotonic() - begin:.0f} s\n"
    )
    if done.returncode:
        with log.open() as file:
            sys.stdout.writelines(deque(file, _END))
        sys.stdout.write(f"The step failed ({' '.join(command)}); all that it said is in {log}.\n")
    return done.returncode


def _lab(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the name of the inventory's lab.

    :raises Failure: where it has no hosts. Which of them are nodes the playbooks say.
    """
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failure(f"The inventory is not read: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    hosts = found.pop("_meta")["hostvars"].values()
    if not any(group.get("hosts") for group in found.values()):
        raise Failure(
            "The inventory has no hosts: name one that has, as in ./lab demo -i "
            "playbooks/inventories/demo.yml."
        )
    return next((str(own["podnet_lab"]) for own in hosts if "podnet_lab" in own), "LAB")


def _to_try(statuses: Mapping[str, Mapping[str, Any]], lab: str) -> Iterator[str]:
    """Yield five commands that show what there is, with pods that are there."""
    pods = [
        (node, one["name"], one["ip"])
        for node, status in statuses.items()
        for one in status["endpoints"]
        if one["kind"] == "pod" and one["state"] == "ready"
    ]
    commands = [("hosts and pods", "./lab list")]
    if pods:
        node, pod, _ip = pods[0]
        # On another node, where there is one.
        _node, _name, ip = next((one for one in pods if one[0] != node), pods[-1])
        execute = f"./lab exec {lab}:{node}/{pod}"
        commands += [
            ("a pod of another node", f"{execute} ping -c 2 {ip}"),
            ("what it serves", f"{execute} curl -s {ip}"),
            ("routes to pods", f"./lab exec {lab}:{node} ip route show proto {ROUTE_PROTOCOL}"),
        ]
    commands.append(("take it all away", f"./lab down {lab}"))
    for what, command in commands:
        yield f"  {what + ':':<22}  {command}"
