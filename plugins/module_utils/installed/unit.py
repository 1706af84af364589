# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd's unit that brings the node's network back at a boot, where systemd runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .. import names
from ..engine import files
from . import confirmed
from . import files as ours
from .command import COMMAND
from .systemd import FOLDER, NICE, is_used, systemctl

if TYPE_CHECKING:
    from ..engine.change import Changes

NAME = "podnet-boot.service"
PATH = FOLDER / NAME
#: What ``systemctl enable`` makes of WantedBy.
WANTED = FOLDER / "multi-user.target.wants" / NAME

#: Container runtimes, and who starts pods: they find the network as it was.
_LATER = "containerd.service crio.service docker.service kubelet.service podman-restart.service"
_EARLIER = "systemd-networkd.service NetworkManager.service networking.service"

_TEXT = f"""# Made by {names.MARK}.
[Unit]
Description=Pod network of this node, as its last run left it
After={_EARLIER}
Before={_LATER}
ConditionPathExists={confirmed.PATH}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={COMMAND} boot
TimeoutStartSec=infinity
Nice={NICE}

[Install]
WantedBy=multi-user.target
"""


def plan(changes: Changes) -> None:
    """Have the unit, and have systemd start it at each boot, where there is systemd."""
    if not is_used():
        return
    text = _TEXT.encode()
    found = ours.read(PATH)
    ours.refuse_others(PATH, found)
    if found != text:
        before = None if found is None else {"text": "of another version"}
        changes.add(f"file {PATH}", before, {"text": "of this version"}, partial(_write, text))
    enabled = {"enabled": True} if WANTED.is_symlink() else None
    changes.add(f"unit {NAME}", enabled, {"enabled": True}, _enable)


def plan_removal(changes: Changes) -> None:
    """Have no boot start it any more; the network is left to the caller."""
    if WANTED.is_symlink():
        changes.add(f"unit {NAME}", {"enabled": True}, None, partial(files.remove, WANTED))
    found = ours.read(PATH)
    if found is not None and names.MARK.encode() in found:
        changes.add(f"file {PATH}", {"text": "ours"}, None, _remove)


def _write(text: bytes) -> None:
    files.write(PATH, text, 0o644)
    systemctl("daemon-reload")


def _enable() -> None:
    WANTED.parent.mkdir(mode=0o755, exist_ok=True)
    WANTED.symlink_to(PATH)


def _remove() -> None:
    if is_used():
        systemctl("stop", NAME)  # while systemd knows it
    files.remove(PATH)
    if is_used():
        systemctl("daemon-reload")
