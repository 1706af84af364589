"""Which files travel with a C source, and under which names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf.bpf_sources import (
    gather,
    read_sources,
    standin,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "bpf/main.c": '#include "lib/a.h"\n#  include <shared/c.h>\n#include "nowhere.h"\n',
        "bpf/lib/a.h": '#include "b.h"\n#include "../lib/a.h"\n',
        "bpf/lib/b.h": "",
        "bpf/lib/unused.h": "",
        "common/shared/c.h": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_headers_in_quotes_are_followed(tree: Path) -> None:
    found = read_sources({"name": "x", "src": "main.c"}, lambda name: f"{tree}/bpf/{name}", tree)
    assert found["main"] == "main.c"
    assert sorted(found["files"]) == ["lib/a.h", "lib/b.h", "main.c"]
    assert found["include"] == []


def test_include_folders_travel_whole_and_names_are_relative_to_what_all_share(tree: Path) -> None:
    item = {"name": "x", "src": "main.c", "include": ["../common"]}
    found = read_sources(item, lambda name: f"{tree}/bpf/{name}", tree)
    assert found["main"] == "bpf/main.c"
    assert found["include"] == ["common"]
    assert "common/shared/c.h" in found["files"]


def test_a_checkout_in_another_place_is_the_same_source(tree: Path, tmp_path: Path) -> None:
    item = {"name": "x", "src": "main.c", "include": ["../common"]}
    one = read_sources(item, lambda name: f"{tree}/bpf/{name}", tree)
    tree.rename(tmp_path.parent / f"{tmp_path.name}-moved")
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    assert read_sources(item, lambda name: f"{moved}/bpf/{name}", moved) == one


def test_text_lies_where_the_playbook_is(tree: Path) -> None:
    item = {"name": "x", "source": '#include "lib/b.h"\n'}
    found = read_sources(item, str, tree / "bpf")
    assert found["main"] == "x.c"
    assert sorted(found["files"]) == ["lib/b.h", "x.c"]


def test_a_folder_that_is_not_there_is_named(tree: Path) -> None:
    item = {"name": "x", "source": "int x;\n", "include": ["none"]}
    with pytest.raises(Failure, match=r"include folder .*/none does not exist"):
        read_sources(item, str, tree)


def test_the_stand_in_headers_are_what_bcc_and_its_programs_ask_for() -> None:
    bcc = "asm/page.h linux/bpf.h linux/kconfig.h linux/log2.h uapi/linux/bpf.h"
    kernel = "compiler etherdevice if_vlan init mm skbuff slab"
    net = "inet_sock ip ipv6 sock tcp"
    assert sorted(standin()) == sorted(
        [
            *bcc.split(),
            *(f"linux/{name}.h" for name in kernel.split()),
            *(f"net/{name}.h" for name in net.split()),
            *("arpa/inet.h", "netinet/in.h", "stdbool.h", "stddef.h"),
        ]
    )


def test_what_programs_share_is_sent_once(tree):
    items = [
        {"name": "connect4", "src": "main.c"},
        {"name": "connect6", "src": "main.c"},
        {"name": "own", "source": "int own;"},
        {"name": "other", "source": "int own;"},  # its file has another name
        {"name": "gone", "state": "absent"},
    ]
    sent = gather(items, lambda name: f"{tree}/bpf/{name}", tree)
    assert sent["programs"] == {"connect4": 0, "connect6": 0, "own": 1, "other": 2, "gone": 3}
    mains = [source["main"].rpartition("/")[2] for source in sent["sources"]]
    assert mains == ["main.c", "own.c", "other.c", ""]
