# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings an AWX to its objects, or renders them: on the controller, where the roles' specs lie."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ansible.module_utils.basic import env_fallback

from ..module_utils.awx.client import connect
from ..module_utils.awx.controller import bring
from ..module_utils.awx.files import assets, variables
from ..module_utils.awx.table import TEMPLATES
from ..module_utils.awx.things import Settings, things
from ..module_utils.engine.failure import Failure
from ..plugin_utils.action import Action
from ..plugin_utils.role_options import documented
from ..plugin_utils.texts import as_json, as_yaml

ARGUMENTS = {
    "state": {"type": "str", "choices": ["present", "rendered"], "default": "present"},
    "url": {"type": "str", "fallback": (env_fallback, ["CONTROLLER_HOST"])},
    "token": {
        "type": "str",
        "no_log": True,
        "fallback": (env_fallback, ["CONTROLLER_OAUTH_TOKEN"]),
    },
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
    "project_timeout": {"type": "int", "default": 300},
    "organization": {"type": "str", "default": "Default"},
    "prefix": {"type": "str", "default": "podnet"},
    "project_url": {"type": "str", "default": "https://git.example.com/podnet.git"},
    "project_branch": {"type": "str", "default": "main"},
    "back_branch": {"type": "str", "default": "known-good"},
    "inventory_path": {"type": "str", "default": "inventory/hosts.yml"},
    "image": {"type": "str", "default": "registry.example.com/podnet:latest"},
    "credential": {"type": "str", "default": "podnet nodes"},
}

#: What a request needs, and the variable of the environment that gives it, too.
NEEDED = {"url": "CONTROLLER_HOST", "token": "CONTROLLER_OAUTH_TOKEN"}


class ActionModule(Action):
    """Does the module's work; nothing of it is done on a node."""

    _requires_connection = False

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return what was changed, or the files."""
        options = self.validate_argument_spec(argument_spec=ARGUMENTS)[1]
        settings = Settings(**{one.name: options[one.name] for one in fields(Settings)})
        wanted = things(settings, documented())
        if options["state"] == "rendered":
            files = {
                "controller.yml": as_yaml(variables(wanted, settings.organization)),
                "assets.json": as_json(assets(wanted, settings.organization)),
            }
            return {"changed": False, "files": {**files, **_playbooks()}}
        for option, variable in NEEDED.items():
            if not options[option]:
                raise Failure(f"{option} is not set; valid is the option, or {variable}.")
        call = connect(
            options["url"],
            options["token"],
            timeout=options["timeout"],
            validate_certs=options["validate_certs"],
        )
        return bring(
            call,
            wanted,
            settings.organization,
            check_mode=self._task.check_mode,
            patience=options["project_timeout"],
        )


def _playbooks() -> dict[str, str]:
    """Return the playbooks of the project: AWX runs those alone that lie in it."""
    return {
        f"{name}.yml": as_yaml(
            [
                {
                    "name": f"Run podnet.fabric.{name}",
                    "ansible.builtin.import_playbook": f"podnet.fabric.{name}",
                }
            ]
        )
        for name in dict.fromkeys(template.playbook for template in TEMPLATES)
    }
