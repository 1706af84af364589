# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the collection says of itself is what it holds."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.plan import inventory

from tests.gates.parts import PARTS
from tests.published import readmes

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
DOCS = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())

#: Modules that make what others would want to read.
WITH_TWIN = [
    "bpf_map",
    "bpf_program",
    "bridge",
    "endpoints",
    "lab",
    "neighbors",
    "netns",
    "routes",
    "services",
    "veth",
    "vxlan",
]


def load(path: Path):
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def options(role: str):
    """Options of all entry points of a role."""
    specs = load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]
    return {name: option for spec in specs.values() for name, option in spec["options"].items()}


def documented():
    return {name: option for role in ROLES for name, option in options(role).items()}


def test_the_action_group_holds_every_module():
    assert load(ROOT / "meta/runtime.yml")["action_groups"]["all"] == MODULES


@pytest.mark.parametrize("module", WITH_TWIN)
def test_what_a_module_makes_another_one_reads(module):
    assert module in MODULES
    assert f"{module}_info" in MODULES


@pytest.mark.parametrize("role", ROLES)
def test_defaults_of_a_role_are_the_documented_ones(role):
    defaults = load(ROOT / "roles" / role / "defaults/main.yml") or {}
    said = {name: option.get("default") for name, option in options(role).items()}
    assert defaults == {name: said.get(name, "not documented") for name in defaults}


@pytest.mark.parametrize("role", ROLES)
def test_documented_defaults_of_a_role_are_those_that_it_has(role):
    """In its defaults, in the table of the planner, or where it takes an empty value for none."""
    said = {name: o["default"] for name, o in options(role).items() if "default" in o}
    planned = {**inventory.CLUSTER_VARIABLES, **inventory.NODE_VARIABLES}
    there = {"podnet_cluster": inventory.DEFAULT} if role == "plan" else {}
    there |= {name: field.default for name, field in planned.items()}
    there |= load(ROOT / "roles" / role / "defaults/main.yml") or {}
    text = "".join(path.read_text() for path in (ROOT / "roles" / role).glob("[tv]*/*.yml"))
    for name, value in re.findall(r"(\w+) \| default\(([^(),]+)(?:, true)?\)", text):
        if name in said:
            there[name] = yaml.safe_load(value)
    assert said == {name: there.get(name, "nowhere") for name in said}


@pytest.mark.parametrize("role", readmes.ROLES, ids=lambda role: role.name)
def test_the_readme_of_a_role_has_the_variables_of_its_specs(role):
    text = (role / "README.md").read_text()
    assert text == readmes.render(role), "run `make readmes`"
    assert text.startswith(f"# podnet.fabric.{role.name}\n")
    headings = re.findall("^## (.+)$", text, re.MULTILINE)
    assert headings == ["Example", "What it leaves", "Variables"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_who_it_is(role):
    about = load(ROOT / "roles" / role / "meta/main.yml")["galaxy_info"]
    needed = load(ROOT / "meta/runtime.yml")["requires_ansible"]
    assert about["license"] == "GPL-3.0-or-later"
    assert needed.startswith(f">={about['min_ansible_version']}.")
    assert about["description"]


def test_what_the_planner_reads_is_documented_with_its_default():
    fields = {**inventory.CLUSTER_VARIABLES, **inventory.NODE_VARIABLES}
    said = documented()
    assert sorted(set(fields) - set(said)) == []
    defaults = {n: None if f.default == [] else f.default for n, f in fields.items()}
    assert {name: said[name].get("default") for name in fields} == defaults


def test_no_role_uses_a_variable_that_nobody_documents():
    """Variables of the network are podnet_*; beside the user's, there are results of tasks."""
    used, made = set(), set()
    for path in [*ROOT.glob("roles/*/[tv]*/*.yml"), *ROOT.glob("playbooks/*.yml")]:
        text = re.sub(r"#.*", "", path.read_text())
        used |= set(re.findall(r"(?<![\w.'\"])podnet_\w+", text))
        made |= set(re.findall(r"(?:register: |data:\s+)(podnet_\w+)", text))
    assert sorted(used - set(documented()) - made) == []


def test_the_release_has_a_fragment_or_an_entry():
    version = load(ROOT / "galaxy.yml")["version"]
    released = load(ROOT / "changelogs/changelog.yaml")["releases"]
    fragments = list((ROOT / "changelogs/fragments").glob("*.yml"))
    assert fragments or version in released


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The tarball, unpacked."""
    folder = tmp_path_factory.mktemp("published")
    subprocess.run(
        [BIN / "ansible-galaxy", "collection", "build", "--output-path", folder, ROOT],
        check=True,
        capture_output=True,
    )
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "files")
    return folder / "files"


def test_the_artefact_holds_what_a_user_needs_and_no_more(published):
    names = {str(path.relative_to(published)) for path in published.rglob("*")}
    assert {"bpf/from_container.c", "bpf/lib/shared.h", "bpf/include/linux/kconfig.h"} <= names
    tops = {name.split("/")[0] for name in names} - {"FILES.json", "MANIFEST.json"}
    of_users = (
        "CODE_OF_CONDUCT.md CONTRIBUTING.md LICENSE LICENSES README.md REUSE.toml SECURITY.md "
        "bpf changelogs docs lab meta monitoring playbooks plugins requirements.txt roles"
    )
    made_by_a_release = {"CHANGELOG.rst"}
    assert tops - made_by_a_release == set(of_users.split())
    assert not [name for name in names if "__pycache__" in name]


PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *(f"docs/{one}" for one in DOCS)]
OURS = re.compile(r"(?<![\w./~-])(?:bpf|changelogs|docs|meta|playbooks|roles|tests)/[\w./-]*\w")


@pytest.mark.parametrize("page", PAGES)
def test_a_file_that_a_page_names_is_there(page):
    named = set(OURS.findall((ROOT / page).read_text()))
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_target_of_make_that_a_page_names_is_there(page):
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", (ROOT / page).read_text(), re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    there = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert named <= there


def test_what_is_supported_is_what_the_tests_try():
    """docs/support.md names parts that there are, and the versions that they are made of."""
    text = (ROOT / "docs/support.md").read_text()
    pins = " ".join(path.read_text() for path in sorted((ROOT / "tests").glob("requirements*.txt")))
    cores = {".".join(one.split(".")[:2]) for one in re.findall(r"ansible-core==([\d.]+)", pins)}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    column, tried = "", {}
    for row in rows:
        if len(row) == 3:
            column = row[0] or column
            tried.setdefault(column, []).append(row[1].split(" ")[0].rstrip(","))
            for part in re.findall(r"part `(\w+)`", row[2]):
                assert part in PARTS
    assert set(tried["ansible-core"]) == cores
    oldest = load(ROOT / "meta/runtime.yml")["requires_ansible"]
    assert oldest == f">={min(cores)}.0"
    newest = re.findall(r"pyroute2==(\d+\.\d+)", pins)
    assert tried["pyroute2"] == ["0.7", *sorted(set(newest))]


def test_what_is_new_is_new_since_a_version_that_there_is_or_will_be():
    versions = {load(ROOT / "galaxy.yml")["version"]}
    versions |= set(load(ROOT / "changelogs/changelog.yaml")["releases"])
    for path in [*(ROOT / "plugins").rglob("*.py"), *ROOT.glob("roles/*/meta/argument_specs.yml")]:
        said = set(re.findall(r"^ *version_added: (\S+)$", path.read_text(), re.MULTILINE))
        assert said <= versions, path


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def heading_anchors(text: str) -> set[str]:
    """Return the anchors that a page's headings have on the web."""
    plain = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.+)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in found}


def test_every_link_of_a_published_page_leads_to_something_published(published):
    lost = []
    for page in published.rglob("*.md"):
        for link in LINK.findall(page.read_text()):
            path, _hash, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if "://" in link:
                continue
            there = target.exists() and published.resolve() in (target, *target.parents)
            if not there or (anchor and anchor not in heading_anchors(target.read_text())):
                lost.append(f"{page.relative_to(published)}: {link}")
    assert lost == []
