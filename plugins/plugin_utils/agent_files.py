# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration of ip-masq-agent as it is shipped: a text within a ConfigMap."""

from __future__ import annotations

from typing import Any

from ..module_utils.engine.failure import Failure
from ..module_utils.plan.kubernetes.documents import documents, title
from . import service_files

#: The key of the ConfigMap that the agent reads.
KEY = "config"


def configuration(variable: str, given: Any) -> Any:
    """Return ``{"source": ..., "documents": [...]}`` of a ConfigMap's text; all else as it is.

    :param given: a mapping, or what :func:`service_files.load` returns. Beside the ConfigMap there
        may be whatever a cluster needs to run the agent.
    :raises Failure: for manifests without the ConfigMap, or with several, or without its text.
    """
    manifests = [
        manifest
        for _where, manifest in documents(variable, [given], lambda *_stray: None, counted=False)
    ]
    if not manifests:
        return given
    source = given["source"] if "documents" in given else variable
    whose = variable if source == variable else f"{variable} ({source})"
    maps = [each for each in manifests if each["kind"] == "ConfigMap"]
    if len(maps) != 1:
        has = ", ".join(title(each, "") for each in maps or manifests)
        raise Failure(f"{whose} has {has}; valid is one ConfigMap, that of ip-masq-agent.")
    data = maps[0].get("data")
    text = data.get(KEY) if isinstance(data, dict) else None
    if not isinstance(text, str):
        raise Failure(
            f"{whose} has the {title(maps[0], '')}, where data.{KEY} is {text!r}; valid is a text "
            "with nonMasqueradeCIDRs."
        )
    inside = f"data.{KEY}"
    return {
        "source": inside if source == variable else f"{source}, {inside}",
        "documents": service_files.documents(text, f"{whose}: {inside}"),
    }
