# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compiled objects and libbpf's C: loaded, attached, replaced, their maps filled and read."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import programs, syscall
from bpf_support import bpftool, ping, pins, program, program_four
from packets import ECHO
from running import do, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest_plugins = ["bpf_host"]

SOURCE = Path(__file__).parent / "programs/libbpf/shop.c"
FOLDER = "/sys/fs/bpf/mine"
MAPS = {name: f"{FOLDER}/maps/{name.strip('.')}" for name in ("lengths", "closed", ".bss", ".data")}
UNSPEC, OK = 0xFFFFFFFF, 0


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], str]:
    """Compile a version of the object as a user would; return its path."""
    folder = tmp_path_factory.mktemp("objects")
    system = f"/usr/include/{do('gcc', '-print-multiarch').strip()}"

    def version(number: int) -> str:
        (folder / str(number)).mkdir(exist_ok=True)
        target = folder / str(number) / "shop.o"
        if not target.exists():
            flags = ["-g", "-O2", "-Wall", "-Werror", f"-DVERSION={number}", "-idirafter", system]
            do("clang", "-target", "bpf", *flags, "-c", str(SOURCE), "-o", str(target))
        return str(target)

    return version


def shop(path: str, **options: Any) -> dict[str, Any]:
    """The program of the object at tc ingress of eth0, its maps pinned by name."""
    return {
        "name": "shop",
        "object": path,
        "maps": MAPS,
        "pin": f"{FOLDER}/programs/shop",
        "link_pins": f"{FOLDER}/links",
        "attach": [{"hook": "tc_ingress", "device": "eth0"}],
        **options,
    }


def tried(name: str) -> int:
    """Run a pinned program on an echo request; return what it says."""
    with programs.open_pin(f"{FOLDER}/programs/{name}") as found:
        return syscall.program_test_run(found.fd, ECHO).retval


def held(name: str, key: str, value: str) -> dict[int, int]:
    """Entries of a pinned map of a number each."""
    fields = {"key": [{"name": "k", "type": key}], "value": [{"name": "v", "type": value}]}
    (found,) = run("bpf_map_info", maps=[{"path": MAPS[name], **fields}])["maps"]
    return {entry["key"]["k"]: entry["value"]["v"] for entry in found["entries"]}


def closed(value: int) -> dict[str, Any]:
    """Task that says whether the shop is closed."""
    return {
        "path": MAPS["closed"],
        "type": "array",
        "key": [{"name": "at", "type": "u32"}],
        "value": [{"name": "closed", "type": "u32"}],
        "max_entries": 1,
        "entries": [{"key": {"at": 0}, "value": {"closed": value}}],
    }


def test_an_object_is_loaded_attached_and_its_maps_are_filled(
    pair: None, compiled: Callable[[int], str]
) -> None:
    done = program_four(shop(compiled(1)))
    assert done["changes"][:4] == [f"create map {path}" for path in MAPS.values()]
    assert bpftool("prog", "show", "pinned", f"{FOLDER}/programs/shop")["name"] == "shop"
    assert ping()
    # More may come in between: the host's own packets of IPv6.
    least = held(".bss", "u32", "u64")[0]
    counted = sum(held("lengths", "u32", "u64").values())
    assert 3 <= least <= counted + 1 <= held(".bss", "u32", "u64")[0] + 1
    link = f"{FOLDER}/links/eth0-tc_ingress"
    before = bpftool("link", "show", "pinned", link)
    program_four(shop(compiled(2)))
    after = bpftool("link", "show", "pinned", link)
    assert after["id"] == before["id"]
    assert after["prog_id"] != before["prog_id"]
    run("bpf_map", maps=[closed(1)])
    assert not ping()
    program_four(shop(compiled(2), state="absent"))
    assert ping()
    assert pins(FOLDER) == sorted(path.removeprefix(f"{FOLDER}/") for path in MAPS.values())


def test_a_new_version_goes_on_with_the_maps(pair: None, compiled: Callable[[int], str]) -> None:
    program(shop(compiled(1), attach=[], type="sched_cls"))
    assert [tried("shop") for _time in range(3)] == [UNSPEC] * 3
    assert held(".bss", "u32", "u64") == {0: 3}
    done = program(shop(compiled(10), attach=[], type="sched_cls"))
    assert done["changes"] == ["change program shop"]
    assert tried("shop") == UNSPEC
    assert held(".bss", "u32", "u64") == {0: 13}


def test_programs_of_an_object_share_its_globals_and_fit_the_kernel(
    host: None, compiled: Callable[[int], str]
) -> None:
    none = {"attach": [], "type": "sched_cls"}
    task = shop(compiled(1), name="shop_task", pin=f"{FOLDER}/programs/shop_task", **none)
    done = program(shop(compiled(1), **none), task)
    assert not done.failed, done
    assert [tried("shop"), tried("shop_task")] == [UNSPEC, OK]
    assert held(".bss", "u32", "u64") == {0: 2}
    assert held(".data", "u32", "u32") == {0: os.getpid()}


def at(hook: str, path: str, name: str) -> dict[str, Any]:
    """Another program of the object, at a hook of the cgroups."""
    pin = f"{FOLDER}/programs/{name}"
    return shop(path, name=name, pin=pin, attach=[{"hook": hook}])


def test_a_cgroups_packets_are_judged(pair: None, compiled: Callable[[int], str]) -> None:
    item = at("cgroup_egress", compiled(1), "shop_egress")
    program_four(item)
    assert ping()
    run("bpf_map", maps=[closed(1)])
    assert not reaches("10.9.0.2")
    program_four(item | {"state": "absent"})
    assert reaches("10.9.0.2")


def reaches(address: str) -> bool:
    """Say whether this host may send to an address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.sendto(b"x", (address, 9))
        except PermissionError:
            return False
    return True


def test_a_cgroups_sockets_are_seen(host: None, compiled: Callable[[int], str]) -> None:
    program_four(at("cgroup_sock_ops", compiled(1), "shop_sockets"))
    with socket.create_server(("127.0.0.1", 4444)):
        socket.create_connection(("127.0.0.1", 4444)).close()
    assert held(".bss", "u32", "u64") == {0: 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"function": "office"},
            "shop.o has no program 'office'; it has shop, shop_task, shop_xdp, "
            "shop_egress, shop_sockets.",
        ),
        (
            {"maps": {".rodata": f"{FOLDER}/maps/rodata"}},
            "map .rodata of shop.o holds constants, which are each version's own; valid are maps, "
            ".data and .bss.",
        ),
        (
            {"maps": {"lenghts": f"{FOLDER}/maps/lengths"}},
            "map lenghts of shop.o: nothing is pinned at /sys/fs/bpf/mine/maps/lengths.",
        ),
        (
            {"function": "shop_xdp", "attach": [{"hook": "xdp", "device": "eth0"}]},
            "The kernel refused shop_xdp of shop.o at shop.c:67: invalid access to packet, off=0 "
            "size=1, R1(id=0,off=0,r=0); R1 offset is outside of the packet.",
        ),
    ],
    ids=["program", "constants", "map", "verifier"],
)
def test_what_cannot_be_loaded_is_said_and_nothing_is_changed(
    pair: None, compiled: Callable[[int], str], options: dict[str, Any], message: str
) -> None:
    done = program(shop(compiled(1), **options))
    assert done["msg"] == message
    assert pins(FOLDER) == []


def test_libbpf_says_what_is_wrong_after_bcc_in_one_task(
    pair: None, compiled: Callable[[int], str]
) -> None:
    bcc = {"name": "bcc", "source": "int bcc(struct __sk_buff *skb)\n{\n    return -1;\n}\n"}
    bad = shop(compiled(1), function="shop_xdp", attach=[{"hook": "xdp", "device": "eth0"}])
    done = program({**bcc, "type": "sched_cls", "pin": f"{FOLDER}/programs/bcc"}, bad)
    assert done["msg"].startswith("The kernel refused shop_xdp of shop.o at shop.c:67: ")
    assert pins(FOLDER) == []


def test_what_is_no_object_is_said(pair: None, tmp_path: Path) -> None:
    (tmp_path / "shop.o").write_bytes(b"no object")
    done = program(shop(str(tmp_path / "shop.o")))
    assert done["msg"].startswith("shop.o is no object that libbpf opens: elf: ")
    assert pins(FOLDER) == []


BAKERY = {
    "name": "bakery",
    "src": str(SOURCE.parent / "bakery.c"),
    "dialect": "libbpf",
    "type": "sched_cls",
    "cflags": ["-Wall"],
    "pin": f"{FOLDER}/programs/bakery",
    "maps": {"loaves": f"{FOLDER}/maps/lengths"},
}


def test_libbpfs_c_is_compiled_and_loaded(host: None) -> None:
    predicted = program(BAKERY, check=True)
    done = program(BAKERY)
    assert not done.failed, done
    assert done["changes"] == predicted["changes"]
    assert tried("bakery") == UNSPEC
    assert held("lengths", "u32", "u64") == {0: os.getpid()}
    assert program(BAKERY)["changed"] is False


@pytest.fixture
def on_node(host: None, compiled: Callable[[int], str]) -> Iterator[Path]:
    """Put the object below a folder of root's; return its path."""
    folder = Path("/opt/podnet-objects")
    do("mount", "-t", "tmpfs", "-o", "mode=0755", "none", "/opt")
    folder.mkdir()
    (folder / "shop.o").write_bytes(Path(compiled(1)).read_bytes())
    yield folder / "shop.o"
    do("umount", "/opt")


def test_an_object_of_the_nodes_own_is_loaded(on_node: Path) -> None:
    item = shop(str(on_node), remote_src=True, attach=[], type="sched_cls")
    predicted = program(item, check=True)
    done = program(item)
    assert not done.failed, done
    assert predicted["changes"] == done["changes"]
    assert tried("shop") == UNSPEC
    assert program(item)["changed"] is False


OTHERS = "may be written by others than root"


@pytest.mark.parametrize(
    ("part", "spoil", "reason"),
    [
        ("/opt/podnet-objects/shop.o", ("chown", "12"), "belongs to the user 12"),
        ("/opt/podnet-objects/shop.o", ("chmod", "g+w"), OTHERS),
        ("/opt/podnet-objects", ("chmod", "1777"), OTHERS),
        ("/opt/podnet-objects", ("chown", "12"), "belongs to the user 12"),
    ],
)
def test_an_object_that_others_can_change_is_refused(
    on_node: Path, part: str, spoil: tuple[str, str], reason: str
) -> None:
    do(*spoil, part)
    done = program(shop(str(on_node), remote_src=True, attach=[], type="sched_cls"))
    assert done["msg"] == (
        f"program shop: object '{on_node}': {part} {reason}. The kernel runs the object: it and "
        "all folders above it must be root's, who alone may write to them."
    )
    assert pins(FOLDER) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"object": "shop.o"},
            "object 'shop.o' lies on the node (remote_src); valid is an absolute path.",
        ),
        (
            {"object": "/opt/none.o"},
            "object '/opt/none.o' cannot be read on the node: No such file or directory.",
        ),
        (
            {"object": None, "source": "int shop;"},
            "remote_src is for an object, and object is not set.",
        ),
    ],
    ids=["relative", "missing", "source"],
)
def test_remote_src_is_for_an_object_that_is_there(
    host: None, options: dict[str, Any], message: str
) -> None:
    given = shop("", remote_src=True, attach=[], type="sched_cls", **options)
    item = {key: value for key, value in given.items() if value is not None}
    assert program(item)["msg"] == f"program shop: {message}"


PINNED = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} lengths SEC(".maps");
SEC("tc") int bakery(void *skb)
{
    __u32 zero = 0;
    return !bpf_map_lookup_elem(&lengths, &zero);
}
"""


def test_a_map_that_is_to_be_pinned_by_its_name_is_pinned_where_the_task_says(host: None) -> None:
    item = {**BAKERY, "source": PINNED, "maps": {}}
    del item["src"]
    assert program(item)["msg"] == (
        "map lengths of bakery.c asks to be pinned by its name; say where with maps, such as "
        "{lengths: /sys/fs/bpf/lengths}."
    )
    assert not Path("/sys/fs/bpf/lengths").exists()
    assert pins(FOLDER) == []
    done = program({**item, "maps": {"lengths": MAPS["lengths"]}})
    assert not done.failed, done
    assert not Path("/sys/fs/bpf/lengths").exists()
    assert pins(FOLDER) == ["maps/lengths", "programs/bakery"]


def test_libbpfs_c_without_its_compiler_or_with_an_error(host: None, tmp_path: Path) -> None:
    wrong = BAKERY | {"source": "int bakery(void *ctx)\n{\n\treturn none;\n}\n"}
    del wrong["src"]
    assert program(wrong)["msg"] == (
        "bakery.c does not compile: bakery.c:3: use of undeclared identifier 'none'."
    )
    for path, message in (
        (
            "/usr/bin/clang",
            "clang, which compiles libbpf's C, is not there: install clang (Debian) or clang "
            "(Fedora), or compile it elsewhere and give it as object.",
        ),
        (
            "/usr/include/bpf",
            "bakery.c is in libbpf's dialect, and /usr/include/bpf/bpf_helpers.h is not there: "
            "install libbpf-dev (Debian) or libbpf-devel (Fedora).",
        ),
    ):
        with hidden(path, tmp_path):
            assert program(BAKERY)["msg"] == message
    assert pins(FOLDER) == []


def test_without_libbpf_its_package_is_named(
    host: None, compiled: Callable[[int], str], tmp_path: Path
) -> None:
    path = do("sh", "-c", "ls /usr/lib/*/libbpf.so.1").strip()
    with hidden(path, tmp_path):
        done = program(shop(compiled(1), attach=[], type="sched_cls"))
    assert done["msg"] == (
        "libbpf.so.1, which loads compiled objects, is not there: install libbpf1 (Debian) or "
        "libbpf (Fedora)."
    )


@contextlib.contextmanager
def hidden(path: str, scratch: Path) -> Iterator[None]:
    """Take a file or folder away from this host, whose mounts are its own."""
    folder = Path(path).is_dir()
    other = scratch / ("folder" if folder else "file")
    other.mkdir(exist_ok=True) if folder else other.touch(0o000)
    do("mount", "--bind", str(other), path)
    try:
        yield
    finally:
        do("umount", path)
