"""A run that is killed between any two of its steps is completed by the next one.

Each call that changes something in the kernel or in a file is counted. A run dies before the first
of them, another one before the second, and so on, until one gets to its end. After each, a run must
succeed, and one more find nothing to do. By ``make test-integration`` every state that a kill can
leave has been there; ``make test`` kills before each of the first changes, and then before each
third: what is done for one pod, program or map after the other is the same calls for each.

The runs are forks of the test: what is tested is what the modules do, and not the start of an
interpreter for each of some hundred runs.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from unittest import mock

import nat_support
import pytest
from ansible.module_utils import basic
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import service_layout, tasks
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_program
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces, rtnl
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps, syscall
from bpf_support import bpftool, pins, sources
from node_support import NODE_IP, PEER_IP, bare_node, options, plan, pod, sysctl
from pyroute2.iproute import IPRoute
from running import MODULES, do, ip

from tests.scope import WHOLE

#: What changes something: where the call is looked up, and its name.
CHANGING = [
    *((syscall, name) for name in ("map_create", "map_update", "map_delete", "map_update_batch")),
    *((syscall, name) for name in ("map_delete_batch", "map_freeze", "pin", "program_bind_map")),
    *((syscall, name) for name in ("link_create", "link_update", "link_detach")),
    *((os, name) for name in ("unlink", "rmdir", "rename", "replace", "mkdir")),
    *((Path, name) for name in ("write_text", "touch")),
    *((rtnl, "request"), (IPRoute, "tc"), (namespaces, "_call")),
]


class Bomb:
    """Kills this process before its n-th change."""

    def __init__(self, number):
        self.left = number

    def wrapped(self, call):
        def counting(*arguments, **more):
            # Sources are unpacked in a folder for that; to enter a namespace changes nothing of it.
            if not str(arguments[0]).startswith(
                (tempfile.gettempdir(), "setns", "podnet-bpf", "/run/podnet.lock")
            ):
                self.left -= 1
                if self.left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)

        return counting

    def arm(self):
        for where, name in CHANGING:
            mock.patch.object(where, name, self.wrapped(getattr(where, name))).start()


def forked(module, dies_before=0, **arguments):
    """Run a module in a fork; return what it returned, None where it was killed."""
    main = importlib.import_module(MODULES + module).main
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        sys.stdout = os.fdopen(theirs, "w")
        try:
            basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
            basic._ANSIBLE_PROFILE = "legacy"
            if dies_before:
                Bomb(dies_before).arm()
            main()
        except SystemExit:
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGKILL:
        return None
    found = json.loads(text)
    assert not found.get("failed"), found["msg"]
    return found


def kills():
    """Before which changes runs are killed."""
    return itertools.count(1) if WHOLE else itertools.chain(range(1, 4), itertools.count(6, 4))


def sweep(module, arguments, prepare, check=lambda: None):
    """Kill runs before their changes; return how many there were, or up to three more."""
    for number in kills():
        prepare()
        done = forked(module, number, **arguments)
        if done is not None:
            assert done["changed"], "what is prepared is what the run makes: nothing was tested"
            return number - 1
        forked(module, **arguments)
        again = forked(module, **arguments)
        assert again["changes"] == [], f"killed before change {number}, then completed"
        check()
    raise AssertionError


PASS = "int {}(struct __sk_buff *skb)\n{{\n\treturn skb->len ? -1 : {};\n}}\n"


def passing(name, version=-1, hook=None):
    """Return a program that lets everything pass (what is empty never comes), as an item."""
    attach = [{"hook": hook, "device": "eth0"}] if hook else []
    return {
        "name": name,
        "source": PASS.format(name, version),
        "type": "sched_cls",
        "attach": attach,
    }


def programs(*items, mode="tcx"):
    return {"programs": list(items), "_sources": sources(list(items)), "attach_mode": mode}


def load_once(loader, *what, load=bpf_program.programs.Loader.load, **more):
    """Take the place of Loader.load: nothing is changed while something is compiled."""
    pin = f"/sys/fs/bpf/loaded/{bpf_program.programs.digest(*what, **more)}"
    found = bpf_program.programs.open_pin(pin)
    if found is None:
        found = load(loader, *what, **more)
        found.pin(pin)
    return found


@pytest.fixture(scope="module")
def node():
    """A node with the maps, and a program for endpoints that compiles in no time."""
    with bare_node(), mock.patch.object(bpf_program.programs.Loader, "load", load_once):
        node = plan("web-1")
        forked("veth", veths=tasks.build(node)["veths"])
        forked("bpf_map", maps=tasks.build(node)["maps"])
        forked("bpf_program", **programs(passing("from_container")))
        yield node


PODS = [pod("web-1", 1), pod("db", 2, netns="/run/netns/own-db")]
FLOWS = [
    nat_support.flow((one["ip"], 40000), ("203.0.113.9", 443), (NODE_IP, 40000 + at))
    for at, one in enumerate(PODS)
]


@pytest.fixture
def own_netns(node):
    do("ip", "netns", "add", "own-db")
    yield
    forked("endpoints", **options([]))
    do("ip", "netns", "del", "own-db")


def namespaces_now():
    return sorted(line.split()[0] for line in do("ip", "netns", "list").splitlines())


def devices_now():
    return sorted(name for _index, name in socket.if_nameindex())


def no_endpoints():
    assert namespaces_now() == ["own-db", "peer"]
    assert devices_now() == ["eth0", "lo", "pn_host", "pn_net"]
    assert [pin for pin in pins() if pin.startswith("links/")] == []
    assert bpftool("map", "dump", "pinned", "/sys/fs/bpf/podnet/maps/allocations") == []
    assert [link["ifname"] for link in ip("own-db", "link")] == ["lo"]


def both_endpoints():
    assert namespaces_now() == ["own-db", "peer", "web-1"]
    assert len(devices_now()) == 6
    for netns in ("web-1", "own-db"):
        assert [link["operstate"] for link in ip(netns, "link", "show", "eth0")] == ["UP"]


@pytest.mark.parametrize("mode", ["tcx", "clsact"])
def test_while_endpoints_are_made(own_netns, mode):
    def nothing():
        forked("endpoints", **options([]))
        no_endpoints()

    assert sweep("endpoints", options(PODS, attach_mode=mode), nothing, both_endpoints) > 30


def test_while_endpoints_are_made_and_then_they_are_not_wanted(own_netns):
    # What a killed run left is removed by the next one that does not want it.
    for number in kills():
        done = forked("endpoints", number, **options(PODS))
        forked("endpoints", **options([]))
        no_endpoints()
        if done is not None:
            break
    assert number > 30


def test_while_endpoints_are_removed(own_netns):
    def made():
        forked("endpoints", **options(PODS))
        both_endpoints()
        nat_support.write(*FLOWS)

    def gone():
        no_endpoints()
        assert nat_support.held() == set()

    assert sweep("endpoints", options([]), made, gone) > 5


def test_while_endpoints_change_everything(own_netns):
    def made():
        forked("endpoints", **options(PODS))
        nat_support.write(*FLOWS)

    def changed():
        both_endpoints()
        assert nat_support.held() == set()

    swapped = [{**PODS[0], **addresses(PODS[1])}, {**PODS[1], **addresses(PODS[0])}]
    wanted = options(swapped, attach_mode="clsact", mtu=1400)
    assert sweep("endpoints", wanted, made, changed) > 10


def addresses(one):
    return {"ip": one["ip"], "mac": one["mac"]}


@pytest.mark.parametrize(
    ("before", "after"),
    [("tcx", "tcx"), ("clsact", "clsact"), ("tcx", "clsact"), ("clsact", "tcx")],
)
def test_while_programs_are_replaced(node, before, after):
    one = passing("gate", hook="tc_ingress")
    other = passing("gate", version=-3, hook="tc_ingress")

    def earlier():
        forked("bpf_program", **programs({**one, "state": "absent"}))
        forked("bpf_program", **programs(one, mode=before))

    def one_runs():
        index = socket.if_nametoindex("eth0")
        tcx = [number for number, _link in syscall.program_query(index, 46, links=True)]
        shown = do("tc", "filter", "show", "dev", "eth0", "ingress")
        assert (len(tcx), shown.count(" id ")) == ((1, 0) if after == "tcx" else (0, 1))

    assert sweep("bpf_program", programs(other, mode=after), earlier, one_runs) > 2
    forked("bpf_program", **programs({**one, "state": "absent"}))


def test_while_maps_are_made_filled_and_grow(node):
    folder = "/sys/fs/bpf/killed"
    u32 = [{"name": "number", "type": "u32"}]
    shape = {"path": f"{folder}/table", "key": u32, "max_entries": 10, "purge": True}
    entries = [{"key": {"number": n}, "value": {"number": n}} for n in range(5)]
    small = {**shape, "value": u32, "entries": entries}
    grown = {
        **shape,
        "value": [*u32, {"name": "more", "type": "u32"}],
        "entries": [{**e, "value": {**e["value"], "more": 7}} for e in entries[1:]],
        "on_mismatch": "grow",
    }

    def nothing():
        forked("bpf_map", maps=[{"path": small["path"], "state": "absent"}])

    def made():
        nothing()
        forked("bpf_map", maps=[small])

    assert sweep("bpf_map", {"maps": [small]}, nothing) > 2
    assert sweep("bpf_map", {"maps": [grown]}, made) > 2
    assert len(bpftool("map", "dump", "pinned", small["path"])) == 4
    assert [path.name for path in Path(folder).iterdir()] == ["table"]


def test_while_the_door_is_made(node):
    def nothing():
        do("ip", "link", "del", "pn_host")

    assert sweep("veth", {"veths": tasks.build(node)["veths"]}, nothing) > 2


def test_while_routes_are_set(node):
    mine = {"routes": [{"dst": f"10.9.{n}.0/24", "via": PEER_IP} for n in range(4)], "purge": True}
    other = {"routes": [{"dst": f"10.9.{n}.0/24", "dev": "eth0"} for n in range(2, 6)]}

    def others():
        forked("routes", **other, purge=True)

    assert sweep("routes", mine, others) in (6, 9)
    forked("routes", routes=[], purge=True)


def test_while_settings_are_remembered_and_restored(node):
    first = {name: sysctl(name) for name in ("net.ipv4.ip_forward", "net.ipv4.tcp_fin_timeout")}
    ours = {"values": dict(zip(first, ("1", "33"))), "remember": True}

    def restored():
        forked("sysctls", state="restored")
        assert {name: sysctl(name) for name in first} == first

    def done():
        assert {name: sysctl(name) for name in first} == ours["values"]

    def made():
        forked("sysctls", **ours)

    assert sweep("sysctls", ours, restored, done) > 3
    assert sweep("sysctls", {"state": "restored"}, made, restored) > 2


def backends(*numbers):
    return [{"ip": f"172.16.0.{number}", "port": 80} for number in numbers]


def service(name, number, *numbers, **more):
    ports = [{"port": 80, "backends": backends(*numbers)}]
    return {"name": name, "cluster_ip": f"10.10.0.{number}", "ports": ports, **more}


BALANCED = {"load_balancer_ips": ["192.0.2.1"], "algorithm": "maglev"}
EARLIER = [
    service("default/a", 1, 1, 2, **BALANCED, source_ranges=["10.0.0.0/8", "10.9.0.0/16"]),
    service("default/b", 2, 3, 4),
    service("default/c", 3, 5),
]
#: One loses a backend, one goes, one gets another address, one is new.
LATER = [
    service("default/a", 1, 2, 6, **BALANCED, source_ranges=["10.0.0.0/8", "10.8.0.0/16"]),
    service("default/c", 4, 5),
    service("default/d", 5, 1),
]


def note_clients(numbers):
    """Write, as programs do, that a client keeps a backend of each of these frontends."""
    table, zeros = service_layout.AFFINITY, {"reserved": 0, "slot": 0, "used": 1}
    value = table.pack_value(address="172.16.0.1", port=80, **zeros)
    keys = [table.pack_key(client="10.9.9.9", id=number, reserved=0) for number in numbers]
    with maps.open_pin(table.pin) as found:
        found.update(dict.fromkeys(keys, value))


def clients():
    """Numbers of the frontends of which a client keeps a backend."""
    with maps.open_pin(service_layout.AFFINITY.pin) as found:
        return {service_layout.AFFINITY.unpack_key(key)["id"] for key in found.items()}


@pytest.mark.parametrize(("before", "after"), [([], EARLIER), (EARLIER, LATER), (LATER, [])])
def test_while_services_change(node, before, after):
    """What is noted of lost backends is swept at the latest by the next run."""

    def earlier():
        forked("services", services=before, purge=True)
        note_clients([one["id"] for one in forked("services_info")["services"]])

    def later():
        found = forked("services_info")
        told = sorted({one["name"] for one in found["services"]})
        assert told == [f"{one['name']}:80/TCP" for one in after]
        used = {one["name"]: one["used"] for one in found["maps"]}
        assert used["service_names"] == len(found["services"])
        assert used["source_ranges"] == (2 if after else 0)
        assert used["maglev"] == (1 if after else 0)
        assert clients() <= {one["id"] for one in found["services"]}

    assert sweep("services", {"services": after, "purge": True}, earlier, later) > 3
    forked("services", services=[], purge=True)


def test_while_it_is_torn_down(node):
    def made():
        forked("veth", veths=tasks.build(node)["veths"])
        forked("bpf_map", maps=tasks.build(node)["maps"])
        forked(
            "bpf_program", **programs(passing("from_container"), passing("gate", 5, "tc_egress"))
        )
        forked("routes", routes=[{"dst": "10.9.0.0/24", "via": PEER_IP}])
        forked("endpoints", **options(PODS[:1]))

    def nothing():
        assert namespaces_now() == ["peer"]
        assert devices_now() == ["eth0", "lo"]
        assert "proto 112" not in do("ip", "route")
        assert not Path(names.PIN_ROOT).exists()
        assert syscall.program_query(socket.if_nametoindex("eth0"), 47, links=True) == []

    assert sweep("teardown", {}, made, nothing) > 10
