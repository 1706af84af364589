# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Surveys, made from the argument specs of the roles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .table import Question, Template

    Options = Mapping[str, Mapping[str, Any]]

#: How an answer of a type of Ansible's is asked for; one with choices is a multiplechoice.
KINDS = {"str": "text", "int": "integer", "float": "float", "bool": "multiplechoice"}
KINDS |= {"list": "textarea"}
#: Least and greatest length of a text: an empty one is no answer only where it is too short.
LENGTHS: dict[str, tuple[int | None, int | None]] = {"text": (1, 1024), "textarea": (1, 16384)}
TRUTHS = ("true", "false")

#: C(), V(), O(), M(), P() and the like in a description: what stands in them is the text.
_MARKUP = re.compile(r"\b[A-Z]\(([^()]*)\)")


def survey(template: Template, options: Options) -> dict[str, Any] | None:
    """Return the survey of a template as the API has it; None where it asks nothing.

    :param options: what the argument specs say of each variable, by its name.
    """
    if not template.questions:
        return None
    spec = [_question(one, options) for one in template.questions]
    return {"name": "", "description": "", "spec": spec}


def _question(question: Question, options: Options) -> dict[str, Any]:
    try:
        option = options[question.variable]
    except KeyError:
        raise Failure(f"{question.variable} is in no argument spec of a role.") from None
    type_ = question.type or option["type"]
    choices = question.choices or option.get("choices") or (TRUTHS if type_ == "bool" else ())
    kind = "multiplechoice" if choices else KINDS[type_]
    least, most = question.limits or LENGTHS.get(kind, (None, None))
    return {
        "question_name": question.asks,
        "question_description": _description(question, option),
        "variable": question.variable,
        "type": kind,
        "required": bool(option.get("required")),
        "default": "" if _of_inventories(question) else option.get("default", ""),
        "min": least,
        "max": most,
        "choices": "\n".join(choices),
    }


def _of_inventories(question: Question) -> bool:
    """Say whether inventories hold the variable: a default of the survey would overrule them."""
    return question.variable.startswith("podnet_")


def _description(question: Question, option: Mapping[str, Any]) -> str:
    said = option["description"]
    text = said if isinstance(said, str) else " ".join(said)
    if _of_inventories(question):
        default = option.get("default", "")
        shown = str(default).lower() if isinstance(default, bool) else default
        text += " Without an answer the inventory's value counts"
        text += f", or else {shown}." if shown != "" else "."
    return _MARKUP.sub(r"\1", text)
