# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What events of the host's network take from the pod network: it survives, or it comes back."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import entries
from ansible_collections.podnet.fabric.plugins.module_utils.restoration import host, record
from node_support import NODE_IP, bare_node, make_datapath, plan
from running import do, four_runs, ip_here, run, run_module


@pytest.fixture
def bare():
    """Be on a bare node, with files of its own below /etc and /usr/local/sbin."""
    with bare_node():
        for part in ("upper", "work"):
            Path("/run/etc", part).mkdir(parents=True)
        layers = "lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work"
        do("mount", "-t", "overlay", "-o", layers, "overlay", "/etc")
        do("mount", "-t", "tmpfs", "none", "/usr/local/sbin")
        Path("/etc/network/if-up.d").mkdir(parents=True, exist_ok=True)
        yield


def test_four_runs_and_teardown(bare):
    node = plan("web-1")
    make_datapath(node)
    four_runs("restoration", node=node)
    assert record.PATH.stat().st_mode & 0o777 == 0o600
    print(host.COMMAND.stat())
    print(do("/usr/local/sbin/podnet", "--help"))
    begin = time.monotonic()
    print(do("/usr/local/sbin/podnet", "restore"), time.monotonic() - begin)
    do("ip", "route", "del", "10.111.160.128/25")
    do("ip", "addr", "del", NODE_IP + "/24", "dev", "eth0")
    print(do("ip", "route"))
    do("ip", "addr", "add", NODE_IP + "/24", "dev", "eth0")
    print(do("/usr/local/sbin/podnet", "restore"), time.monotonic() - begin)
    print(do("ip", "route"))
    run("teardown")
    assert not host.COMMAND.exists()
