# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Long connections through a service, held by a process there while something is done."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces

from tests.cluster.capture import network
from tests.cluster.probes import PYTHON

from .write_up import THERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from .clients import Client

SCRIPT = str(THERE / "talk.py")

#: Eight connections all go to one of two servers once in 128 times; who needs both opens them anew.
COUNT, TRIES = 8, 4
SERVERS = frozenset({"webpod1", "webpod2"})

#: TCP waits 200 ms before it sends again what was lost: half of it.
STALL = 100


@dataclass(frozen=True)
class Talks:
    """Connections that send without end."""

    process: subprocess.Popen[str]
    begin: list[dict[str, Any]]

    def report(self) -> list[dict[str, Any]]:
        """Return what has become of them; see ``there/talk.py``."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return _read(self.process)


def _read(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)


@contextlib.contextmanager
def talks(
    client: Client, address: str, port: int, wanted: Set[str] | None = SERVERS
) -> Iterator[Talks]:
    """Hold connections to a service; they have reached these servers, or with None whichever."""
    for _try in range(TRIES):
        with _started(client, address, port) as process:
            begin = _read(process)
            if wanted is None or {each["name"] for each in begin} == wanted:
                yield Talks(process, begin)
                return
    raise AssertionError(f"{client.place}: connections to {address}:{port} do not reach {wanted}")


@contextlib.contextmanager
def _started(client: Client, address: str, port: int) -> Iterator[subprocess.Popen[str]]:
    with _start(client, (*PYTHON, SCRIPT, address, str(port), str(COUNT))) as process:
        try:
            yield process
        finally:
            process.kill()


def _start(client: Client, command: tuple[str, ...]) -> subprocess.Popen[str]:
    if not client.raw:
        return client.cluster.start(client.place, *command)
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with namespaces.inside(network(client.cluster.lab, client.place)):
        return subprocess.Popen(command, text=True, **pipes)


@contextlib.contextmanager
def nothing_is_lost(*several: Talks) -> Iterator[None]:
    """Fail for a connection that breaks, stalls or sends anything again in a ``with`` block."""
    yield
    for each in several:
        for before, after in zip(each.begin, each.report()):
            print(after)
            assert after["error"] is None
            assert after["bytes"] - before["bytes"] > 100 * 1024
            assert after["resent"] == 0
            assert after["stall"] <= STALL
