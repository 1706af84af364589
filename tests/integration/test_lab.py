"""Labs on the real kernel: what they are to those inside, and what they leave to those outside."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.lab import (
    build,
    cgroups,
    places,
    removal,
)

CHECKOUT = Path(__file__).parents[2]
LAB = f"test{os.getpid()}"
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".build" / "collections"),
    "ANSIBLE_PIPELINING": "1",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_HOST_KEY_CHECKING": "0",
}
#: Two subnets and a gateway between them.
HOSTS = {
    "left": {
        "lab_links": [{"segment": "west", "address": "10.9.0.2/24"}],
        "lab_routes": [{"dst": "default", "via": "10.9.0.1"}],
    },
    "right": {
        "lab_links": [{"segment": "east", "address": "10.9.1.2/24", "mtu": 1400}],
        "lab_routes": [{"dst": "10.9.0.0/16", "via": "10.9.1.1"}],
    },
    "router": {
        "lab_links": [
            {"segment": "west", "address": "10.9.0.1/24"},
            {"segment": "east", "address": "10.9.1.1/24", "device": "lan1"},
        ],
        "lab_sysctls": {"net.ipv4.ip_forward": True},
    },
}


def run(*command, stdin="", status=0, **options):
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
        **options,
    )
    assert done.returncode == status, (
        f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    )
    return done


def lab(*arguments, **options):
    return run(CHECKOUT / "lab", *arguments, **options)


def inside(target, *command, **options):
    return lab("-l", LAB, "exec", target, *command, **options)


def inventory(folder, hosts=None, **variables):
    file = folder / "inventory.yml"
    everything = {
        "podnet_lab": LAB,
        "ansible_connection": "podnet.fabric.netns",
        "ansible_python_interpreter": "/usr/bin/python3",
        **variables,
    }
    file.write_text(yaml.safe_dump({"all": {"vars": everything, "hosts": hosts or HOSTS}}))
    return file


def module_hosts(hosts=None):
    """Hosts as the module takes them."""
    return [
        {"name": name, **{key[len("lab_") :]: value for key, value in host.items()}}
        for name, host in (hosts or HOSTS).items()
    ]


def playbook(folder, tasks, hosts, *options, status=0, source=None):
    file = folder / "playbook.yml"
    file.write_text(yaml.safe_dump([{"hosts": hosts, "gather_facts": False, "tasks": tasks}]))
    return run(
        "ansible-playbook", "-i", source or inventory(folder), file, *options, status=status
    ).stdout


def module(folder, host, name, arguments, *options, status=0):
    """Run one module on a host; return what it returned."""
    out = run(
        *("ansible", "-i", inventory(folder), host, "-m", f"podnet.fabric.{name}"),
        *("-a", json.dumps(arguments), "-o", "-t", folder / "out", *options),
        status=status,
    )
    assert out
    return json.loads((folder / "out" / host).read_text())


def wait_until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not after {seconds} s: {what}"
        time.sleep(0.01)


def left_of(name):
    """All that this machine shows of a lab."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    processes = [
        process.name
        for process in Path("/proc").iterdir()
        # One that is dead and waits for init to notice holds nothing any more.
        if process.name.isdigit()
        and f"/podnet-lab/{name}/" in _text(process / "cgroup")
        and "State:\tZ" not in _text(process / "status")
    ]
    cgroup = cgroups.mount_point() / places.CGROUP / name
    folders = [str(folder) for folder in (cgroup, places.STATE / name) if folder.exists()]
    devices = {"west", "east", "left.eth0", "right.eth0", "router.eth0", "router.lan1"}
    links = {link["ifname"] for link in json.loads(run("ip", "-j", "link").stdout)}
    return [
        *(line for line in mounts if f"/podnet-lab/{name}" in line),
        *processes,
        *folders,
        *(devices & links),
    ]


def _text(file):
    try:
        return file.read_text()
    except OSError:
        return ""


@pytest.fixture(scope="module", autouse=True)
def _machine():
    """Leave nothing of a lab on the machine after the tests."""
    yield
    for name in (LAB, f"{LAB}b"):
        removal.absent(name)
        assert left_of(name) == []


@pytest.fixture
def small():
    """Have the lab, whatever the test before made of it."""
    build.present(LAB, module_hosts())


@pytest.fixture
def anew(small):
    """Have nothing on the host ``left`` but what a boot puts there, before and after."""
    build.reboot(LAB, "left")
    yield
    build.reboot(LAB, "left")


def test_four_runs_of_up(tmp_path):
    removal.absent(LAB)
    up = ("up", "-i", inventory(tmp_path))
    predicted = lab(*up, "--check", "--diff").stdout
    assert "changed=1" in predicted
    assert left_of(LAB) == []

    done = lab(*up, "--diff").stdout
    assert "changed=1" in done
    # What check mode has told is what was done, word for word.
    assert predicted.partition("Have every lab")[2] == done.partition("Have every lab")[2]
    for name in ("switch", *HOSTS):
        assert f"host {name}" in done

    keepers = [places.HostPlace(LAB, name).pid() for name in HOSTS]
    assert "changed=0" in lab(*up).stdout
    assert "changed=0" in lab(*up, "--check").stdout
    assert [places.HostPlace(LAB, name).pid() for name in HOSTS] == keepers


def test_hosts_reach_each_other_through_the_gateway(small):
    out = inside("left", "ping", "-c1", "-W2", "10.9.1.2").stdout
    assert "ttl=63" in out


def test_devices_are_as_described(small):
    (device,) = json.loads(inside("right", "ip", "-j", "addr", "show", "eth0").stdout)
    assert device["address"] == "02:00:0a:09:01:02"
    assert device["mtu"] == 1400
    assert [address["local"] for address in device["addr_info"]] == ["10.9.1.2"]
    ports = json.loads(inside("switch", "ip", "-j", "link", "show", "master", "east").stdout)
    assert [port["ifname"] for port in ports] == ["right.eth0", "router.lan1"]
    assert inside("router", "cat", "/proc/sys/net/ipv4/ip_forward").stdout == "1\n"
    assert inside("left", "cat", "/proc/sys/net/ipv4/ip_forward").stdout == "0\n"


def test_a_host_is_a_machine_of_its_own(small):
    assert inside("left", "hostname").stdout == "left\n"
    assert inside("left", "cat", "/proc/self/cgroup").stdout.splitlines()[-1] == "0::/"
    assert inside("left", "ls", "/sys/class/net").stdout.split() == ["eth0", "lo"]
    assert inside("left", "ls", "/sys/fs/bpf").stdout == ""
    assert inside("left", "find", "/run", "-mindepth", "1").stdout == ""


def test_what_a_host_writes_stays_in_it(small, tmp_path):
    file = f"/etc/{LAB}"
    inside("left", "tee", file, "/root/of-left", stdin="left's\n")
    assert inside("left", "cat", file).stdout == "left's\n"
    assert not Path(file).exists()
    assert not Path("/root/of-left").exists()
    inside("right", "test", "!", "-e", file)
    # What lies on the machine is there, the checkout of this collection too.
    assert inside("left", "cat", CHECKOUT / "galaxy.yml").stdout == _text(CHECKOUT / "galaxy.yml")


def test_bpffs_is_the_hosts_own(anew):
    pin = f"/sys/fs/bpf/{LAB}"
    inside("left", "mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    inside(
        "left",
        *("bpftool", "map", "create", pin),
        *("type", "array", "key", "4", "value", "4", "entries", "1", "name", "probe"),
    )
    inside("left", "test", "-e", pin)
    inside("right", "mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    inside("right", "test", "!", "-e", pin)
    assert not Path(pin).exists()


def test_a_cgroup_program_at_the_hosts_root_acts_on_that_host_alone(anew, tmp_path):
    source, program = tmp_path / "silence.c", tmp_path / "silence.o"
    source.write_text(
        '__attribute__((section("cgroup_skb/egress"))) int silence(void *skb) { return 0; }\n'
        'char gpl[] __attribute__((section("license"))) = "GPL";\n'
    )
    run("clang", "-O2", "-target", "bpf", "-c", source, "-o", program)
    inside("left", "tee", "/root/silence.o.b64", stdin=run("base64", program).stdout)
    inside("left", "sh", "-c", "base64 -d /root/silence.o.b64 > /root/silence.o")
    inside("left", "mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    inside("left", "bpftool", "prog", "load", "/root/silence.o", "/sys/fs/bpf/silence")
    inside("left", "ping", "-c1", "-W2", "127.0.0.1")
    inside(
        "left",
        *("bpftool", "cgroup", "attach", "/sys/fs/cgroup", "egress"),
        *("pinned", "/sys/fs/bpf/silence"),
    )
    inside("left", "ping", "-c1", "-W1", "127.0.0.1", status=1)
    inside("right", "ping", "-c1", "-W2", "127.0.0.1")
    run("ping", "-c1", "-W2", "127.0.0.1")


def test_exec_hands_through_status_input_and_output(small):
    assert inside("left", "sh", "-c", "exit 42", status=42).stdout == ""
    done = inside("left", "sh", "-c", "cat; echo no >&2", stdin="through\n")
    assert (done.stdout, done.stderr) == ("through\n", "no\n")
    assert inside("left", "echo", "a  b", "$HOME").stdout == "a  b $HOME\n"
    assert "no-such-program" in inside("left", "no-such-program", status=127).stderr
    # Not the caller's environment, but that of a login.
    assert inside("left", "sh", "-c", "echo $HOME $ANSIBLE_PIPELINING").stdout == "/root\n"


def test_exec_ends_with_its_reader(small):
    command = f"{CHECKOUT}/lab -l {LAB} exec left yes | head -n1; echo ${{PIPESTATUS[0]}}"
    assert run("bash", "-c", command, timeout=20).stdout == f"y\n{128 + signal.SIGPIPE}\n"


def test_exec_keeps_the_terminal(small):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(CHECKOUT / "lab", ["lab", "-l", LAB, "exec", "left", "tty"])
    shown = os.read(terminal, 100).decode()
    assert os.waitpid(pid, 0)[1] == 0, shown
    os.close(terminal)
    assert re.fullmatch(r"/dev/pts/\d+\r\n", shown)


def test_exec_says_what_is_not_there(small):
    assert "no host 'nobody'; there is left, right, router, switch" in (
        inside("nobody", "true", status=1).stderr
    )
    assert "Pod 'web' is not on 'left'" in inside("left/web", "true", status=1).stderr
    assert "is not up" in lab("exec", "no-lab:left", "true", status=1).stderr


def test_labs_stand_side_by_side(small, tmp_path):
    other = f"{LAB}b"
    lab("up", "-i", inventory(tmp_path), "-e", f"podnet_lab={other}")
    shown = lab("list", LAB, other).stdout
    assert [line for line in shown.splitlines() if not line.startswith(" ")] == [LAB, other]

    assert "Several labs are up" in lab("exec", "left", "true", status=1).stderr
    lab("exec", f"{other}:left", "touch", "/run/other")
    inside("left", "test", "!", "-e", "/run/other")

    keepers = [places.HostPlace(LAB, name).pid() for name in HOSTS]
    lab("down", other)
    assert left_of(other) == []
    assert [places.HostPlace(LAB, name).pid() for name in HOSTS] == keepers
    inside("left", "ping", "-c1", "-W2", "10.9.1.2")


def test_down_twice_and_of_nothing(tmp_path):
    build.present(LAB, module_hosts())
    assert lab("down", LAB).stdout == ""
    assert left_of(LAB) == []
    said = f"Lab {LAB!r} is not up: there is nothing to take down.\n"
    assert lab("down", LAB).stdout == said
    assert removal.absent(LAB) == {
        "changed": False,
        "changes": [],
        "diff": {"before": {}, "after": {}},
    }


def test_check_mode_of_absent_removes_nothing(small):
    assert removal.absent(LAB, check_mode=True)["changes"] == [f"remove lab {LAB}"]
    inside("left", "true")


@pytest.mark.parametrize(
    ("drift", "repair"),
    [
        ("left ip route del default", ["change route 0.0.0.0/0 of left"]),
        ("left ip link set eth0 down", ["change link eth0 of left"]),
        ("right ip link del eth0", ["change link eth0 of right"]),
        ("right ip addr del 10.9.1.2/24 dev eth0", ["change link eth0 of right"]),
        ("switch ip link del west", ["create segment west"]),
        ("router sysctl -qw net.ipv4.ip_forward=0", ["change sysctl net.ipv4.ip_forward"]),
    ],
)
def test_drift_is_repaired_and_only_that(small, drift, repair):
    inside(*drift.split())
    done = build.present(LAB, module_hosts())["changes"]
    objects = {step.partition(" ")[2] for step in done}
    for step in repair:
        assert any(step.partition(" ")[2] in found for found in objects), done
    inside("left", "ping", "-c1", "-W2", "10.9.1.2")
    assert build.present(LAB, module_hosts())["changes"] == []


def test_what_a_role_adds_is_left_alone(small):
    inside("left", "ip", "addr", "add", "10.9.0.77/24", "dev", "eth0")
    inside("left", "ip", "route", "add", "10.77.0.0/16", "via", "10.9.0.1")
    inside("left", "ip", "link", "add", "pn_probe", "type", "veth", "peer", "name", "pn_peer")
    assert build.present(LAB, module_hosts())["changes"] == []
    inside("left", "ip", "link", "show", "pn_probe")


def test_hosts_and_links_come_and_go_with_the_inventory(small):
    fewer = {name: host for name, host in HOSTS.items() if name != "right"}
    fewer["router"] = {"lab_links": HOSTS["router"]["lab_links"][:1]}
    done = build.present(LAB, module_hosts(fewer))["changes"]
    assert done == ["remove host right", "remove link lan1 of router", "remove segment east"]
    assert "right" not in lab("list", LAB).stdout
    assert not places.HostPlace(LAB, "right").cgroup.exists()
    assert build.present(LAB, module_hosts(fewer))["changes"] == []

    moved = {**HOSTS, "left": {"lab_links": [{"segment": "west", "address": "10.9.0.3/24"}]}}
    done = build.present(LAB, module_hosts(moved))["changes"]
    assert "change link eth0 of left" in done
    assert "create host right" in done
    assert inside("left", "ip", "route", "show", "default").stdout == ""
    inside("left", "ping", "-c1", "-W2", "10.9.0.1")


def test_a_host_that_died_is_built_again(small):
    place = places.HostPlace(LAB, "left")
    inside("left", "touch", "/root/kept", "/run/lost")
    orphan = sleeping_on("left")
    os.kill(place.pid(), signal.SIGKILL)
    wait_until(lambda: not place.is_up(), "the keeper is gone")
    assert re.search(r"left +DOWN", lab("list", LAB).stdout)
    assert "'left' of lab" in inside("left", "true", status=1).stderr

    done = build.present(LAB, module_hosts())["changes"]
    assert done == [
        "create host left",
        "create link eth0 of left",
        "create route 0.0.0.0/0 of left",
    ]
    inside("left", "ping", "-c1", "-W2", "10.9.1.2")
    # What outlived its keeper is in namespaces that nobody reaches: it ends with the old host.
    assert orphan.wait(timeout=5) == -signal.SIGKILL
    inside("left", "test", "-e", "/root/kept")
    inside("left", "test", "!", "-e", "/run/lost")


def test_the_number_of_a_dead_keeper_may_be_anothers(small):
    place = places.HostPlace(LAB, "left")
    started = (place.folder / "keeper").read_text().split()[1]
    (place.folder / "keeper").write_text(f"{os.getpid()} {started}\n")
    assert not place.is_up()
    build.present(LAB, module_hosts())
    assert place.pid() != os.getpid()


def sleeping_on(host):
    """Run a command on a host that does not end by itself."""
    process = subprocess.Popen([CHECKOUT / "lab", "-l", LAB, "exec", host, "sleep", "1000"])
    cgroup = places.HostPlace(LAB, host).cgroup
    wait_until(lambda: process.pid in cgroups.processes(cgroup), "it sleeps")
    return process


def test_reboot_loses_what_the_kernel_held_and_keeps_the_disk(small):
    inside("left", "ip", "link", "add", "pn_probe", "type", "veth", "peer", "name", "pn_peer")
    inside("left", "touch", "/etc/kept")
    victim = sleeping_on("left")
    other = places.HostPlace(LAB, "right").pid()
    lab("-l", LAB, "reboot", "left")
    assert victim.wait(timeout=5) == -signal.SIGKILL
    assert inside("left", "ls", "/sys/class/net").stdout.split() == ["eth0", "lo"]
    inside("left", "test", "-e", "/etc/kept")
    inside("left", "ping", "-c1", "-W2", "10.9.1.2")
    assert places.HostPlace(LAB, "right").pid() == other
    assert build.present(LAB, module_hosts())["changes"] == []


@pytest.mark.parametrize("name", ["switch", "nobody"])
def test_what_is_no_host_is_not_rebooted(small, name):
    done = lab("-l", LAB, "reboot", name, status=1)
    assert done.stderr == f"lab: Lab {LAB!r} has no host {name!r}.\n"


def test_an_inventory_that_is_not_there_is_refused(tmp_path):
    done = lab("up", "-i", tmp_path / "nosuch.yml", status=1)
    assert "Completely failed to parse inventory source" in done.stderr


@pytest.mark.parametrize("hosts_seen", [0, 1, 2, 4])
@pytest.mark.parametrize("then", ["down", "up"])
def test_killed_half_way_up(tmp_path, hosts_seen, then):
    removal.absent(LAB)
    program = (
        "from ansible_collections.podnet.fabric.plugins.module_utils.lab import build\n"
        f"build.present({LAB!r}, {module_hosts()!r})\n"
    )
    up = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**ENVIRONMENT, "PYTHONPATH": ENVIRONMENT["ANSIBLE_COLLECTIONS_PATH"]},
    )
    cgroup = cgroups.mount_point() / places.CGROUP / LAB
    while up.poll() is None and not (
        (places.STATE / LAB).exists() and len(list(cgroup.glob("*/"))) >= hosts_seen
    ):
        pass
    up.kill()
    assert up.wait() == -signal.SIGKILL
    if then == "up":
        build.present(LAB, module_hosts())
        inside("left", "ping", "-c1", "-W2", "10.9.1.2")
        assert build.present(LAB, module_hosts())["changes"] == []
    lab("down", LAB)
    assert left_of(LAB) == []


def test_down_when_every_keeper_is_dead(small):
    for name in ("switch", *HOSTS):
        os.kill(places.HostPlace(LAB, name).pid(), signal.SIGKILL)
    lab("down", LAB)
    assert left_of(LAB) == []


def test_a_bad_description_builds_nothing(tmp_path):
    removal.absent(LAB)
    bad = {**HOSTS, "left": {"lab_links": [{"segment": "west", "address": "10.9.1.2/24"}]}}
    out = lab("up", "-i", inventory(tmp_path, bad), status=2)
    assert "lab_links address '10.9.1.2' is given twice (left and right)" in out.stdout + out.stderr
    assert left_of(LAB) == []


def test_in_a_chroot_nothing_is_built(tmp_path):
    removal.absent(LAB)
    root = tmp_path / "root"
    root.mkdir()
    up = f"chroot {root} {CHECKOUT}/lab up -i {inventory(tmp_path)}"
    out = run("unshare", "-m", "sh", "-c", f"mount --rbind / {root} && exec {up}", status=2)
    assert build.IN_CHROOT in out.stdout
    assert left_of(LAB) == []


def test_an_inventory_without_a_lab_says_so(tmp_path):
    out = lab("up", "-i", inventory(tmp_path, HOSTS, podnet_lab=""), status=2)
    assert "The inventory describes no lab" in out.stdout + out.stderr


def test_lab_info_shows_what_there_is(tmp_path, anew):
    inside("left", "ip", "netns", "add", "web1")
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    shown = module(tmp_path, "left", "lab_info", {"names": [LAB]}, "-e", json.dumps(here))
    (found,) = shown["labs"]
    left = next(host for host in found["hosts"] if host["name"] == "left")
    assert (left["up"], left["pods"]) == (True, ["web1"])
    assert left["links"] == [
        {
            "device": "eth0",
            "segment": "west",
            "address": "10.9.0.2/24",
            "mtu": 1500,
            "mac": "02:00:0a:09:00:02",
        }
    ]


def test_ansible_reaches_hosts_and_pods(tmp_path, anew):
    inside("left", "ip", "netns", "add", "web")
    hosts = {
        "left": {"ansible_host": "10.9.0.2"},
        "right": {},
        "pod": {"ansible_host": "left/web"},
    }
    binary = tmp_path / "binary"
    binary.write_bytes(os.urandom(3 << 20))
    tasks = [
        {"ping": {}},
        {"command": "hostname", "become": True, "register": "name"},
        {"command": "ls /sys/class/net", "register": "devices"},
        {"command": "hostname", "delegate_to": "left", "register": "by_address"},
        {"command": "hostname", "delegate_to": "right", "register": "by_name"},
        {"copy": {"src": str(binary), "dest": "/root/copied", "mode": "0640"}},
        {"fetch": {"src": "/root/copied", "dest": f"{tmp_path}/fetched/"}},
        {
            "debug": {
                "msg": "{{ [name, by_address, by_name] | map(attribute='stdout') | join(' ') }}"
            }
        },
    ]
    source = inventory(tmp_path, hosts)
    out = playbook(tmp_path, tasks, "left:right:pod", source=source)
    # As JSON or as YAML: how results are shown is the user's choice.
    assert re.search(r'"?msg"?: "?left left right', out)
    assert re.search(r'"?msg"?: "?right left right', out)
    for host in hosts:
        assert (tmp_path / "fetched" / host / "root/copied").read_bytes() == binary.read_bytes()
    assert not Path("/root/copied").exists()
    out = run("ansible", "-i", source, "pod", "-m", "command", "-a", "ip -br link").stdout
    assert "eth0" not in out


def test_ansible_says_unreachable_where_nothing_is_up(small, tmp_path):
    os.kill(places.HostPlace(LAB, "left").pid(), signal.SIGKILL)
    out = playbook(tmp_path, [{"ping": {}}], "left:right", status=4)
    assert re.search(r"left +: ok=0 .*unreachable=1", out)
    assert re.search(r"right +: ok=1 .*unreachable=0", out)
    out = playbook(tmp_path, [{"ping": {}}], "right", "-e", "podnet_lab=nolab", status=4)
    assert "unreachable=1" in out


NGINX = ["nginx", "-e", "stderr", "-c", str(CHECKOUT / "roles/lab/files/nginx.conf")]


def nginx(*pods):
    return [{"pod": pod, "command": NGINX} for pod in pods]


@pytest.fixture
def pods(anew):
    """Two pods on a node, each behind a veth of its own."""
    for number in (1, 2):
        inside(
            "left",
            *("sh", "-ec"),
            f"ip netns add web{number}\n"
            f"ip link add host{number} type veth peer name eth0 netns web{number}\n"
            f"ip addr add 10.9.{number}0.1/24 dev host{number}\n"
            f"ip link set host{number} up\n"
            f"ip -n web{number} addr add 10.9.{number}0.2/24 dev eth0\n"
            f"ip -n web{number} link set lo up\n"
            f"ip -n web{number} link set eth0 up\n",
        )


def page(number):
    return inside(
        "left", "curl", "-s", "--retry", "20", "--retry-connrefused", f"http://10.9.{number}0.2/"
    ).stdout


def test_four_runs_of_workloads(pods, tmp_path):
    wanted = {"workloads": nginx("web1", "web2")}
    predicted = module(tmp_path, "left", "lab_workloads", wanted, "--check")
    assert predicted["changes"] == ["create workload web1/web1", "create workload web2/web2"]
    inside("left", "test", "!", "-e", "/sys/fs/cgroup/podnet-pods")

    assert module(tmp_path, "left", "lab_workloads", wanted)["changes"] == predicted["changes"]
    assert page(1) == "web1 10.9.10.2 answers 10.9.10.1\n"
    assert page(2) == "web2 10.9.20.2 answers 10.9.20.1\n"

    assert module(tmp_path, "left", "lab_workloads", wanted)["changed"] is False
    assert module(tmp_path, "left", "lab_workloads", wanted, "--check")["changed"] is False

    # In a pod, one sees what its workload sees.
    assert inside("left/web1", "hostname").stdout == "web1\n"
    assert inside("left/web1", "cat", "/proc/self/cgroup").stdout.endswith(
        "0::/podnet-pods/web1/web1\n"
    )
    inside("left/web1", "test", "-e", "/run/nginx.pid")
    inside("left", "test", "!", "-e", "/run/nginx.pid")

    shown = module(tmp_path, "left", "lab_workloads", {"workloads": [], "purge": True})
    assert shown["changes"] == ["remove workload web1/web1", "remove workload web2/web2"]
    inside("left", "test", "!", "-e", "/sys/fs/cgroup/podnet-pods")
    assert inside("left/web1", "ss", "-Hlt").stdout == ""


@pytest.fixture
def sandbox(pods, tmp_path):
    """A pod with two containers: nginx, and one that does nothing by itself."""
    both = [
        {"name": "nginx", "command": NGINX},
        {"name": "side", "command": ["sleep", "infinity"]},
    ]
    wanted = {"workloads": [{"pod": "web1", "containers": both}]}
    predicted = module(tmp_path, "left", "lab_workloads", wanted, "--check")
    done = module(tmp_path, "left", "lab_workloads", wanted)
    assert done["changes"] == ["create workload web1/nginx", "create workload web1/side"]
    assert predicted["changes"] == done["changes"]
    assert page(1) == "web1 10.9.10.2 answers 10.9.10.1\n"
    for arguments in ((), ("--check",)):
        assert module(tmp_path, "left", "lab_workloads", wanted, *arguments)["changed"] is False
    return wanted, tmp_path


def processes_of(container):
    return inside("left", "cat", f"/sys/fs/cgroup/podnet-pods/web1/{container}/cgroup.procs").stdout


def test_two_processes_of_one_pod_talk_over_localhost_and_share_its_ports(sandbox):
    side = "left/web1/side"
    assert inside(side, "cat", "/proc/self/cgroup").stdout.endswith("0::/podnet-pods/web1/side\n")
    answer = inside(side, "curl", "-s", "http://localhost:80").stdout
    assert answer == "web1 127.0.0.1 answers 127.0.0.1\n"
    assert inside(side, "hostname").stdout == "web1\n"
    assert inside(side, "hostname", "-I").stdout.split() == ["10.9.10.2"]
    # Files are a container's own, ports are the pod's.
    inside("left/web1/nginx", "test", "-e", "/run/nginx.pid")
    inside(side, "test", "!", "-e", "/run/nginx.pid")
    second = inside(side, *NGINX, status=1).stderr
    assert "bind() to 0.0.0.0:80 failed (98: Address already in use)" in second
    assert page(1) == "web1 10.9.10.2 answers 10.9.10.1\n"


def test_when_one_process_of_a_pod_dies_all_else_stays_and_a_rerun_brings_back_it_alone(sandbox):
    wanted, tmp_path = sandbox
    side, address = processes_of("side"), ("left/web1", "ip", "-j", "address", "show", "eth0")
    before = inside(*address).stdout
    inside("left", "sh", "-c", "echo 1 > /sys/fs/cgroup/podnet-pods/web1/nginx/cgroup.kill")
    wait_until(lambda: processes_of("nginx") == "", "nginx is gone")
    refused = inside("left", "curl", "-s", "http://10.9.10.2/", status=7)
    assert refused.stdout == ""
    inside("left", "ping", "-c", "1", "-W", "2", "10.9.10.2")
    assert inside(*address).stdout == before

    done = module(tmp_path, "left", "lab_workloads", wanted)
    assert done["changes"] == ["create workload web1/nginx"]
    assert page(1) == "web1 10.9.10.2 answers 10.9.10.1\n"
    assert inside(*address).stdout == before
    assert processes_of("side") == side


UTILS = "ansible_collections.podnet.fabric.plugins.module_utils"


def in_node(arguments, **options):
    """Converge workloads in the node without Ansible around it, which is quicker."""
    program = (
        f"import json, sys; sys.path.insert(0, {ENVIRONMENT['ANSIBLE_COLLECTIONS_PATH']!r})\n"
        f"from {UTILS}.engine.failure import Failure\n"
        f"from {UTILS}.lab import workloads\n"
        f"wanted = {[{'state': 'present', **item} for item in arguments]!r}\n"
        "try:\n"
        f"    done = workloads.converge(wanted, purge={options.get('purge', False)},"
        " check_mode=False)\n"
        "    print(json.dumps(done['changes']))\n"
        "except Failure as failure:\n"
        "    sys.exit(failure.message)\n"
    )
    done = inside("left", "/usr/bin/python3", "-c", program, status=options.get("status", 0))
    return done.stderr if options.get("status") else json.loads(done.stdout)


def sleeper(pod, seconds=1000):
    return {"pod": pod, "command": ["sleep", str(seconds)]}


def test_a_workload_that_died_or_differs_is_started_again(pods):
    both = [sleeper("web1"), sleeper("web2")]
    assert len(in_node(both)) == 2
    inside("left", "sh", "-c", "echo 1 > /sys/fs/cgroup/podnet-pods/web1/web1/cgroup.kill")
    assert in_node(both) == ["create workload web1/web1"]
    assert in_node([sleeper("web1", 2000), sleeper("web2")]) == ["change workload web1/web1"]
    assert in_node([sleeper("web1", 2000), {"pod": "web2", "state": "absent"}]) == [
        "remove workload web2/web2"
    ]
    assert in_node([sleeper("web2")]) == ["create workload web2/web2"]
    assert in_node([sleeper("web2")], purge=True) == ["remove workload web1/web1"]


def test_the_containers_of_a_pod_come_and_go_one_by_one(pods):
    def pod(*names):
        return {
            "pod": "web1",
            "containers": [{"name": name, "command": ["sleep", "1000"]} for name in names],
        }

    assert in_node([pod("a", "b")]) == ["create workload web1/a", "create workload web1/b"]
    first = processes_of("a")
    # What a pod's item does not list does not run there, purge or not.
    assert in_node([pod("a", "c")]) == ["remove workload web1/b", "create workload web1/c"]
    assert processes_of("a") == first
    assert in_node([sleeper("web2")]) == ["create workload web2/web2"]
    assert in_node([{"pod": "web1", "state": "absent"}]) == [
        "remove workload web1/a",
        "remove workload web1/c",
    ]
    inside("left", "test", "!", "-e", "/sys/fs/cgroup/podnet-pods/web1")
    inside("left", "test", "!", "-e", "/run/podnet-pods/web1")
    said = lab("-l", LAB, "exec", "left/web2/b", "true", status=1).stderr
    assert said == f"lab: Container 'b' does not run in 'web2' on 'left' of lab {LAB!r}; {HAS}.\n"


HAS = "there is web2"


def test_a_pod_made_anew_gets_its_workload_again(pods):
    in_node([sleeper("web1"), sleeper("web2")])
    inside("left", "sh", "-ec", "ip netns del web1; ip netns add web1")
    assert in_node([sleeper("web1"), sleeper("web2")]) == ["change workload web1/web1"]
    assert in_node([sleeper("web1"), sleeper("web2")]) == []


def test_a_workload_holds_no_other_pod(pods):
    in_node([sleeper("web1")])
    inside("left", "ip", "netns", "del", "web2")
    # Its veth pair goes with its namespace, which nobody holds any more.
    wait_until(lambda: "host2" not in inside("left", "ls", "/sys/class/net").stdout, "web2 is gone")


def test_the_role_runs_what_the_plan_says(pods, tmp_path):
    endpoints = [
        {"name": "health", "kind": "health", "containers": []},
        {"name": "web1", "kind": "pod", "containers": [{"name": "web", "command": NGINX}]},
    ]
    role = {"import_role": {"name": "podnet.fabric.lab", "tasks_from": "workloads"}}
    given = json.dumps({"lab_endpoints": endpoints})
    assert "changed=1" in playbook(tmp_path, [role], "left", "-e", given)
    assert "changed=0" in playbook(tmp_path, [role], "left", "-e", given)
    assert page(1).startswith("web1 10.9.10.2 answers")
    endpoints[1]["containers"] = [{"name": "web", "image": "web:1"}]
    by_image = json.dumps({"lab_endpoints": endpoints, "lab_images": {"web": NGINX}})
    assert "changed=0" in playbook(tmp_path, [role], "left", "-e", by_image)
    image = json.dumps({"lab_endpoints": endpoints})
    said = playbook(tmp_path, [role], "left", "-e", image, status=2)
    assert "lab_images has no command for the image 'web:1' of container web of pod web1" in said


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"pod": "web1", "command": ["no-such"]}, "No such file or directory: no-such"),
        ({"pod": "web1", "command": ["ls", "/nowhere"]}, "it said: ls: cannot access '/nowhere'"),
        ({"pod": "web1", "command": []}, "the command of web1/web1 is empty"),
        ({"pod": "web3", "command": ["true"]}, "pod 'web3' is not on this node"),
        ({"pod": "../x", "command": ["true"]}, "pod '../x' is not valid"),
        (
            {"pod": "web1", "containers": [{"name": "a/b", "command": ["true"]}]},
            "container 'a/b' is not valid",
        ),
        (
            {"pod": "web1", "containers": [{"name": "a", "command": ["true"]}] * 2},
            "pod 'web1' has container 'a' twice",
        ),
    ],
)
def test_a_workload_that_cannot_run_says_why(pods, item, said):
    assert said in in_node([item], status=1)


def test_a_target_is_of_one_lab(small):
    said = f"lab: -l other and {LAB}:left name two labs: name one.\n"
    assert lab("-l", "other", "exec", f"{LAB}:left", "true", status=1).stderr == said


def test_a_demo_without_hosts_says_so_at_once(tmp_path):
    empty = tmp_path / "empty.yml"
    empty.write_text("{all: {hosts: {}}}")
    told = lab("demo", "-i", empty, status=1)
    assert (told.stdout, told.stderr) == (
        "",
        "lab: The inventory has no hosts: name one that has, as in ./lab demo -i "
        "playbooks/inventories/demo.yml.\n",
    )


def test_the_demo_is_the_cluster_of_the_write_up():
    demo = CHECKOUT / "playbooks/inventories/demo.yml"
    shown = json.loads(run("ansible-inventory", "-i", demo, "--list").stdout)
    assert shown["podnet_nodes"]["hosts"] == ["node-e6e4d", "node-63344", "node-39206"]
    described = shown["_meta"]["hostvars"]
    nodes = [described[name]["ansible_host"] for name in shown["podnet_nodes"]["hosts"]]
    assert nodes == ["10.111.0.8", "10.111.0.9", "10.111.0.14"]
    assert described["vpc-server"]["lab_links"][0]["address"] == "10.111.0.10/24"
    assert described["internet"]["lab_links"][0]["address"] == "203.0.113.10/24"


def test_two_runs_at_once_build_one_lab(tmp_path):
    removal.absent(LAB)
    program = (
        "from ansible_collections.podnet.fabric.plugins.module_utils.lab import build\n"
        f"print(len(build.present({LAB!r}, {module_hosts()!r})['changes']))\n"
    )
    environment = {**ENVIRONMENT, "PYTHONPATH": ENVIRONMENT["ANSIBLE_COLLECTIONS_PATH"]}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _number in range(2)
    ]
    counts = sorted(int(process.communicate()[0]) for process in both)
    assert counts[0] == 0
    assert counts[1] > len(HOSTS)


def test_a_segment_that_the_kernel_cannot_have_is_refused():
    hosts = [{"name": "a", "links": [{"segment": "default", "address": "10.9.0.2/24"}]}]
    with pytest.raises(Failure, match="segment 'default' is not valid"):
        build.present(LAB, hosts)
