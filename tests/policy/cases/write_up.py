# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One case: web, backend and db, before their policies and with them, as in docs/policy.md."""

from __future__ import annotations

from tests.policy.model import Case, labelled, peer, policy, rule, spec

_PODS = {"web": "x/a", "backend": "x/b", "db": "x/c"}


def _from(role: str, to: str) -> dict[str, object]:
    return spec("ingress", rule("ingress", [peer(_role(role))]), pods=_role(to))


def _role(role: str) -> dict[str, object]:
    return labelled(app="myapp", role=role)


CASES = [
    Case(
        "write-up",
        "web, backend and db",
        (
            {("pod", pod): {"app": "myapp", "role": role} for role, pod in _PODS.items()},
            {
                **policy("x/backend-access-ingress", _from("web", "backend")),
                **policy("x/db-access-ingress", _from("backend", "db")),
            },
        ),
    )
]
