# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An AWX is brought to the templates by the playbook or by awxkit's import, with one result."""

from __future__ import annotations

import json
import re
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.awx import client, controller
from ansible_collections.podnet.fabric.plugins.module_utils.awx.things import Settings, things
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.plugin_utils.role_options import documented

from .playing import ROOT, awx, bring, exported, play, recap
from .server import API, FIELDS, TOKEN, TYPES, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = ROOT / "docs/awx"
ASSETS = json.loads((FILES / "assets.json").read_text())
SETTINGS = {
    "organization": "Default",
    "prefix": "podnet",
    "project_branch": "main",
    "project_url": "https://git.example.com/podnet.git",
    "back_branch": "known-good",
    "inventory_path": "inventory/hosts.yml",
    "image": "registry.example.com/podnet:latest",
    "credential": "podnet nodes",
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(controller, "PAUSE", 0.01)
    with running() as held:
        yield held


def apply(server: Server, *, check_mode: bool = False, **settings: Any) -> dict[str, Any]:
    """Bring a server to the templates, without a playbook around it."""
    given = Settings(**{**SETTINGS, **settings})
    call = client.connect(server.url, TOKEN, timeout=5, validate_certs=True)
    wanted = things(given, documented())
    return controller.bring(call, wanted, given.organization, check_mode=check_mode, patience=10)


def writes(server: Server) -> list[str]:
    return [path for method, path in server.requests if method not in ("GET", "OPTIONS")]


def test_the_files_of_the_project_are_those_that_the_playbook_writes(tmp_path):
    assert recap(play(awx_folder=str(tmp_path)))["changed"] == 1
    for name in ("controller.yml", "assets.json"):
        assert (tmp_path / name).read_text() == (FILES / name).read_text(), (
            f"docs/awx/{name} is not what the table says: run the playbook awx with awx_folder"
        )
    asked = json.loads((FILES / "assets.json").read_text())["job_templates"]
    for name in {template["playbook"] for template in asked}:
        (run,) = yaml.safe_load((tmp_path / name).read_text())
        playbook = run["ansible.builtin.import_playbook"].removeprefix("podnet.fabric.")
        assert (ROOT / "playbooks" / f"{playbook}.yml").exists()


def test_four_runs_of_the_playbook(server):
    assert recap(bring(server, "--check"))["changed"] == 1
    assert writes(server) == []
    assert recap(bring(server))["changed"] == 1
    assert writes(server) != []
    server.requests.clear()
    assert recap(bring(server))["changed"] == 0
    assert recap(bring(server, "--check"))["changed"] == 0
    assert writes(server) == []


def test_check_mode_predicts_what_a_run_does(server):
    predicted = apply(server, check_mode=True)
    assert writes(server) == []
    assert apply(server) == predicted
    assert predicted["changes"][:2] == [
        "create execution environment podnet",
        "create project podnet",
    ]
    assert apply(server)["changes"] == []


def least(wanted: Any, found: Any, where: str = "") -> list[str]:
    """Return where an export differs from what was asked for; what it has beside is a default."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        unset = {**FIELDS.get(wanted.get("natural_key", {}).get("type", ""), {})}
        beside = {
            word: value
            for word, value in found.items()
            if word not in wanted and value not in ({}, [], None) and value != unset.get(word)
        }
        lacking = [f"{where}.{word} is not there" for word in wanted if word not in found]
        return [
            *([f"{where} has {beside}"] if beside and "natural_key" in wanted else []),
            *lacking,
            *(
                one
                for word in wanted
                if word in found
                for one in least(wanted[word], found[word], f"{where}.{word}")
            ),
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [
            one
            for number, each in enumerate(wanted)
            for one in least(each, found[number], f"{where}[{number}]")
        ]
    return [] if wanted == found else [f"{where}: {found!r} is not {wanted!r}"]


def test_awxkit_exports_the_same_after_the_playbook_and_after_its_own_import(server):
    apply(server)
    ours = exported(server)
    with running() as other:
        awx(other, "import", stdin=json.dumps(ASSETS))
        theirs = exported(other)
        assert apply(other)["changes"] == []
    assert ours == theirs
    assert least(ASSETS, theirs) == []
    with running() as third:
        awx(third, "import", stdin=json.dumps(ours))
        assert exported(third) == ours


def named(server: Server, kind: str, name: str) -> dict[str, Any]:
    (one,) = (
        each
        for each in server.objects.values()
        if each["type"] == kind and name in (each.get("name"), each.get("identifier"))
    )
    return one


def test_what_differs_is_put_right_and_what_is_of_others_stays(server):
    apply(server)
    site = named(server, "job_template", "podnet site")
    right = exported(server)
    other = server.add(
        "credential",
        name="other",
        organization=1,
        credential_type=2,
    )
    site["credentials"] = [other]
    site["forks"] = 50
    site["description"] = "of somebody"
    site["survey_spec"]["spec"][0]["choices"] = "one word"
    health = named(server, "workflow_job_template_node", "health")
    approve = named(server, "workflow_job_template_node", "approve")
    health["failure_nodes"], health["success_nodes"] = [], [approve["id"]]
    server.objects[approve["unified_job_template"]]["timeout"] = 1
    named(server, "workflow_job_template_node", "back")["unified_job_template"] = site["id"]
    workflow = health["workflow_job_template"]
    extra = server.add(
        "workflow_job_template_node",
        identifier="of somebody",
        workflow_job_template=workflow,
        unified_job_template=site["id"],
    )
    approve["failure_nodes"] = [extra]
    changes = apply(server)["changes"]
    assert changes == [
        "change job template podnet site",
        "change workflow node approve of podnet change",
        "change workflow node back of podnet change",
        "change ways from workflow node health of podnet change",
    ]
    assert site["forks"] == 50
    assert approve["failure_nodes"] == [extra]
    assert other in site["credentials"]
    assert extra in server.objects
    site["credentials"].remove(other)
    site["forks"] = 0
    del server.objects[extra]
    approve["failure_nodes"] = []
    assert exported(server) == right
    assert apply(server)["changes"] == []


def test_a_second_cluster_has_objects_of_its_own(server):
    apply(server)
    before = exported(server)
    apply(server, prefix="second", project_branch="two")
    after = exported(server)
    assert all(
        [one for one in after[kind] if not one["name"].startswith("second")] == before[kind]
        for kind in before
    )
    assert len(after["job_templates"]) == 2 * len(before["job_templates"])


def test_an_answer_in_pages_is_read_to_its_end(server, monkeypatch):
    monkeypatch.setattr(controller, "PAGE", 2)
    apply(server)
    assert apply(server)["changes"] == []


#: Answer in place of the API: status, headers, body; and the sentence that it becomes.
PAGE = b"<html>Service unavailable</html>"
ANSWERS = [
    (401, {}, b"{}", "The controller refuses the token (401); valid is one of a user of {url}."),
    (
        403,
        {},
        b'{"detail": "You do not have permission."}',
        "The controller answers GET {api}organizations/ with 403 Forbidden: "
        '{{"detail": "You do not have permission."}}.',
    ),
    (
        404,
        {},
        PAGE,
        "The controller has no GET {api}organizations/ (404); valid is the address of an AWX as "
        "url.",
    ),
    (
        500,
        {},
        PAGE,
        "The controller answers GET {api}organizations/ with 500 Internal Server Error.",
    ),
    (
        302,
        {"Location": "https://other.example.com/"},
        b"",
        "url is '{url}', which leads on to 'https://other.example.com/' (302); valid is the "
        "address that it leads to, for a token is sent to nobody else.",
    ),
    *(
        (
            200,
            {},
            body,
            "What answered GET {api}organizations/ is no controller: it sent no JSON object; valid "
            "is the address of an AWX, such as https://awx.example.com.",
        )
        for body in (PAGE, b'["a list"]', b'{"results": [', b"\xff\xfe")
    ),
]


@pytest.mark.parametrize(("status", "headers", "body", "sentence"), ANSWERS)
def test_a_bad_answer_becomes_one_sentence(server, status, headers, body, sentence):
    server.instead = lambda method, path: (status, headers, body)
    with pytest.raises(Failure) as raised:
        apply(server)
    assert raised.value.message == sentence.format(url=server.url, api=server.url + API)
    assert len(server.requests) == 1


def test_an_answer_that_does_not_come_ends_in_time(server):
    gone = threading.Event()
    server.instead = lambda method, path: (gone.wait(60), None)[1]
    call = client.connect(server.url, TOKEN, timeout=1, validate_certs=True)
    try:
        with pytest.raises(Failure, match=r"did not answer GET http\S+/projects/.* 1 s\.$"):
            call("GET", "projects/")
    finally:
        gone.set()


def test_a_controller_that_is_not_there():
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        call = client.connect(url, TOKEN, timeout=5, validate_certs=True)
        with pytest.raises(Failure, match=r"^The controller did not answer GET http.*refused\.$"):
            call("GET", "projects/")


@pytest.mark.parametrize("url", ["", "awx.example.com", "ftp://awx.example.com", "https://"])
def test_an_address_that_is_none(url):
    with pytest.raises(Failure, match=r"; valid is an address such as https://awx\.example\.com\."):
        client.connect(url, TOKEN, timeout=5, validate_certs=True)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"organization": "Elsewhere"},
            "organization is 'Elsewhere', which the controller does not have; valid is one of "
            "Default.",
        ),
        (
            {"credential": "nobody"},
            "credential is 'nobody', which the controller does not have; valid is one of podnet "
            "nodes.",
        ),
    ],
)
def test_what_has_to_be_there_is_asked_for_before_anything_is_sent(server, settings, sentence):
    with pytest.raises(Failure) as raised:
        apply(server, **settings)
    assert raised.value.message == sentence
    assert writes(server) == []


@pytest.mark.parametrize(
    ("updates", "sentence"),
    [
        (
            ("running", "failed"),
            "The update of project 'podnet' ended as 'failed'; valid is a repository that the "
            "controller can read, and scm_url is 'https://git.example.com/podnet.git', scm_branch "
            "'main'.",
        ),
        (("running",), "Project 'podnet' is still 'running' after 0 s."),
    ],
)
def test_a_project_that_cannot_be_read_stops_what_needs_it(server, updates, sentence):
    server.updates = updates
    call = client.connect(server.url, TOKEN, timeout=5, validate_certs=True)
    wanted = things(Settings(**SETTINGS), documented())
    with pytest.raises(Failure) as raised:
        controller.bring(call, wanted, "Default", check_mode=False, patience=0)
    assert raised.value.message.startswith(sentence)
    assert raised.value.details["changes"] == ["create execution environment podnet"]
    assert "create job template podnet site" in raised.value.details["left"]
    server.updates = ("successful",)
    assert apply(server)["changes"][0] == "create inventory podnet"
    assert apply(server)["changes"] == []


def test_a_run_that_is_refused_half_way_is_completed_by_the_next(server):
    server.instead = lambda method, path: (
        (500, {}, PAGE) if (method, path) == ("POST", f"{API}inventory_sources/") else None
    )
    with pytest.raises(Failure) as raised:
        apply(server)
    assert re.search(r" 500 .* Of \d+ changes 3 had been made", raised.value.message)
    server.instead = None
    assert apply(server)["changes"][0] == "create inventory source podnet hosts"
    assert apply(server)["changes"] == []


def test_the_playbook_says_one_sentence_and_never_the_token(server):
    server.instead = lambda method, path: (500, {}, PAGE) if method == "POST" else None
    done = bring(server, "-vvvvv", "--diff")
    assert done.returncode == 2
    assert "with 500 Internal Server Error." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    server.instead = None
    done = bring(server, "-vvvvv", "--diff")
    assert done.returncode == 0
    assert recap(done)["changed"] == 1
    # What was given on the command line, Ansible repeats there; a variable of the environment not.
    given = [line for line in done.stdout.splitlines() if TOKEN in line and "awx_url" not in line]
    assert given == []


def test_url_and_token_come_from_the_environment_too(server, monkeypatch):
    assert "url is not set; valid is the option, or CONTROLLER_HOST." in play().stdout
    monkeypatch.setenv("CONTROLLER_HOST", server.url)
    assert "token is not set; valid is the option, or CONTROLLER_OAUTH_TOKEN." in play().stdout
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", TOKEN)
    done = play("-vvvvv")
    assert recap(done)["changed"] == 1
    assert TOKEN not in done.stdout + done.stderr


def test_the_server_knows_every_type_that_the_templates_use():
    assert set(controller.ENDPOINTS.values()) <= set(TYPES)
