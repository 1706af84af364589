# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A server that speaks the part of AWX's /api/v2 that this project and awxkit use.

It refuses what AWX refuses: another token, a name twice, a field that is none, a playbook of a
project that was not read yet, a question that is not whole.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-that-nobody-may-see"
API = "/api/v2/"

#: List → type of what is in it.
TYPES = {
    "organizations": "organization",
    "credential_types": "credential_type",
    "credentials": "credential",
    "execution_environments": "execution_environment",
    "projects": "project",
    "inventories": "inventory",
    "inventory_sources": "inventory_source",
    "job_templates": "job_template",
    "workflow_job_templates": "workflow_job_template",
    "workflow_job_template_nodes": "workflow_job_template_node",
    "workflow_approval_templates": "workflow_approval_template",
}
LISTS = {type_: name for name, type_ in TYPES.items()}

#: Fields that may be sent, with their defaults. A field that is a type names another object.
NAMED = {"name": "", "description": ""}
ENVIRONMENT = {"execution_environment": None}
FIELDS: dict[str, dict[str, Any]] = {
    "organization": NAMED,
    "credential_type": {**NAMED, "kind": ""},
    "credential": {**NAMED, "organization": None, "credential_type": None},
    "execution_environment": {**NAMED, "organization": None, "image": "", "pull": ""},
    "project": {
        **NAMED,
        "organization": None,
        "default_environment": None,
        "scm_type": "",
        "scm_url": "",
        "scm_branch": "",
        "scm_update_on_launch": False,
        "allow_override": False,
        "timeout": 0,
    },
    "inventory": {**NAMED, "organization": None, "kind": "", "variables": ""},
    "inventory_source": {
        **NAMED,
        "scm_branch": "",
        **ENVIRONMENT,
        "inventory": None,
        "source": "",
        "source_path": "",
        "source_project": None,
        "overwrite": False,
        "overwrite_vars": False,
        "update_on_launch": False,
        "timeout": 0,
    },
    "job_template": {
        **NAMED,
        **ENVIRONMENT,
        "inventory": None,
        "project": None,
        "playbook": "",
        "job_type": "run",
        "forks": 0,
        "scm_branch": "",
        "diff_mode": False,
        "job_slice_count": 1,
        "become_enabled": False,
        "allow_simultaneous": False,
        "use_fact_cache": False,
        "survey_enabled": False,
        "ask_limit_on_launch": False,
        "ask_variables_on_launch": False,
        "extra_vars": "",
    },
    "workflow_job_template": {
        **NAMED,
        "organization": None,
        "allow_simultaneous": False,
        "survey_enabled": False,
        "ask_limit_on_launch": False,
        "ask_variables_on_launch": False,
        "extra_vars": "",
    },
    "workflow_job_template_node": {
        "identifier": "",
        "workflow_job_template": None,
        "unified_job_template": None,
        "scm_branch": "",
        "all_parents_must_converge": False,
    },
    "workflow_approval_template": {**NAMED, "timeout": 0},
}
#: Field → type of what stands there, where the two have different names.
MEANS = {
    "default_environment": ("execution_environment",),
    "source_project": ("project",),
    "unified_job_template": ("job_template", "workflow_approval_template"),
}
#: Where an object without a field of its own has its organization from.
OWNER = {"job_template": "project", "inventory_source": "inventory"}
WAYS = ("success_nodes", "failure_nodes", "always_nodes")
#: What hangs below an object: a list of others, a text of JSON, or something that is made there.
BELOW = {
    "job_template": ("credentials", "survey_spec"),
    "workflow_job_template": ("workflow_nodes", "survey_spec"),
    "workflow_job_template_node": (*WAYS, "create_approval_template"),
}
#: Further lists that awxkit looks for, all empty.
OTHERS = (
    *("users", "teams", "notification_templates", "applications", "schedules", "labels", "tokens"),
    *("groups", "hosts", "roles", "unified_job_templates", "system_job_templates"),
)
QUESTION = {"question_name", "variable", "type", "required"}
KINDS = {"text", "textarea", "password", "integer", "float", "multiplechoice", "multiselect"}


class Refused(Exception):
    """An answer that is no success: its status and what it says."""


@dataclass
class Server:
    """What a controller holds, and what it was asked."""

    url: str = ""
    objects: dict[int, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    #: Answers instead of the API, where it is set: status, headers and body.
    instead: Callable[[str, str], tuple[int, dict[str, str], bytes] | None] | None = None
    #: What the update of a project comes to, a look at it after the other.
    updates: tuple[str, ...] = ("pending", "running", "successful")

    def add(self, type_: str, **values: Any) -> int:
        """Make an object; return its number."""
        number = len(self.objects) + 1
        made = {**FIELDS[type_], **values, "id": number, "type": type_}
        made |= {way: [] for way in (*WAYS, "credentials")} | {"survey_spec": {}}
        self.objects[number] = made
        if type_ == "project":
            made["looks"] = 0
        return number

    def shown(self, one: dict[str, Any]) -> dict[str, Any]:
        """Return an object as the API shows it."""
        type_ = one["type"]
        url = f"{API}{LISTS[type_]}/{one['id']}/"
        seen = {name: one[name] for name in ("id", "type", *FIELDS[type_])}
        seen |= {way: one[way] for way in WAYS if type_ == "workflow_job_template_node"}
        seen["related"] = {name: f"{url}{name}/" for name in BELOW.get(type_, ())}
        seen["summary_fields"] = {}
        if type_ in OWNER and one[OWNER[type_]]:
            seen["organization"] = self.objects[one[OWNER[type_]]]["organization"]
        for name in seen.keys() & {*TYPES.values(), *MEANS}:
            if seen[name] is not None:
                other = self.objects[seen[name]]
                seen["related"][name] = f"{API}{LISTS[other['type']]}/{other['id']}/"
                kind = other["type"].removesuffix("_template")
                seen["summary_fields"][name] = {
                    "id": other["id"],
                    "name": other.get("name", ""),
                    **({"unified_job_type": kind} if name == "unified_job_template" else {}),
                }
        if type_ == "project":
            seen["status"] = self.updates[min(one["looks"], len(self.updates) - 1)]
        return {**seen, "url": url}

    def answer(self, method: str, path: str, query: dict[str, str], data: Any) -> Any:
        """Return the JSON of an answer, None for one without; Refused else."""
        if path == "/api/":
            return {"available_versions": {"v2": API}, "current_version": API}
        parts = path.removeprefix(API).strip("/").split("/")
        if parts == [""]:
            names = {**{name: name for name in (*TYPES, *OTHERS)}, "inventory": "inventories"}
            del names["inventories"]
            return {name: f"{API}{place}/" for name, place in names.items()}
        if parts[0] in OTHERS and len(parts) == 1:
            return _options(["id", "name"]) if method == "OPTIONS" else _page([])
        type_ = TYPES.get(parts[0])
        if type_ is None:
            raise Refused(404, {"detail": "Not found."})
        if len(parts) == 1:
            return self._list(method, type_, query, data)
        one = self.objects.get(int(parts[1]))
        if one is None or one["type"] != type_:
            raise Refused(404, {"detail": "Not found."})
        if len(parts) > 2:
            return self._below(method, one, parts[2], query, data)
        if method in ("PATCH", "PUT"):
            self._change(one, data)
        elif method == "GET" and type_ == "project":
            one["looks"] += 1
        return self.shown(one)

    def _list(self, method: str, type_: str, query: dict[str, str], data: Any) -> Any:
        if method == "OPTIONS":
            return _options(FIELDS[type_])
        if method == "POST":
            return self._make(type_, data)
        found = [self.shown(one) for one in self.objects.values() if one["type"] == type_]
        for word, value in query.items():
            if word in ("page", "page_size"):
                continue
            name, _sign, of = word.partition("__")
            found = [
                one
                for one in found
                if str(self.objects[one[name]].get(of) if of else one.get(name)) == value
            ]
        size, page = int(query.get("page_size", 25)), int(query.get("page", 1))
        return _page(found, size, page)

    def _make(self, type_: str, data: dict[str, Any]) -> dict[str, Any]:
        made = self.objects[self.add(type_)]
        try:
            self._change(made, data)
        except Refused:
            del self.objects[made["id"]]
            raise
        return self.shown(made)

    def _change(self, one: dict[str, Any], data: dict[str, Any]) -> None:
        type_ = one["type"]
        unknown = set(data) - set(FIELDS[type_])
        if unknown:
            raise Refused(400, {name: ["is no field of this."] for name in sorted(unknown)})
        changed = {**one, **data}
        for name in changed.keys() & {*TYPES.values(), *MEANS}:
            wanted = MEANS.get(name, (name,))
            if changed[name] is not None and self.objects[changed[name]]["type"] not in wanted:
                raise Refused(400, {name: [f"is no {wanted[0]}."]})
        same = [
            other
            for other in self.objects.values()
            if other is not one
            and (other["type"], other.get("name")) == (type_, changed.get("name"))
            and all(other.get(key) == changed.get(key) for key in ("organization", "inventory"))
        ]
        if "name" in FIELDS[type_] and (not changed["name"] or same):
            raise Refused(400, {"name": ["is empty, or already exists."]})
        if type_ == "job_template":
            project = self.objects.get(changed["project"] or 0)
            if project is None or self.shown(project)["status"] != "successful":
                raise Refused(400, {"playbook": ["Playbook not found for project."]})
            if changed["scm_branch"] and not project["allow_override"]:
                raise Refused(400, {"scm_branch": ["Project does not allow overriding branch."]})
        one.update(data)
        if type_ == "project":
            one["looks"] = 0

    def _below(
        self, method: str, one: dict[str, Any], name: str, query: dict[str, str], data: Any
    ) -> Any:
        if name not in BELOW.get(one["type"], ()):
            raise Refused(404, {"detail": "Not found."})
        if method == "OPTIONS":
            fields = FIELDS["workflow_job_template_node"]
            if name == "create_approval_template":
                fields = FIELDS["workflow_approval_template"]
            return _options([*fields, *(["id"] if name in (*WAYS, "credentials") else [])])
        if name == "survey_spec":
            if method == "POST":
                _check_survey(data)
                one["survey_spec"] = data
            return one["survey_spec"]
        if name == "workflow_nodes":
            if method == "POST":
                data = {**data, "workflow_job_template": one["id"]}
            return self._list(
                method,
                "workflow_job_template_node",
                {**query, "workflow_job_template": str(one["id"])},
                data,
            )
        if name == "create_approval_template":
            made = self._make("workflow_approval_template", data)
            one["unified_job_template"] = made["id"]
            return made
        if method == "POST":
            one[name] = sorted({*one[name]} - {data["id"]})
            if not data.get("disassociate"):
                one[name] = sorted([*one[name], data["id"]])
            return None
        return _page([self.shown(self.objects[number]) for number in one[name]])


def _options(fields: Any) -> dict[str, Any]:
    names = {*TYPES.values(), *MEANS}
    post = {
        name: {"type": "id" if name in names or name == "id" else "string", "required": False}
        for name in fields
    }
    return {"actions": {"POST": post}, "search_fields": ["name"]}


def _page(found: list[Any], size: int = 200, page: int = 1) -> dict[str, Any]:
    after = found[page * size :]
    return {
        "count": len(found),
        "next": f"?page={page + 1}" if after else None,
        "previous": None,
        "results": found[(page - 1) * size : page * size],
    }


def _check_survey(survey: dict[str, Any]) -> None:
    if not {"name", "description", "spec"} <= set(survey):
        raise Refused(400, {"error": "name, description or spec is missing from the survey."})
    for number, question in enumerate(survey["spec"]):
        lacking = sorted(QUESTION - set(question))
        if lacking or question["type"] not in KINDS:
            raise Refused(400, {"error": f"survey question {number} is wrong: {lacking}"})
        if question["type"].startswith("multi") and not question.get("choices"):
            raise Refused(400, {"error": f"survey question {number} has no choices."})


class _Handler(BaseHTTPRequestHandler):
    server: Any
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        held: Server = self.server.held
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        held.requests.append((self.command, parts.path))
        said = held.instead(self.command, parts.path) if held.instead else None
        if said is None:
            said = self._answer(held, parts.path, dict(parse_qsl(parts.query)), body)
        status, headers, content = said
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(
        self, held: Server, path: str, query: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        headers = {"Content-Type": "application/json", "Allow": "GET, POST, OPTIONS"}
        open_ = path in ("/api/", API) and self.command == "GET"
        if not open_ and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, headers, b'{"detail": "Authentication credentials were not provided."}'
        try:
            said = held.answer(self.command, path, query, json.loads(body or b"null"))
        except Refused as refused:
            status, said = refused.args
            return status, headers, json.dumps(said).encode()
        if said is None:
            return 204, headers, b""
        created = self.command == "POST" and not re.search(r"survey_spec/$", path)
        return (201 if created else 200), headers, json.dumps(said).encode()

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


for _method in ("GET", "POST", "PATCH", "PUT", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler._do)


@contextmanager
def running() -> Iterator[Server]:
    """Run a server that holds what every controller has, and the credential of the nodes."""
    held = Server()
    organization = held.add("organization", name="Default")
    machine = held.add("credential_type", name="Machine", kind="ssh")
    held.add("credential", name="podnet nodes", organization=organization, credential_type=machine)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    listener.held = held  # type: ignore[attr-defined]
    held.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield held
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
