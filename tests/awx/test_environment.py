# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The execution environment: ansible-builder finds what the controller needs, and no more."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import yaml

from .playing import BIN, ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = ROOT / "docs/awx"
#: Library as it is imported → package. ansible-core brings PyYAML and Jinja.
CONTROLLER = {"netaddr", "jmespath"}


def wanted(command: list[str]) -> dict[str, list[str]]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(yaml.safe_load(done.stdout))


def test_the_installed_collection_asks_for_what_the_controller_needs(installed, tmp_path):
    """By the program that ansible-builder runs in the image for that."""
    context = tmp_path / "context"
    create(context)
    found = wanted(
        [
            sys.executable,
            str(context / "_build/scripts/introspect.py"),
            "introspect",
            str(installed),
        ]
    )
    asked = [line.partition("#") for line in found["python"]]
    assert {library.strip() for library, _sign, _whence in asked} == CONTROLLER
    assert {whence for _library, _sign, whence in asked} == {" from collection podnet.fabric"}
    assert found["system"] == []


def create(context: Path) -> None:
    subprocess.run(
        [
            *(str(BIN / "ansible-builder"), "create"),
            *("-f", str(PROJECT / "execution-environment.yml"), "-c", str(context)),
            *("--output-filename", "Containerfile"),
        ],
        check=True,
        capture_output=True,
        cwd=PROJECT,
    )


def test_the_context_of_the_project_installs_the_collection(tmp_path):
    context = tmp_path / "context"
    create(context)
    requirements = yaml.safe_load((context / "_build/requirements.yml").read_text())
    assert requirements == yaml.safe_load((PROJECT / "collections/requirements.yml").read_text())
    recipe = (context / "Containerfile").read_text()
    assert "ansible-galaxy collection install" in recipe
    assert "ansible-runner" in recipe


def test_what_runs_on_the_controller_imports_nothing_else():
    """Of plugins that run there: every library that is neither Python's, Ansible's nor ours.

    Without Jinja, which draws the page, there is no Ansible.
    """
    folders = ("action", "filter", "lookup", "connection", "plugin_utils", "module_utils/plan")
    found = set()
    for folder in (*folders, "module_utils/awx"):
        for path in (ROOT / "plugins" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in getattr(node, "names", [])]
                if isinstance(node, ast.ImportFrom):
                    names = [] if node.level else [node.module or ""]
                elif not isinstance(node, ast.Import):
                    continue
                found |= {name.split(".")[0] for name in names}
    others = found - set(sys.stdlib_module_names) - {"ansible", "ansible_collections"}
    assert others == CONTROLLER | {"jinja2", "markupsafe", "yaml"}
