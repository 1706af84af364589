# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of ``make test``, and the gates that each of them is made of."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / ".build"


@dataclass(frozen=True)
class Gate:
    """One command that passes or fails; of a run of pytest, each test counts.

    :param report: where pytest leaves its results, in JUnit's form.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    report: Path | None = None


def _gate(name: str, *command: str) -> Gate:
    return Gate(name, command)


def _python(name: str, *words: str, **environment: str) -> Gate:
    return Gate(name, (sys.executable, *words), environment)


def _pytest(name: str, *words: str, python: str = sys.executable, **environment: str) -> Gate:
    report = BUILD / "gates" / f"{re.sub('[^a-z0-9.]+', '-', name)}.xml"
    command = (python, "-m", "pytest", "-q", "--durations=5", f"--junitxml={report}")
    return Gate(name, (*command, *words), environment, report)


def _kept(scenario: str) -> tuple[str, ...]:
    """Keep the lab that scenarios share; that of ``lab`` is its own, and goes with it."""
    return () if scenario == "lab" else ("--destroy=never",)


def _molecule(*settings: str) -> tuple[Gate, ...]:
    # The settings are named, since molecule looks for them in a clone alone, not in a work tree.
    named = [word for name in settings for word in ("-c", f".config/molecule/{name}.yml")]

    def gate(*words: str) -> Gate:
        subcommand, _option, scenario, *_more = words
        return Gate(f"molecule {subcommand} {scenario}", ("molecule", *named, *words))

    return (
        gate("destroy", "-s", "default"),  # what a run may have left that was ended
        *(gate("test", "-s", scenario, *_kept(scenario)) for scenario in SCENARIOS),
        gate("destroy", "-s", "default"),
    )


#: One a role; ``default`` holds what they share, the lab, and tests nothing.
SCENARIOS = sorted(
    path.parent.name
    for path in (ROOT / "molecule").glob("*/molecule.yml")
    if path.parent.name != "default"
)
PLUGINS = "ansible_collections.podnet.fabric.plugins"

#: Made by the Makefile.
OLDEST = BUILD / "core-2.17/bin/python"
NEWEST = BUILD / "core-newest/bin/python"
ANOTHER_PYTHON = "tests/integration/test_another_python.py"
#: Unit tests of what stands on ansible-core: others show the same with each on one Python.
ON_ANSIBLE = [
    f"tests/unit/test_{name}.py"
    for name in ("bpf_compile", "filters", "plan_actions", "reports", "run_folder")
]
#: Random histories, sizes and times, which are the same under another Python.
LONG = [
    f"--ignore=tests/unit/test_{name}.py"
    for name in ("plan_scale", "policy_random", "policy_meaning", "plan_services_errors", "gates")
]
NETLINK = [
    f"tests/integration/test_{name}.py"
    for name in ("bridge", "neighbors", "netns", "network_values", "routes", "veth", "vxlan")
]

#: What one of the versions shows for the others, and what its own part measures.
ONCE = [
    "--deselect=tests/versions/test_ansible_core.py::test_under_a_python_without_libraries",
    *(f"--deselect={ANOTHER_PYTHON}::test_{name}" for name in ("a_long_source", "what_is_missing")),
]
LARGE = [
    "--deselect=tests/integration/test_neighbors.py::test_1000_peers_behind_one_tunnel",
    "--deselect=tests/integration/test_veth.py::test_250_pairs_in_one_call",
]


def _versions(**scope: str) -> tuple[Gate, ...]:
    more, once, large = (", whole", (), ()) if scope else ("", ONCE, LARGE)
    cluster = ("tests/versions", ANOTHER_PYTHON)
    newest = {"PYTHONPATH": str(BUILD / "pyroute2-0.9"), "PYROUTE2_VERSION": "0.9"}
    return (
        _pytest(f"unit, core 2.17{more}", *ON_ANSIBLE, python=str(OLDEST)),
        _pytest(f"cluster, core 2.17{more}", *cluster, *once, python=str(OLDEST), **scope),
        _pytest(f"cluster, newest core{more}", *cluster, python=str(NEWEST), **scope),
        _pytest(f"netlink, pyroute2 0.9{more}", *NETLINK, *large, **newest, **scope),
    )


#: Made by the Makefile, too.
PUBLISHING = BUILD / "publishing/bin"
#: What ansible-doc and Galaxy show of plugins and roles, to the last reference between them.
DOCS = (
    *("antsibull-docs", "lint-collection-docs", "--plugin-docs"),
    *("--validate-collection-refs=all", "--disallow-unknown-collection-refs", "."),
)

#: What is shown on the demo's cluster.
DEMO = [
    f"tests/cluster/test_{name}.py"
    for name in (
        *("connectivity", "commands", "idempotence", "reports", "page", "metrics"),
        "bad_input",
    )
]

#: What is waited for, more than it is worked for: boots, units, undone changes, routes that return.
HOSTS = [
    f"tests/integration/test_{name}.py"
    for name in ("boot", "command_installed", "confirm", "confirm_boot", "restoration", "streams")
]
MODULES = ("tests/integration", *(f"--ignore={file}" for file in HOSTS))

SWITCH = "tests/cells/test_switch.py"

#: Tests of which ``make test`` runs a choice, and ``make test-PART`` all.
TESTS: dict[str, tuple[str, ...]] = {
    "packet": ("tests/packet",),
    "integration": MODULES,
    "hosts": (*HOSTS,),
    "cells": ("tests/cells", f"--ignore={SWITCH}"),
    "switches": (SWITCH, "-s"),
    **{part: (f"tests/{part}",) for part in ("masquerade", "policy", "loss", "awx", "upgrade")},
}

#: All there is: see tests/scope.py.
WHOLE = {"TESTS_SCOPE": "whole"}

LINT = (
    _gate("ruff format", "ruff", "format", "--check", "."),
    _gate("ruff check", "ruff", "check", "."),
    _gate("mypy plugins", "mypy", "-p", PLUGINS),
    _gate("mypy tests", "mypy", "tests/bench", "tests/gates", "tests/vm/machines.py"),
    _gate("shellcheck", "shellcheck", ".ci/run", "lab", "tests/vm/finish.sh"),
    _gate("changelog", "antsibull-changelog", "lint"),
)

IMPORTER = ("-m", "tests.gates.importer")
#: The collection as it is published, beside what Galaxy says.
PUBLISHED = (
    _gate("REUSE", str(PUBLISHING / "reuse"), "lint", "--quiet"),
    _gate("antsibull-docs", *DOCS),
)

#: What runs by itself under ``make test-PART``.
PARTS: dict[str, tuple[Gate, ...]] = {
    "unit": (_pytest("unit", "tests/unit"),),
    "lint": (*LINT, _gate("ansible-lint", "ansible-lint", "--strict", "--exclude", "molecule")),
    "lint-whole": (*LINT, _gate("ansible-lint, whole", "ansible-lint", "--strict")),
    "published": (
        _python("galaxy-importer", *IMPORTER),
        *PUBLISHED,
        _pytest("published", "tests/published"),
    ),
    "published-whole": (
        _python("galaxy-importer, whole", *IMPORTER, **WHOLE),
        *PUBLISHED,
        _pytest("published, whole", "tests/published", **WHOLE),
    ),
    "docs": (
        _python("docs as HTML", "-m", "tests.gates.pages"),
        _pytest("docs", "tests/docs"),
    ),
    "sanity": (_python("ansible-test sanity", "-m", "tests.gates.sanity"),),
    "sanity-whole": (_python("ansible-test sanity, whole", "-m", "tests.gates.sanity", **WHOLE),),
    "versions": (
        _pytest("unit, newest core", *ON_ANSIBLE, python=str(NEWEST)),
        *_versions(),
    ),
    "versions-whole": (
        _pytest("unit, newest core, whole", "tests/unit", *LONG, python=str(NEWEST)),
        *_versions(**WHOLE),
    ),
    "demo": (_pytest("demo", *DEMO),),
    "cluster": (_pytest("cluster", "tests/cluster", *(f"--ignore={file}" for file in DEMO)),),
    "services": (_pytest("services", "tests/services"),),
    "molecule": _molecule("config", "short"),
    "molecule-whole": _molecule("config"),
    "vm": (_pytest("vm", "tests/vm/test_short.py"),),
    "vm-whole": tuple(
        _pytest(f"vm {name}", f"tests/vm/test_{name}.py", "-s")
        for name in ("programs", "boot", "confirm", "cells", "firewalls", "trouble")
    ),
}

for _part, _words in TESTS.items():
    PARTS[_part] = (_pytest(_part, *_words),)
    PARTS[f"{_part}-whole"] = (_pytest(f"{_part}, whole", *_words, **WHOLE),)

#: By ``make test-PART`` alone, since they take long: docs/testing.md has a table of what is there.
APART = tuple(part for part in PARTS if part.endswith("-whole"))

#: All parts, those first that take longest: for two processors, two run side by side. Of three
#: each takes 1.2 to 1.5 times its time, and tests that are bound by time have less to spare.
LONGEST_FIRST = (
    *("integration", "policy", "cluster", "cells", "masquerade", "vm", "switches", "molecule"),
    *("upgrade", "versions", "loss", "services", "packet", "sanity", "published", "awx", "demo"),
    *("docs", "hosts", "lint", "unit"),
)
AT_ONCE = 2

#: Run beside the two: first what mostly waits, then what waits for nobody, and may take long.
WAITING = ("hosts",)
PATIENT = ("sanity", "lint", "unit")

#: What ``make test-quick`` runs: the programs, and one cluster.
QUICK = ("lint", "demo", "packet", "unit")

#: Parts of which ``make test`` shows something else than what it leaves out: both are all there is.
BESIDE = ("vm",)


def whole(part: str) -> list[str]:
    """Return the parts that show all there is of one, where ``make test`` shows less."""
    more = f"{part}-whole"
    if more not in PARTS:
        return [part]
    return [part, more] if part in BESIDE else [more]
