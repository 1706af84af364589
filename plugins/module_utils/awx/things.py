# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the table to the objects of a controller, in the words of its API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import table
from .surveys import survey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .surveys import Options


@dataclass(frozen=True)
class Settings:
    """What is the user's own, as the options of the module C(awx) describe it."""

    organization: str
    prefix: str
    project_url: str
    project_branch: str
    back_branch: str
    inventory_path: str
    image: str
    credential: str


@dataclass(frozen=True)
class Node:
    """A node of a workflow: what it runs, or else the approval that it waits for."""

    identifier: str
    template: str
    approval: Mapping[str, Any] | None
    success: tuple[str, ...]
    failure: tuple[str, ...]


@dataclass(frozen=True)
class Thing:
    """An object of a controller.

    :param kind: its type, as the API names it.
    :param fields: its own values.
    :param refers: field → kind and name of the object that stands there.
    :param credentials: names of the machine credentials that its jobs log in with.
    """

    kind: str
    name: str
    fields: Mapping[str, Any]
    refers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    credentials: tuple[str, ...] = ()
    survey: Mapping[str, Any] | None = None
    nodes: tuple[Node, ...] = ()


#: Kind → its list in the API.
ENDPOINTS = {
    "organization": "organizations",
    "credential": "credentials",
    "execution_environment": "execution_environments",
    "project": "projects",
    "inventory": "inventories",
    "inventory_source": "inventory_sources",
    "job_template": "job_templates",
    "workflow_job_template": "workflow_job_templates",
}


def things(settings: Settings, options: Options) -> list[Thing]:
    """Return the objects in the order in which they need each other.

    :param options: what the argument specs of the roles say of each variable, by its name.
    """
    return [
        *_ground(settings),
        *(_template(one, settings, options) for one in table.TEMPLATES),
        _workflow(settings, options),
    ]


def _ground(settings: Settings) -> list[Thing]:
    name = settings.prefix
    organization = ("organization", settings.organization)
    return [
        Thing(
            "execution_environment",
            name,
            {
                "description": "What podnet.fabric needs where Ansible runs.",
                "image": settings.image,
                "pull": "missing",
            },
            {"organization": organization},
        ),
        Thing(
            "project",
            name,
            {
                "description": "Playbooks and inventory of the pod network.",
                "scm_type": "git",
                "scm_url": settings.project_url,
                "scm_branch": settings.project_branch,
                "scm_update_on_launch": True,
                # What goes back has a branch of its own.
                "allow_override": True,
            },
            {"organization": organization, "default_environment": ("execution_environment", name)},
        ),
        *_inventory(settings, "The nodes of the pod network.", fixed=False),
        *_inventory(settings, "The nodes as they were in the state to go back to.", fixed=True),
    ]


def _inventory(settings: Settings, description: str, *, fixed: bool) -> list[Thing]:
    name, project = _inventory_name(settings, fixed=fixed), settings.prefix
    source = {
        "description": "The hosts as the project has them.",
        "source": "scm",
        "source_path": settings.inventory_path,
        "scm_branch": settings.back_branch if fixed else "",
        "overwrite": True,
        "overwrite_vars": True,
        "update_on_launch": True,
    }
    return [
        Thing(
            "inventory",
            name,
            {"description": description},
            {"organization": ("organization", settings.organization)},
        ),
        Thing(
            "inventory_source",
            f"{name} hosts",
            source,
            {
                "inventory": ("inventory", name),
                "source_project": ("project", project),
                "execution_environment": ("execution_environment", project),
            },
        ),
    ]


def _inventory_name(settings: Settings, *, fixed: bool) -> str:
    return f"{settings.prefix} back" if fixed else settings.prefix


def _template(template: table.Template, settings: Settings, options: Options) -> Thing:
    asked = survey(template, options)
    fields = {
        "description": template.description,
        "job_type": "check" if template.check else "run",
        "playbook": f"{template.playbook}.yml",
        "scm_branch": settings.back_branch if template.fixed else "",
        "diff_mode": template.check,
        # Part of an inventory is no cluster.
        "job_slice_count": 1,
        "allow_simultaneous": False,
        "use_fact_cache": False,
        "survey_enabled": asked is not None,
        "ask_limit_on_launch": not template.fixed,
        "ask_variables_on_launch": not template.fixed,
    }
    refers = {
        "inventory": ("inventory", _inventory_name(settings, fixed=template.fixed)),
        "project": ("project", settings.prefix),
        "execution_environment": ("execution_environment", settings.prefix),
    }
    credentials = (settings.credential,) if settings.credential else ()
    return Thing("job_template", _name(settings, template.name), fields, refers, credentials, asked)


def _workflow(settings: Settings, options: Options) -> Thing:
    (site,) = (one for one in table.TEMPLATES if one.name == "site")
    fields = {
        "description": table.WORKFLOW_DESCRIPTION,
        "allow_simultaneous": False,
        "survey_enabled": True,
        "ask_limit_on_launch": False,
        "ask_variables_on_launch": False,
    }
    return Thing(
        "workflow_job_template",
        _name(settings, table.WORKFLOW),
        fields,
        {"organization": ("organization", settings.organization)},
        survey=survey(site, options),
        nodes=tuple(_node(one, settings) for one in table.NODES),
    )


def _node(node: table.Node, settings: Settings) -> Node:
    approval = {
        "name": _name(settings, table.APPROVAL),
        "description": table.APPROVAL_DESCRIPTION,
        "timeout": table.APPROVAL_TIMEOUT,
    }
    return Node(
        node.identifier,
        _name(settings, node.template) if node.template else "",
        None if node.template else approval,
        node.success,
        node.failure,
    )


def _name(settings: Settings, name: str) -> str:
    return f"{settings.prefix} {name}"
