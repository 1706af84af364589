# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attach the program pinned at /sys/fs/bpf/own by tcx to eth0, before all others."""

import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / ".build" / "collections"))
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import syscall

TCX_INGRESS, BPF_F_BEFORE = 46, 8

program = syscall.get("/sys/fs/bpf/own")
link = syscall.link_create(program, socket.if_nametoindex("eth0"), TCX_INGRESS, BPF_F_BEFORE)
syscall.pin(link, "/sys/fs/bpf/own-link")
