# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who asks a service: a program on a host or in a pod, with sockets or packets balanced."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.lab.spawn import ENVIRONMENT

from tests.cluster.capture import network

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

#: What curl says: refused or unreachable; nothing came back in time.
REFUSED, SILENT = 7, 28

#: Seconds within which a refusal counts as one at once; a SYN is sent again after one.
AT_ONCE = 0.5

#: Of a client who expects an answer, to each of his requests: after the first failure he gives up.
PATIENCE = ("-sS", "-m", "5", "--fail-early")


class Page(NamedTuple):
    """What the web servers say of a visit: who answers, at which address, and whom."""

    server: str
    address: str
    visitor: str


class Failure(NamedTuple):
    """How a request failed: curl's status, and after how many seconds."""

    status: int
    seconds: float


@dataclass(frozen=True)
class Client:
    """A place that programs run in: ``HOST`` or ``HOST/POD``.

    :param raw: the programs are in the pod's network, but in no cgroup of the node: what they send
        to a service is packets with the service's address.
    """

    cluster: Cluster
    place: str
    raw: bool = False

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        if not self.raw:
            return self.cluster.try_exec(self.place, *command, stdin=stdin)
        with namespaces.inside(network(self.cluster.lab, self.place)):
            return subprocess.run(
                command, env=ENVIRONMENT, input=stdin, capture_output=True, text=True, check=False
            )

    def say(self, *command: str, stdin: str = "") -> str:
        """Run a command that must succeed; return its output."""
        done = self.run(*command, stdin=stdin)
        assert done.returncode == 0, f"{self.place}: {command}: {done.stderr}{done.stdout}"
        return done.stdout

    def ask(self, address: str, port: int = 80, *options: str, times: int = 1) -> list[Page]:
        """Fetch a page by curl, so many times, each by a connection of its own."""
        url = f"http://{address}:{port}/?[1-{times}]"
        said = self.say("curl", *PATIENCE, "-H", "Connection: close", *options, url)
        words = [line.split() for line in said.splitlines()]
        pages = [Page(server, own, visitor) for server, own, _answers, visitor in words]
        assert len(pages) == times, said
        return pages

    def fail(self, address: str, port: int = 80) -> Failure:
        """Fetch a page that does not come; return why, after a second at most."""
        words = ("curl", "-s", "-m", "1", "-o", "/dev/null", "-w", "%{time_total}")
        done = self.run(*words, f"http://{address}:{port}/")
        assert done.returncode != 0, f"{self.place} reached {address}:{port}"
        return Failure(done.returncode, float(done.stdout))

    def refused(self, address: str, port: int = 80) -> None:
        """Fail unless a connection is refused at once."""
        status, seconds = self.fail(address, port)
        assert status == REFUSED
        assert seconds < AT_ONCE
