# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every program of packets, with all that a cluster may do without and less, loads on this kernel.

A verifier of another age walks other ways: what takes a program here may refuse it there. Those of
sockets are always made alike, and load wherever there are services.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    event_layout,
    flow_layout,
    layout,
    reasons,
)
from ansible_collections.podnet.fabric.plugins.module_utils.names import PIN_ROOT

from .machines import ONE

#: Pins of this test's own: nothing is attached, and no network is there.
PINS = "/sys/fs/bpf/podnet-test"
WORDS = SERVICES, MASQUERADE, POLICY = ("NO_SERVICES", "NO_MASQUERADE", "NO_POLICY")
FLOWS = "WITH_FLOWS"
WITHOUT = ((), *((word,) for word in WORDS), (SERVICES, MASQUERADE), WORDS, (FLOWS,))
TABLES = (*layout.PROGRAM_MAPS, *flow_layout.MAPS)
MAPS = {table.name: f"{PINS}/maps/{table.name}" for table in TABLES}


def program(hook: str, without: tuple[str, ...]) -> dict[str, Any]:
    """Return an item of the module bpf_program."""
    name = "-".join((hook, *without))
    return {
        "name": name,
        "src": f"{hook}.c",
        "function": hook,
        "type": "sched_cls",
        "maps": MAPS,
        "defines": dict.fromkeys(without, ""),
        "pin": f"{PINS}/{name}",
        "attach": [],
    }


PROGRAMS = [
    program(hook.name, without)
    for hook in reasons.HOOKS
    if hook.name != "socket"
    for without in WITHOUT
] + [
    *(program("policy", without) for without in WITHOUT if POLICY not in without),
    program("flows", ()),
]
QUESTIONS: list[dict[str, Any]] = [
    {},
    {"only": {"address": ["10.0.0.0/9"], "port": ["53"]}, "exclude": {"direction": ["egress"]}},
    {"only": {"verdict": ["dropped", "denied"], "protocol": ["tcp"], "pod": ["a*"]}},
]
PLAY: list[dict[str, Any]] = [
    {
        "hosts": ONE,
        "become": True,
        "gather_facts": False,
        "tasks": [
            {"name": "Mount bpffs", "podnet.fabric.converge": {"part": "node"}},
            {
                "name": "Create the maps",
                "podnet.fabric.bpf_map": {
                    "maps": [table.task(path=MAPS[table.name]) for table in TABLES]
                },
            },
            # An emulated machine would compile for half an hour.
            {
                "name": "Compile the programs",
                "podnet.fabric.bpf_compile": {"programs": PROGRAMS},
                "delegate_to": "localhost",
                "become": False,
            },
            {"name": "Load the programs", "podnet.fabric.bpf_program": {"programs": PROGRAMS}},
            {
                "name": "Create the maps of who looks where they are looked for",
                "podnet.fabric.bpf_map": {"maps": [one.task() for one in event_layout.MAPS]},
            },
            # Each is a program that is made for its question.
            *(
                {"name": "Look", "podnet.fabric.observe": {"seconds": 0.1, **question}}
                for question in QUESTIONS
            ),
        ],
    }
]


@pytest.fixture
def left_as_it_was(machines):
    yield
    machines.exec(ONE, "rm", "-rf", PINS, PIN_ROOT)


@pytest.mark.usefixtures("left_as_it_was")
def test_every_program_loads_whatever_it_is_made_without(machines):
    playbook = machines.folder / "programs.yml"
    playbook.write_text(json.dumps(PLAY))
    machines.play(str(playbook)).ok()
    kernel = machines.exec(ONE, "uname", "-r")
    assert kernel.startswith("6.1."), f"not a kernel of another age than this one: {kernel}"
    loaded = machines.json(ONE, "bpftool", "-j", "prog", "show")
    names = Counter(one.get("name") for one in loaded)
    functions = Counter(item["function"] for item in PROGRAMS)
    assert {name: names[name] for name in functions} == functions
