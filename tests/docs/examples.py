# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The examples of the plugins' documentation, and playbooks that run them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import yaml

from tests.cluster.cluster import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KINDS = ("modules", "filter", "lookup", "connection")

#: What the second of two runs of a task is called.
AGAIN = " (again)"

#: Beside ``*_info``: what makes nothing that stays. Roles have tests of their own.
MAKES_NOTHING = {
    *("bpf_compile", "node_plan", "plan", "health_responder", "report_file", "report_page"),
    *("connectivity_pods", "connectivity_streams", "observe"),
    *("ansible.builtin.include_role", "ansible.builtin.debug", "ansible.builtin.set_fact"),
    *("ansible.builtin.command", "ansible.builtin.assert", "ansible.builtin.set_stats", "converge"),
}

SITE = {"name": "Bring up the pod network", "ansible.builtin.import_playbook": "podnet.fabric.site"}
#: How an example says that it wants that first. Linters of Galaxy do not find our playbooks.
AFTER_SITE = "\n# On nodes to which the playbook podnet.fabric.site has brought the network.\n"


def examples() -> dict[str, Any]:
    """Return what ``EXAMPLES`` of each plugin holds, by ``KIND-NAME``, as hosts may be called."""
    found = {}
    for kind in KINDS:
        for path in sorted((ROOT / "plugins" / kind).iterdir()):
            text = _of_python(path) if path.suffix == ".py" else _of_yaml(path)
            if text:
                example = yaml.safe_load(text)
                name = f"{kind}-{path.stem.replace('_', '-')}"
                found[name] = [SITE, *example] if text.startswith(AFTER_SITE) else example
    return found


def _of_python(path: Path) -> str:
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "EXAMPLES":
            return str(ast.literal_eval(statement.value))
    return ""


def _of_yaml(path: Path) -> str:
    found = yaml.safe_load(path.read_text()) if path.is_file() else {}
    return str(found.get("EXAMPLES", ""))


def is_tasks(example: Any) -> bool:
    """Say whether an example is a list of tasks, which need a host and nothing else."""
    return isinstance(example, list) and not is_plays(example)


def is_plays(example: Any) -> bool:
    """Say whether an example is a playbook, over a cluster."""
    return isinstance(example, list) and any("hosts" in each for each in example)


def tasks_of(example: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tasks of an example of either kind, in their order."""
    if is_tasks(example):
        return example
    return [task for play in example for task in play.get("tasks", ())]


def module_of(task: dict[str, Any]) -> str:
    """Return the module of a task, those of this collection by their short names."""
    (name,) = (word for word in task if "." in word)
    return name.removeprefix("podnet.fabric.")


def makes_something(task: dict[str, Any]) -> bool:
    """Say whether a task makes what stays."""
    module = module_of(task)
    return not (module in MAKES_NOTHING or module.endswith("_info"))


def write_tasks(folder: Path, by_host: dict[str, Any]) -> Path:
    """Write a play in which each host has tasks of its own; what makes something stands twice.

    All hosts are in one play, side by side: the start of Ansible is what costs most, and a host
    that fails stops no other.
    """
    for host, tasks in by_host.items():
        _dump(folder / f"{host}.yml", list(_twice(tasks)))
    include = {
        "name": "Run those of the host",
        "ansible.builtin.include_tasks": "{{ inventory_hostname }}.yml",
    }
    play = {
        "name": "Run the examples",
        "hosts": sorted(by_host),
        "gather_facts": False,
        "strategy": "ansible.builtin.free",
        "tasks": [include],
    }
    return _dump(folder / "tasks.yml", [play])


def write_plays(folder: Path, examples: Iterable[list[dict[str, Any]]]) -> Path:
    """Write one playbook of many; what makes something stands twice in a row.

    Those that begin with the playbook ``site`` come last and share it, since it does nothing where
    it is done.
    """
    apart: list[dict[str, Any]] = []
    after: list[dict[str, Any]] = []
    for example in examples:
        site = [each for each in example if "ansible.builtin.import_playbook" in each]
        if site:
            assert site == [SITE]
            after[:0] = [] if after else site
        plays = [each for each in example if "hosts" in each]
        (after if site else apart).extend(
            {**each, "tasks": list(_twice(each["tasks"]))} for each in plays
        )
    return _dump(folder / "plays.yml", [*apart, *after])


def _twice(tasks: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        yield task
        if makes_something(task):
            yield {**task, "name": f"{task['name']}{AGAIN}"}


def _dump(path: Path, what: Any) -> Path:
    path.write_text(yaml.safe_dump(what, sort_keys=False))
    return path
