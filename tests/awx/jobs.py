# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Jobs as AWX runs them: by ansible-runner, without privileges, on a host that has SSH alone.

The host is one of the lab. What the jobs need is seen there at the paths that it has outside,
whoever may read those; the project is read-only.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests import kept
from tests.waiting import wait_for

from .playing import BIN, ROOT, play

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.cluster.cluster import Cluster

HOST = "controller"
NOBODY = "65534"
#: There by Debian's base files; what is mounted there is in the lab host's own mounts alone.
PLACE = "/mnt"
DATA = f"{PLACE}/data"
#: By AWX's own settings: new hosts have new keys. What one job packs for the nodes, and what other
#: tests have compiled, the others send as well.
ENVIRONMENT = {
    "HOME": f"{PLACE}/home",
    "LC_ALL": "C.UTF-8",
    "PATH": f"{BIN}:/usr/bin:/bin",
    "ANSIBLE_COLLECTIONS_PATH": f"{PLACE}/collections",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_PIPELINING": "True",
    "ANSIBLE_CALLBACK_PLUGINS": f"{PLACE}/callbacks",
    "ANSIBLE_CALLBACKS_ENABLED": "ahead",
    "PACKED_PATH": f"{PLACE}/packed",
    "PODNET_OBJECT_CACHE": f"{PLACE}/objects",
}
SCRIPT = "#!/bin/sh\ncat <<'END'\n{}\nEND\n"


@dataclass(frozen=True)
class Job:
    """What came of a job."""

    status: str
    output: str
    stats: dict[str, dict[str, int]]
    artifacts: dict[str, Any]
    cached: int

    @property
    def changed(self) -> int:
        """How many tasks changed something."""
        return sum(self.stats.get("changed", {}).values())


def prepare(cluster: Cluster, collections: Path, project: Path, folder: Path) -> None:
    """Let the host's nobody log in to the nodes, and see project, collection and ansible-runner.

    :param folder: for keys, empty.
    """
    for name in ("user", "host"):
        kind = ["-t", "ed25519", "-N", "", "-q", "-f", str(folder / name)]
        subprocess.run(["ssh-keygen", *kind], check=True)
    subprocess.run(
        ["dropbearconvert", "openssh", "dropbear", str(folder / "host"), str(folder / "dropbear")],
        check=True,
        capture_output=True,
    )
    for node in cluster.nodes:
        _listen(cluster, node, folder)
    _see(cluster, collections, project, folder)


def _listen(cluster: Cluster, node: str, folder: Path) -> None:
    """Start an SSH server on a node, which has a home of its own from now on."""
    cluster.exec(node, "mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", "/root")
    cluster.exec(node, "mkdir", "-m", "700", "/root/.ssh")
    cluster.exec(
        *(node, "sh", "-c", "umask 077; cat >/root/.ssh/authorized_keys"),
        stdin=(folder / "user.pub").read_text(),
    )
    key = (folder / "dropbear").read_bytes()
    cluster.exec(node, "sh", "-c", "base64 -d >/root/key", stdin=base64.b64encode(key).decode())
    cluster.exec(node, "dropbear", "-s", "-p", "22", "-r", "/root/key", "-P", "/root/pid")
    wait_for(f"SSH on {node}", lambda: ":22 " in cluster.exec(node, "ss", "-Hltn"))


def _see(cluster: Cluster, collections: Path, project: Path, folder: Path) -> None:
    python = BIN.parent
    seen = {python.resolve(), python.absolute()}
    lines = [f"mount -t tmpfs -o mode=755 tmpfs {PLACE}", f"mkdir {PLACE}/venv {PLACE}/collections"]
    lines += [f"mount --bind {collections} {PLACE}/collections"]
    lines += [f"mount --bind {python.resolve()} {PLACE}/venv"]
    lines += [f"mkdir -p {DATA}/project {DATA}/inventory {DATA}/env {PLACE}/home {PLACE}/packed"]
    lines += [f"cp -r {ROOT}/tests/cluster/callback_plugins {PLACE}/callbacks"]
    compiled = Path(os.environ.get(kept.CACHE, "/nonexistent")).glob("*.json")
    lines += [f"mkdir -m 700 {PLACE}/objects", *(f"cp {each} {PLACE}/objects" for each in compiled)]
    lines += [f"cp -r {project}/. {DATA}/project", f"cp {folder}/user {DATA}/env/ssh_key"]
    lines += [f"chown -R {NOBODY}:{NOBODY} {DATA} {PLACE}/home {PLACE}/packed {PLACE}/objects"]
    lines += [f"mount --bind {DATA}/project {DATA}/project"]
    lines += [f"mount -o remount,bind,ro {DATA}/project"]
    for path in seen:
        closed = [one for one in reversed(path.parents) if not _open(one)]
        if closed:
            lines += [f"mount -t tmpfs -o mode=755 tmpfs {closed[0]}", f"mkdir -p {path}"]
            lines += [f"mount --bind {PLACE}/venv {path}"]
    cluster.exec(HOST, "sh", "-e", stdin="\n".join(lines))


def _open(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IXOTH)


def run(
    cluster: Cluster,
    template: dict[str, Any],
    hosts: Collection[str],
    *,
    answers: dict[str, Any] | None = None,
    limit: str = "",
) -> Job:
    """Run a job template's playbook.

    :param template: as ``docs/awx/controller.yml`` has it.
    :param hosts: those of the project's inventory that the job knows: a slice has a part of them.
    :param answers: extra variables: of the survey, and what earlier jobs of a workflow hand on.
    """
    inventory = _inventory(hosts)
    words = ["-u", "root", *(["--check"] if template["job_type"] == "check" else [])]
    words += [*(["--diff"] if template["diff_mode"] else []), *(["-l", limit] if limit else [])]
    identifier = f"job-{uuid.uuid4().hex}"
    files = {
        "inventory/hosts": SCRIPT.format(json.dumps(inventory)),
        "env/extravars": yaml.safe_dump({"awx_job_id": 1, **(answers or {})}),
        "env/cmdline": " ".join(words),
        "env/settings": yaml.safe_dump({"fact_cache_type": "jsonfile", "fact_cache": "facts"}),
    }
    for name, content in files.items():
        cluster.exec(HOST, "sh", "-c", f"cat >{DATA}/{name}", stdin=content)
    cluster.exec(HOST, "chmod", "755", f"{DATA}/inventory/hosts")
    command = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]
    command += ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    command += ["env", "-i", *(f"{name}={value}" for name, value in ENVIRONMENT.items())]
    command += [str(BIN / "python"), "-m", "ansible_runner", "run", DATA]
    command += ["-p", template["playbook"], "--ident", identifier]
    done = cluster.try_exec(HOST, *command)
    return _read(cluster, f"{DATA}/artifacts/{identifier}", done.stdout + done.stderr)


@cache
def _synced() -> str:
    """Return the project's inventory as AWX reads it."""
    command = [str(BIN / "ansible-inventory"), "-i", str(ROOT / "docs/awx/inventory/hosts.yml")]
    done = subprocess.run([*command, "--list", "--export"], check=True, capture_output=True)
    return done.stdout.decode()


def _inventory(hosts: Collection[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_synced())
    found["podnet_nodes"]["hosts"] = list(hosts)
    known = found["_meta"]["hostvars"]
    found["_meta"]["hostvars"] = {name: known[name] for name in hosts}
    return found


def _read(cluster: Cluster, artifacts: str, output: str) -> Job:
    status = cluster.try_exec(HOST, "cat", f"{artifacts}/status").stdout
    events = cluster.exec(
        *(HOST, "sh", "-c", f"grep -l playbook_on_stats {artifacts}/job_events/*.json | xargs cat")
    )
    stats = json.loads(events)["event_data"] if events else {}
    size = cluster.exec(HOST, "sh", "-c", f"cat {artifacts}/facts/* 2>/dev/null | wc -c")
    return Job(status, output, stats, stats.get("artifact_data", {}), int(size))


def project(folder: Path) -> Path:
    """Return the project that people copy, in a folder of its own."""
    shutil.copytree(ROOT / "docs/awx", folder, dirs_exist_ok=True)
    done = play(awx_folder=str(folder))
    assert done.returncode == 0, done.stdout
    return folder
