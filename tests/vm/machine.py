# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One virtual machine: QEMU, which needs no help of the processor, at a port of a lab's switch.

What it writes is in a file without a name, and it dies with whoever started it: nothing of it is
left, however the tests end.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.lab import places, syscalls

if TYPE_CHECKING:
    from pathlib import Path

    from .image import Image

# One processor: two of a machine, when ours is busy, wait for each other without an end.
MEMORY, PROCESSORS = "1280", "1"

#: Its name in the machine follows from its place on the bus.
DEVICE, BUS_SLOT = "enp0s3", "3"

PR_SET_PDEATHSIG = 1


def network_of(lab: str, host: str) -> places.Place:
    """Return a place with the network of a lab host and the files of this machine."""
    place = places.HostPlace(lab, host)
    net = (f"/proc/{place.pid()}/ns/net", syscalls.CLONE_NEWNET)
    return places.Place(place.cgroup, (net,))


class Machine:
    """A virtual machine, from its start on.

    :param name: its whole name, with its domain.
    :param mac: of its network device, by which the image knows its address.
    :param segment: bridge of the lab's switch that it is plugged into.
    :param folder: takes its console's output and its control socket.
    """

    def __init__(
        self, name: str, mac: str, lab: str, segment: str, image: Image, folder: Path
    ) -> None:
        self.name = name
        self.console, self._control = folder / f"{name}.console", folder / f"{name}.qmp"
        self._switch, self._mac = network_of(lab, "switch"), mac
        self._port, self._segment = name.partition(".")[0], segment
        self._disk = _overlay(image.disk, folder / f"{name}.disk")
        self._process = self._started(image.kernel, image.initrd)

    def _started(self, kernel: Path, initrd: Path) -> subprocess.Popen[bytes]:
        def plug() -> None:
            self._switch.enter()
            add, port = f"tuntap add {self._port} mode tap", self._port
            subprocess.run(["ip", *add.split()], check=False, stderr=subprocess.DEVNULL)
            subprocess.run(f"ip link set {port} master {self._segment} up".split(), check=True)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

        return subprocess.Popen(
            self._command(kernel, initrd),
            stdin=subprocess.DEVNULL,
            preexec_fn=plug,  # noqa: PLW1509
            pass_fds=(self._disk,),
            start_new_session=True,  # an interrupt is for the tests, which then end it
        )

    def _command(self, kernel: Path, initrd: Path) -> list[str]:
        words = f"root=/dev/vda rw console=ttyS0 quiet mitigations=off systemd.hostname={self.name}"
        lan = f"tap,id=lan,ifname={self._port},script=no,downscript=no"
        return [
            *("qemu-system-x86_64", "-name", self.name, "-nodefaults", "-no-user-config"),
            *("-machine", "q35,usb=off", "-accel", "tcg,thread=multi", "-cpu", "Nehalem"),
            *("-smp", PROCESSORS, "-m", MEMORY, "-display", "none"),
            *("-kernel", str(kernel), "-initrd", str(initrd), "-append", words),
            *("-drive", f"if=virtio,format=qcow2,cache=unsafe,file=/proc/self/fd/{self._disk}"),
            *("-netdev", lan, "-device"),
            f"virtio-net-pci,id=nic,netdev=lan,mac={self._mac},addr={BUS_SLOT},romfile=",
            *("-device", "virtio-rng-pci", "-serial", f"file:{self.console}"),
            # Where it has switched itself off, it waits to be switched on, with its disk.
            *("-qmp", f"unix:{self._control},server=on,wait=off", "-action", "shutdown=pause"),
        ]

    @property
    def runs(self) -> bool:
        """Whether there is a machine, be it on or off."""
        return self._process.poll() is None

    @property
    def is_off(self) -> bool:
        """Whether it has switched itself off."""
        return bool(self._ask("query-status")["status"] == "shutdown")

    def switch_on(self) -> None:
        """Boot it, with the disk as it was left."""
        self._ask("system_reset")
        self._ask("cont")

    def switch_on_with(self, kernel: Path, initrd: Path) -> None:
        """Boot one that is off with another kernel, and the disk as it was left."""
        self._process.kill()
        self._process.wait()
        self._process = self._started(kernel, initrd)

    def set_link(self, *, up: bool) -> None:
        """Plug its network cable, or pull it."""
        self._ask("set_link", name="nic", up=up)

    def said(self, line: str) -> bool:
        """Say whether a line has come out of its console, behind a prompt for a login or not."""
        said = self.console.read_text(errors="replace").splitlines()
        return any(one.endswith(line) for one in said)

    def end(self) -> None:
        """Let there be no such machine."""
        self._process.kill()
        self._process.wait()
        os.close(self._disk)

    def _ask(self, command: str, **arguments: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self._control))
            with control.makefile("rw") as stream:
                stream.readline()  # it greets
                for asked in ({"execute": "qmp_capabilities"}, _asked(command, arguments)):
                    stream.write(json.dumps(asked))
                    stream.flush()
                    # Between, it tells what happens to the machine.
                    while (
                        not {"return", "error"} & (answer := json.loads(stream.readline())).keys()
                    ):
                        continue
                    assert "error" not in answer, answer
        return answer["return"]


def _overlay(disk: Path, file: Path) -> int:
    """Return an open file, without a name by now, for what a machine writes to a disk."""
    create = ("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b")
    subprocess.run([*create, str(disk), str(file)], check=True)
    opened = os.open(file, os.O_RDWR)
    file.unlink()
    return opened


def _asked(command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"execute": command, "arguments": arguments} if arguments else {"execute": command}
