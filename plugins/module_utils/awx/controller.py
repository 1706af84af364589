# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a controller to the objects that it is to hold: read, compare, and send what differs.

What the table does not name stays as it is: other objects, other fields, other credentials and
nodes. So does what it named once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..engine.change import Changes
from ..engine.failure import Failure
from .things import ENDPOINTS, Node, Thing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .client import Call

    Found = dict[str, Any]

#: So many objects of a list are asked for at once.
PAGE = 200
#: A project's updates end in one of these.
ENDS = ("successful", "failed", "error", "canceled")
#: Seconds between two looks at a project.
PAUSE = 1.0


class Controller:
    """A controller, and the objects on it as far as they are known by kind and name."""

    def __init__(self, call: Call, organization: str, patience: float) -> None:
        """:param patience: seconds that the first update of a project may take."""
        self.call = call
        self.patience = patience
        self.known: dict[tuple[str, str], Found] = {}
        self.organization = organization

    def list(self, path: str, **query: str | int) -> list[Found]:
        """Return all objects of a list."""
        found: list[Found] = []
        page = 1
        while True:
            answer = self.call("GET", path, **query, page=page, page_size=PAGE)
            found += answer.get("results", [])
            if not answer.get("next"):
                return found
            page += 1

    def find(self, thing: Thing) -> Found | None:
        """Return an object by its name, None where there is none."""
        query: dict[str, str | int] = {"name": thing.name}
        if thing.kind == "inventory_source":
            inventory = self.known.get(thing.refers["inventory"])
            if inventory is None:
                return None
            query["inventory"] = inventory["id"]
        elif thing.kind != "execution_environment":
            query["organization"] = self.known["organization", self.organization]["id"]
        return self._keep(thing, next(iter(self.list(_path(thing.kind), **query)), None))

    def _keep(self, thing: Thing, found: Found | None) -> Found | None:
        if found is not None:
            self.known[thing.kind, thing.name] = found
        return found

    def require(self, kind: str, name: str, **query: str | int) -> None:
        """Look up what is there already; Failure where it is not."""
        found = self.list(_path(kind), name=name, **query)
        if not found:
            names = [one["name"] for one in self.list(_path(kind), **query)]
            valid = f"one of {', '.join(sorted(names))}" if names else "one that you make there"
            raise Failure(
                f"{kind} is {name!r}, which the controller does not have; valid is {valid}."
            )
        self.known[kind, name] = found[0]

    def id_of(self, kind: str, name: str) -> int:
        """Return the number of an object that is there by now."""
        number: int = self.known[kind, name]["id"]
        return number

    def save(self, thing: Thing, fields: Mapping[str, Any]) -> None:
        """Make an object, or change fields of it."""
        sent = dict(fields) | {
            word: self.id_of(*other) for word, other in thing.refers.items() if word in fields
        }
        existing = self.known.get((thing.kind, thing.name))
        if existing is None:
            found = self.call("POST", _path(thing.kind), {"name": thing.name, **sent})
        elif sent:
            found = self.call("PATCH", f"{_path(thing.kind)}{existing['id']}/", sent)
        else:
            return
        self.known[thing.kind, thing.name] = found
        if thing.kind == "project":
            self._wait(thing)

    def _wait(self, thing: Thing) -> None:
        """Wait until a project is there: before that, no template may name a playbook of it."""
        path = f"{_path('project')}{self.id_of('project', thing.name)}/"
        end = time.monotonic() + self.patience
        while (status := self.call("GET", path).get("status")) not in ENDS:
            if time.monotonic() > end:
                raise Failure(
                    f"Project {thing.name!r} is still {status!r} after {self.patience:g} s."
                )
            time.sleep(PAUSE)
        if status != "successful":
            raise Failure(
                f"The update of project {thing.name!r} ended as {status!r}; valid is a repository "
                f"that the controller can read, and scm_url is {thing.fields['scm_url']!r}, "
                f"scm_branch {thing.fields['scm_branch']!r}."
            )


def bring(
    call: Call, things: Iterable[Thing], organization: str, *, check_mode: bool, patience: float
) -> dict[str, Any]:
    """Bring a controller to these objects; return ``changed``, ``changes`` and ``diff``.

    :param things: in the order in which they need each other.
    """
    things = list(things)
    controller = Controller(call, organization, patience)
    controller.require("organization", organization)
    for name in sorted({name for thing in things for name in thing.credentials}):
        controller.require(
            "credential",
            name,
            organization=controller.id_of("organization", organization),
            credential_type__kind="ssh",
        )
    changes = Changes()
    for thing in things:
        _plan(controller, thing, changes)
    changes.apply(check_mode=check_mode)
    return changes.result()


def _plan(controller: Controller, thing: Thing, changes: Changes) -> None:
    existing = controller.find(thing)
    after = {**thing.fields, **{word: name for word, (_kind, name) in thing.refers.items()}}
    before = None if existing is None else {word: _said(existing, word) for word in after}
    path = "" if existing is None else f"{_path(thing.kind)}{existing['id']}/"
    if thing.credentials:
        after["credentials"] = sorted(thing.credentials)
        if before is not None:
            there = {one["name"] for one in controller.list(f"{path}credentials/")}
            before["credentials"] = sorted(there & set(thing.credentials))
    if thing.survey:
        after["survey"] = _survey(thing.survey)
        if before is not None:
            before["survey"] = _survey(controller.call("GET", f"{path}survey_spec/"))
    what = f"{thing.kind.replace('_', ' ')} {thing.name}"
    changes.add(what, before, after, _saver(controller, thing, before, after))
    if thing.nodes:
        nodes = [] if existing is None else controller.list(f"{path}workflow_nodes/")
        _plan_nodes(controller, thing, nodes, changes)


def _saver(
    controller: Controller, thing: Thing, before: Found | None, after: Found
) -> Callable[[], None]:
    differ = {word for word in after if before is None or before[word] != after[word]}

    def save() -> None:
        extra = {"credentials", "survey"}
        controller.save(thing, {word: after[word] for word in after if word in differ - extra})
        path = f"{_path(thing.kind)}{controller.id_of(thing.kind, thing.name)}/"
        if "survey" in differ:
            controller.call("POST", f"{path}survey_spec/", thing.survey)
        for name in thing.credentials if "credentials" in differ else ():
            there = (before or {}).get("credentials", ())
            if name not in there:
                number = controller.id_of("credential", name)
                controller.call("POST", f"{path}credentials/", {"id": number})

    return save


def _plan_nodes(
    controller: Controller, workflow: Thing, existing: list[Found], changes: Changes
) -> None:
    """First the nodes, then what leads from one to another: a link needs both of its ends."""
    found = {node["identifier"]: node for node in existing}
    ours = {node.identifier for node in workflow.nodes}
    names = {one["id"]: one["identifier"] for one in existing if one["identifier"] in ours}
    for node in workflow.nodes:
        known = found.get(node.identifier)
        runs: Found = {"waits for": node.approval} if node.approval else {"runs": node.template}
        before = None if known is None else _runs(controller, known, node)
        changes.add(
            f"workflow node {node.identifier} of {workflow.name}",
            before,
            runs,
            _node_saver(controller, workflow, node, found),
        )
    for node in workflow.nodes:
        known = found.get(node.identifier, {})
        after = {"success": sorted(node.success), "failure": sorted(node.failure)}
        there = {
            end: sorted(
                names[number] for number in known.get(f"{end}_nodes", ()) if number in names
            )
            for end in after
        }
        changes.add(
            f"ways from workflow node {node.identifier} of {workflow.name}",
            there,
            after,
            _linker(controller, node, found, there, after),
        )


def _runs(controller: Controller, known: Found, node: Node) -> Found:
    """Say what a node runs, or else what it waits for."""
    template = known.get("summary_fields", {}).get("unified_job_template") or {}
    if template.get("unified_job_type") != "workflow_approval":
        return {"runs": template.get("name", "")}
    approval = controller.call("GET", f"workflow_approval_templates/{template['id']}/")
    words = node.approval or {"name": ""}
    return {"waits for": {word: approval.get(word) for word in words}}


def _node_saver(
    controller: Controller, workflow: Thing, node: Node, found: dict[str, Found]
) -> Callable[[], None]:
    def save() -> None:
        of = f"{_path(workflow.kind)}{controller.id_of(workflow.kind, workflow.name)}/"
        fields: Found = {"identifier": node.identifier}
        if node.approval is None:
            fields["unified_job_template"] = controller.id_of("job_template", node.template)
        known = found.get(node.identifier)
        if known is None:
            known = controller.call("POST", f"{of}workflow_nodes/", fields)
            found[node.identifier] = known
        elif node.approval is None:
            controller.call("PATCH", f"workflow_job_template_nodes/{known['id']}/", fields)
        if node.approval is not None:
            _save_approval(controller, known, node.approval)

    return save


def _save_approval(controller: Controller, known: Found, approval: Mapping[str, Any]) -> None:
    template = known.get("summary_fields", {}).get("unified_job_template") or {}
    if template.get("unified_job_type") == "workflow_approval":
        controller.call("PATCH", f"workflow_approval_templates/{template['id']}/", dict(approval))
    else:
        path = f"workflow_job_template_nodes/{known['id']}/create_approval_template/"
        controller.call("POST", path, dict(approval))


def _linker(
    controller: Controller, node: Node, found: Mapping[str, Found], before: Found, after: Found
) -> Callable[[], None]:
    def link() -> None:
        for end, wanted in after.items():
            path = f"workflow_job_template_nodes/{found[node.identifier]['id']}/{end}_nodes/"
            for other in sorted(set(before[end]) - set(wanted)):
                gone = {"id": found[other]["id"], "disassociate": True}
                controller.call("POST", path, gone)
            for other in sorted(set(wanted) - set(before[end])):
                controller.call("POST", path, {"id": found[other]["id"]})

    return link


def _path(kind: str) -> str:
    return f"{ENDPOINTS[kind]}/"


def _said(existing: Mapping[str, Any], word: str) -> Any:
    """Return a field's value; of one that names another object, that one's name."""
    other = existing.get("summary_fields", {}).get(word)
    return other["name"] if isinstance(other, dict) and "name" in other else existing.get(word)


def _survey(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the questions by their variables, choices as a list: the API takes both forms."""
    found = {}
    for question in spec.get("spec", []):
        choices = question.get("choices") or []
        if isinstance(choices, str):
            choices = choices.splitlines()
        found[question["variable"]] = {**question, "choices": choices}
        found[question["variable"]].pop("new_question", None)
    return found
