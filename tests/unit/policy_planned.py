"""What the planner makes of a world of the evaluator's; pods are named by their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import (
    blocks,
    classes,
    read,
    tables,
)

if TYPE_CHECKING:
    from policy_evaluator import World


def labels_of(given: World) -> Any:
    def found(name: str) -> dict[str, str]:
        return {**given.namespaces.get(name, {}), "kubernetes.io/metadata.name": name}

    return found


def held(
    given: World, pods: Any = None, unknown: classes.Unknown = classes.UNKNOWN
) -> tables.Tables:
    """Return the tables of a world; ``pods``: of these pods of it alone."""
    problems: list[str] = []
    policies = list(read.items(given.policies, problems))
    assert not problems, problems
    return tables.tables(policies, at(given) if pods is None else pods, labels_of(given), unknown)


def at(given: World) -> list[classes.At]:
    return [
        classes.At(
            address,
            blocks.address(address),
            classes.Kind(
                pod["namespace"], frozenset(pod["labels"].items()), frozenset(pod["ports"])
            ),
        )
        for address, pod in given.pods.items()
    ]
