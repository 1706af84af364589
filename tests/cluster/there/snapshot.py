# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Print all that a host holds and that a network could change: a list of lines by section.

Runs on a lab host. Left out is what changes by itself: counters, timers, and neighbours that the
kernel learned.
"""

import errno
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / ".build" / "collections"))
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import syscall

#: enum bpf_attach_type; bpftool of Debian 12 does not know these two.
TCX = {"tcx ingress": 46, "tcx egress": 47}
FOLDERS = ("/etc", "/usr/local/sbin", "/var/lib", "/run", "/sys/fs/bpf")
#: iproute2 makes this with the first namespace and never removes it; what is in it counts.
NETNS = "/run/netns"
#: Package managers run on the machine, not on the lab host, and the host sees it.
MACHINES_OWN = ("/var/lib/dpkg", "/var/lib/apt", "/etc/alternatives")


def tell(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.rstrip() for line in done.stdout.splitlines() if line.strip()]


def objects(*command):
    out = "".join(tell(*command)).strip()
    found = json.loads(out) if out else []
    return [json.dumps(without_timers(each), sort_keys=True) for each in found]


def without_timers(told):
    if isinstance(told, dict):
        return {
            key: without_timers(value) for key, value in told.items() if not key.endswith("_timer")
        }
    return told


def forwarding():
    """Return what stands in forwarding tables, less what a bridge has learned.

    Less the groups, too, that devices have joined by themselves: when, that is the kernel's.
    """
    entries = {line: json.loads(line) for line in objects("bridge", "-j", "fdb")}
    return [
        line
        for line, entry in entries.items()
        if entry.get("state") in ("permanent", "static") and not is_group(entry["mac"])
    ]


def is_group(mac):
    return int(mac[:2], 16) & 1 == 1


def pods():
    """Return what each pod's own network has that somebody set."""
    for pod in tell("ip", "netns", "list"):
        inside = ("ip", "-n", pod.split()[0], "-j")
        for what in (("address",), ("route",), ("neighbour", "show", "nud", "permanent")):
            yield from (f"{pod.split()[0]}: {line}" for line in objects(*inside, *what))


def filters(devices):
    return [
        f"{device} {hook}: {line}"
        for device in devices
        for hook in ("ingress", "egress")
        for line in tell("tc", "filter", "show", "dev", device, hook)
    ]


def attached(device, number):
    try:
        return syscall.program_query(socket.if_nametoindex(device), number, links=True)
    except OSError as error:
        if error.errno == errno.EINVAL:  # before Linux 6.6
            return []
        raise


def programs(devices):
    for device in devices:
        for hook, number in TCX.items():
            for program, link in attached(device, number):
                yield f"{device} {hook}: program {program}, link {link}"
    (hooks,) = json.loads("".join(tell("bpftool", "-j", "net", "show")))
    for kind, found in hooks.items():
        yield from (f"{kind} {json.dumps(each, sort_keys=True)}" for each in found)


def files(top):
    for path, folders, names in os.walk(top):
        folders[:] = [name for name in folders if f"{path}/{name}" not in MACHINES_OWN]
        for name in [*folders, *names]:
            if f"{path}/{name}" == NETNS:
                continue
            seen = os.lstat(f"{path}/{name}")
            line = f"{path}/{name} {stat.filemode(seen.st_mode)} {seen.st_uid}:{seen.st_gid}"
            if stat.S_ISREG(seen.st_mode):
                line += f" {seen.st_size} bytes {seen.st_mtime_ns}"
            yield line


def sysctls():
    for path, _folders, names in os.walk("/proc/sys/net"):
        for name in names:
            try:
                yield f"{path}/{name} = {Path(path, name).read_text().strip()}"
            except OSError:  # written only, or of a protocol that is not set up
                continue


def cgroups(root):
    yield from tell("bpftool", "cgroup", "tree", root)
    for path, folders, _names in os.walk(root):
        yield from (f"{path}/{name}" for name in folders)


def mounts():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _dash, filesystem = line.partition(" - ")
        if mount.split()[4] != NETNS:
            # Of a disk of the lab the kernel says this when it is mounted for the first time.
            yield f"{mount.split()[4]} {filesystem.replace(',uuid=on', '')}"


DEVICES = [json.loads(line)["ifname"] for line in objects("ip", "-j", "link")]
CGROUP2 = next(line.split()[0] for line in mounts() if line.split()[1] == "cgroup2")

print(
    json.dumps(
        {
            "links": objects("ip", "-d", "-j", "link"),
            "addresses": objects("ip", "-j", "address"),
            "routes": objects("ip", "-j", "-d", "route", "show", "table", "all")
            + objects("ip", "-j", "-d", "-6", "route", "show", "table", "all"),
            "rules": objects("ip", "-j", "rule") + objects("ip", "-j", "-6", "rule"),
            "neighbours": objects("ip", "-j", "neighbour", "show", "nud", "permanent")
            + objects("ip", "-j", "neighbour", "show", "proxy")
            + forwarding(),
            "namespaces": tell("ip", "netns", "list"),
            "pods": list(pods()),
            "qdiscs": objects("tc", "-j", "qdisc"),
            "filters": filters(DEVICES),
            "firewall": tell("nft", "list", "ruleset"),
            "programs": list(programs(DEVICES)),
            "cgroups": list(cgroups(CGROUP2)),
            "sysctls": list(sysctls()),
            "mounts": list(mounts()),
            "files": [line for folder in FOLDERS for line in files(folder)],
        }
    )
)
