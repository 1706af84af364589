# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The objects as files: for ``infra.aap_configuration``, and for ``awx import``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .things import Node, Thing

#: Kind → variable of infra.aap_configuration.
VARIABLES = {
    "execution_environment": "controller_execution_environments",
    "project": "controller_projects",
    "inventory": "controller_inventories",
    "inventory_source": "controller_inventory_sources",
    "job_template": "controller_templates",
    "workflow_job_template": "controller_workflows",
}

#: Kind → its list in an export of awxkit.
LISTS = {
    "execution_environment": "execution_environments",
    "project": "projects",
    "inventory": "inventory",
    "inventory_source": "inventory_sources",
    "job_template": "job_templates",
    "workflow_job_template": "workflow_job_templates",
}

#: A machine credential's type, which every controller has.
MACHINE = {"name": "Machine", "kind": "ssh", "type": "credential_type"}


def variables(things: Iterable[Thing], organization: str) -> dict[str, list[dict[str, Any]]]:
    """Return the variables of ``infra.aap_configuration``."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIABLES.values()}
    for thing in things:
        item = {"name": thing.name, "organization": organization, **thing.fields}
        item |= {word: name for word, (_kind, name) in thing.refers.items()}
        if thing.credentials:
            item["credentials"] = list(thing.credentials)
        if thing.survey:
            item["survey_spec"] = thing.survey
        if thing.nodes:
            item["simplified_workflow_nodes"] = [
                _simple_node(node, organization) for node in thing.nodes
            ]
        found[VARIABLES[thing.kind]].append(item)
    return found


def _simple_node(node: Node, organization: str) -> dict[str, Any]:
    runs = {"unified_job_template": node.template, "lookup_organization": organization}
    return {
        "identifier": node.identifier,
        **(runs if node.approval is None else {"approval_node": node.approval}),
        "success_nodes": list(node.success),
        "failure_nodes": list(node.failure),
    }


def assets(things: Iterable[Thing], organization: str) -> dict[str, list[dict[str, Any]]]:
    """Return what ``awx import`` reads, and ``awx export`` writes."""
    known = {(thing.kind, thing.name): thing for thing in things}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS.values()}

    def key(kind: str, name: str) -> dict[str, Any]:
        return _natural_key(kind, name, organization, known)

    for (kind, name), thing in known.items():
        item = {"name": name, **thing.fields}
        item |= {word: key(*other) for word, other in thing.refers.items()}
        related: dict[str, Any] = {}
        if thing.credentials:
            related["credentials"] = [key("credential", one) for one in thing.credentials]
        if thing.survey:
            related["survey_spec"] = thing.survey
        if thing.nodes:
            workflow = key(kind, name)
            related["workflow_nodes"] = [
                _node_asset(node, workflow, key("job_template", node.template))
                for node in thing.nodes
            ]
        found[LISTS[kind]].append(
            {**item, **({"related": related} if related else {}), "natural_key": key(kind, name)}
        )
    return found


def _node_asset(
    node: Node, workflow: Mapping[str, Any], template: Mapping[str, Any]
) -> dict[str, Any]:
    related: dict[str, Any] = {
        f"{end}_nodes": [_node_key(workflow, identifier) for identifier in identifiers]
        for end, identifiers in (("success", node.success), ("failure", node.failure))
        if identifiers
    }
    item: dict[str, Any] = {"identifier": node.identifier, "workflow_job_template": workflow}
    if node.approval is None:
        item["unified_job_template"] = template
    else:
        related["create_approval_template"] = node.approval
    item["related"] = related
    return {**item, "natural_key": _node_key(workflow, node.identifier)}


def _node_key(workflow: Mapping[str, Any], identifier: str) -> dict[str, Any]:
    return {
        "workflow_job_template": workflow,
        "identifier": identifier,
        "type": "workflow_job_template_node",
    }


def _natural_key(
    kind: str, name: str, organization: str, known: Mapping[tuple[str, str], Thing]
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "type": kind}
    if kind not in ("organization", "execution_environment"):
        found["organization"] = {"name": organization, "type": "organization"}
    if kind == "credential":
        found["credential_type"] = MACHINE
    if kind == "inventory_source":
        inventory = known[kind, name].refers["inventory"]
        found["inventory"] = _natural_key(*inventory, organization, known)
    return found
