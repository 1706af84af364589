# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reach a lab host or a pod from the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
short_description: Reach a host of a lab, or a pod of one
version_added: 1.0.0
description:
  - Runs commands and moves files inside the namespaces of a host that M(podnet.fabric.lab) built
    on the controller, or of a pod on such a host.
  - The host's cgroup is joined first, then its namespaces; nothing is started in between.
author: The podnet.fabric developers (@podnet)
requirements:
  - root on the controller
options:
  lab:
    description: Name of the lab.
    type: str
    required: true
    vars:
      - name: podnet_lab
  host:
    description:
      - The host of the lab, by its name or by one of its addresses.
      - V(HOST/POD) is the pod of that name on the host, and V(HOST/POD/CONTAINER) what runs there.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
  remote_user:
    description: A lab host has no logins; one is V(root) there.
    type: str
    default: root
    vars:
      - name: ansible_user
extends_documentation_fragment:
  - connection_pipelining
seealso:
  - module: podnet.fabric.lab
"""

EXAMPLES = r"""
# inventory: a host of the lab, and a pod on it
all:
  vars:
    podnet_lab: demo
    ansible_connection: podnet.fabric.netns
  hosts:
    node-e6e4d:
      ansible_host: 10.111.0.8
    web:
      ansible_host: node-e6e4d/nginx-app-1
"""

import subprocess
from pathlib import Path
from subprocess import PIPE
from typing import IO

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.lab import places
from ansible_collections.podnet.fabric.plugins.module_utils.lab.spawn import ENVIRONMENT

display = Display()


class Connection(ConnectionBase):  # type: ignore[misc]
    """A way into the namespaces of a lab host or a pod."""

    transport = "podnet.fabric.netns"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def close(self) -> None:
        """Nothing is held between two commands."""
        self._connected = False

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a shell command there; return its status and what it wrote."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        display.vvv(f"EXEC {cmd}", host=self.get_option("host"))
        return self._run(["/bin/sh", "-c", cmd], in_data=in_data)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file from the controller."""
        super().put_file(in_path, out_path)
        if not Path(in_path).exists():
            raise AnsibleFileNotFound(f"{in_path} is not on the controller.")
        with Path(in_path).open("rb") as source:
            self._copy(f"of={out_path}", stdin=source)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file to the controller."""
        super().fetch_file(in_path, out_path)
        with Path(out_path).open("wb") as target:
            self._copy(f"if={in_path}", stdout=target)

    def _copy(
        self, file: str, stdin: IO[bytes] | int = subprocess.DEVNULL, stdout: IO[bytes] | int = PIPE
    ) -> None:
        status, _output, stderr = self._run(
            ["dd", file, "bs=1M", "status=none"], stdin=stdin, stdout=stdout
        )
        if status != 0:
            raise AnsibleError(f"dd {file}: {stderr.decode(errors='replace').strip()}")

    def _run(
        self,
        command: list[str],
        *,
        in_data: bytes | None = None,
        stdin: IO[bytes] | int = PIPE,
        stdout: IO[bytes] | int = PIPE,
    ) -> tuple[int, bytes, bytes]:
        lab, host = self.get_option("lab"), self.get_option("host")
        try:
            process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=PIPE,
                env=ENVIRONMENT,
                # In the child, which has one thread alone: setns asks for that.
                preexec_fn=places.find(lab, host).enter,  # noqa: PLW1509
            )
        except Failure as failure:
            raise AnsibleConnectionFailure(failure.message) from failure
        except (OSError, subprocess.SubprocessError) as error:
            raise AnsibleConnectionFailure(
                f"Host {host!r} of lab {lab!r} cannot be entered: {error}"
            ) from error
        with process:
            output, errors = process.communicate(in_data)
        return process.returncode, output or b"", errors
