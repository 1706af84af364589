# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many steps in one process, each as the module of its own would do it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..engine.change import announced
from ..engine.failure import Failure, Unfinished
from .given import programs
from .parts import PARTS, Step, loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from ..engine.spec import Call, Spec
    from .given import Given
    from .guard import Guard

#: By what name a guard tells what it has done.
GUARD = "Arm the undoing of this change"

#: So many lines a step say what it changed; a first run on a thousand nodes has a million.
LINES = 100


@dataclass
class Report:
    """What the steps have changed so far, and what they have left: object → the reason."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    diff: list[dict[str, Any]] = field(default_factory=list)
    unfinished: dict[str, str] = field(default_factory=dict)

    def add(self, step: Step, result: Mapping[str, Any]) -> None:
        """Take in what a step returned."""
        if not result["changed"]:
            return
        lines = result["changes"]
        self.steps.append({"name": step.name, "changes": _cut(lines), "count": len(lines)})
        headers = {"before_header": step.name, "after_header": step.name}
        self.diff.append({**result["diff"], **headers})

    def result(self) -> dict[str, Any]:
        """Return what the module returns."""
        return {
            "changed": bool(self.steps),
            "changes": [line for step in self.steps for line in step["changes"]],
            "steps": self.steps,
            "diff": self.diff,
        }

    def failed(self, failure: Failure) -> dict[str, Any]:
        """Return what the module returns when a step fails, with what that did before it."""
        result, of_step = self.result(), dict[str, Any](failure.details)
        changed = result["changed"] or bool(of_step.get("changed"))
        changes = [*result["changes"], *_cut(of_step.get("changes", []))]
        return {**result, **of_step, "changed": changed, "changes": changes}


def _cut(lines: Sequence[str]) -> list[str]:
    if len(lines) <= LINES:
        return list(lines)
    return [*lines[:LINES], f"and {len(lines) - LINES} more"]


def spec_of(module: str) -> Spec:
    """Return the spec of a module; a process imports those of its own steps alone.

    Ansible sends a node source code, and most of the time of a task there goes by compiling it.
    """
    spec: Spec = import_module(f"..specs.{module}", __package__).SPEC
    return spec


def sent() -> tuple[ModuleType, ...]:
    """Return the modules of all specs; Ansible sends what it finds imported anywhere."""
    from ..specs import (  # noqa: PLC0415
        boot,
        bpf_map,
        bpf_program,
        bridge,
        compiled,
        endpoints,
        mounts,
        neighbors,
        node_command,
        policy,
        restoration,
        routes,
        services,
        sysctls,
        teardown,
        veth,
        vxlan,
    )

    return (
        *(boot, bpf_map, bpf_program, bridge, compiled, endpoints, mounts, neighbors),
        *(node_command, policy, restoration, routes, services, sysctls, teardown, veth, vxlan),
    )


def converge(
    steps: Iterable[Step], given: Given, call: Call, guard: Guard | None = None
) -> dict[str, Any]:
    """Do steps in order; a step's arguments are made when those before it are done.

    Where programs must be compiled first, nothing is done, and ``lacks`` says which, as that of
    ``bpf_program`` does.

    :param guard: is told before a step changes something.
    :raises Failure: names the step; what was done before it is in the details.
    :raises Unfinished: at the end, where steps have done all but something.
    """
    report, steps = Report(), list(steps)
    if guard and guard.armed:
        given = replace(given, pending=True)
    if loads(steps) and (lacks := lacking(given, call)):
        return {**report.result(), "lacks": lacks}
    for step in steps:
        try:
            with _told(guard, step, call, report):
                result = run(spec_of(step.module), step.arguments(given), call)
            if guard and call.check_mode and result["changed"]:
                guard.before(step)
                _add_told(guard, report)
            report.add(step, result)
        except Unfinished as failure:
            report.add(step, failure.result)
            report.unfinished |= failure.unfinished
        except Failure as failure:
            raise Failure(f"{step.name}: {failure.message}", **report.failed(failure)) from failure
    if report.unfinished:
        raise Unfinished(report.unfinished, **report.result())
    return report.result()


@contextlib.contextmanager
def _told(guard: Guard | None, step: Step, call: Call, report: Report) -> Iterator[None]:
    """Have a guard told before a step changes something, and the report what it has done."""
    if guard is None or call.check_mode:
        yield
        return
    with announced(partial(guard.before, step)):
        try:
            yield
        finally:
            _add_told(guard, report)


def _add_told(guard: Guard, report: Report) -> None:
    for result in guard.told():
        report.add(Step(GUARD, "", lambda _given: {}), result)


def lacking(given: Given, call: Call) -> dict[str, Any]:
    """Say which of the programs that the sources are of must be compiled first.

    Nothing in check mode, which loads nothing.
    """
    known = given.sources.get("programs")
    if call.check_mode or not known:
        return {}
    items = [item for item in programs(PARTS, given.node) if item["name"] in known]
    if not items:
        return {}
    from ..ebpf import bpf_program, bpf_program_wanted  # noqa: PLC0415
    from ..installed import compiled  # noqa: PLC0415

    checked = _checked(spec_of("bpf_program"), {"programs": items})["programs"]
    wanted = [bpf_program_wanted.wanted(item, None, given.sources) for item in checked]
    not_kept = compiled.missing(item.key for item in wanted)
    return bpf_program.lacks(wanted, given.sources.get("objects", {}), also=not_kept)


def to_do(steps: Iterable[Step], call: Call) -> list[Step]:
    """Return the steps to do: in check mode without those of which a later one says it all."""
    return [step for step in steps if not (call.check_mode and step.said_later)]


def look_ahead(parts: Mapping[str, Iterable[Step]], given: Given, call: Call) -> list[str]:
    """Return the first of these parts that are as planned already, up to one that is not.

    A part after one that is not may depend on what that changes. What keeps a part from being
    looked at, the part itself will say.

    :param parts: their steps by name, in the order of a run.
    """
    found = []
    for part, steps in parts.items():
        said: list[str] = []
        look = replace(call, check_mode=True, warn=said.append)
        try:
            if converge(steps, given, look)["changed"]:
                break
        except (Failure, OSError):
            break
        for warning in said:
            call.warn(warning)
        found.append(part)
    return found


def go_on(
    parts: Mapping[str, Iterable[Step]], given: Given, call: Call, guard: Guard | None = None
) -> dict[str, Any]:
    """Bring the parts to their plan up to one that fails; return what came of each, by its name.

    As the module would return it, a failure with ``failed`` and ``msg``, and what it warns of.
    """
    found: dict[str, Any] = {}
    for part, steps in parts.items():
        said: list[str] = []
        try:
            warns = replace(call, warn=said.append)
            found[part] = converge(to_do(steps, call), given, warns, guard)
        except Failure as failure:
            found[part] = {"failed": True, "msg": failure.message, **failure.details}
        found[part] |= {"warnings": said} if said else {}
        if "failed" in found[part]:
            break
    return found


def run(spec: Spec, arguments: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
    """Do what a module does with these arguments; return what it returns."""
    return spec.work(_checked(spec, arguments), call)


def _checked(spec: Spec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    checked = ArgumentSpecValidator(spec.arguments, **spec.rules).validate(arguments)
    if checked.error_messages:
        raise Failure("; ".join(checked.error_messages))
    found: dict[str, Any] = checked.validated_parameters
    return found


def needs(*lists: Iterable[Step]) -> list[str]:
    """Return the libraries that steps import."""
    return sorted(
        {name for steps in lists for step in steps for name in spec_of(step.module).needs}
    )
