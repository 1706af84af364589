# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One request to a controller's REST API, or one sentence that says why it failed."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from ..engine.failure import Failure

if TYPE_CHECKING:
    from typing import Protocol

    class Call(Protocol):
        """Sends a request, and returns what the answer's JSON says."""

        def __call__(
            self, method: str, path: str, data: Any = None, **query: str | int
        ) -> dict[str, Any]:
            """:param path: below the version of the API, such as ``projects/7/``."""


class _NoRedirect(HTTPRedirectHandler):
    """Follows nobody: the token is for the controller alone."""

    def redirect_request(self, *_arguments: Any) -> None:
        """Make an error of what leads on."""


#: Where the API of AWX lies; the address of another controller may name its own.
API = "/api/v2"
#: So much of a refusal is quoted.
QUOTED = 300


def connect(url: str, token: str, *, timeout: int, validate_certs: bool) -> Call:
    """Return what sends requests to a controller; nothing is sent yet.

    :param url: its address, with the path of its API where that is not :data:`API`.
    :param timeout: seconds that an answer may take.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(f"url is {url!r}; valid is an address such as https://awx.example.com.")
    base = url.rstrip("/") if parts.path.strip("/") else url.rstrip("/") + API

    context = ssl.create_default_context()
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    opener = build_opener(_NoRedirect, HTTPSHandler(context=context))
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }

    def call(method: str, path: str, data: Any = None, **query: str | int) -> dict[str, Any]:
        asked = f"{method} {base}/{path}"
        request = Request(  # noqa: S310 - the scheme was checked
            f"{base}/{path}" + (f"?{urlencode(query)}" if query else ""),
            data=None if data is None else json.dumps(data).encode(),
            headers=headers,
            method=method,
        )
        try:
            with opener.open(request, timeout=timeout) as answer:
                return _read(answer.read(), asked)
        except HTTPError as error:
            raise Failure(_refusal(error, asked, url)) from None
        except TimeoutError:
            raise Failure(f"The controller did not answer {asked} within {timeout} s.") from None
        except (URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                reason = f"nothing within {timeout} s"
            raise Failure(f"The controller did not answer {asked}: {reason}.") from None

    return call


def _read(body: bytes, asked: str) -> dict[str, Any]:
    if not body:
        return {}
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Failure(
            f"What answered {asked} is no controller: it sent no JSON object; valid is the "
            "address of an AWX, such as https://awx.example.com."
        )
    return said


def _refusal(error: HTTPError, asked: str, url: str) -> str:
    """Say what a status means for the user."""
    if 300 <= error.code < 400:
        return (
            f"url is {url!r}, which leads on to {error.headers.get('Location')!r} ({error.code}); "
            "valid is the address that it leads to, for a token is sent to nobody else."
        )
    if error.code == 401:
        return f"The controller refuses the token (401); valid is one of a user of {url}."
    if error.code == 404:
        return f"The controller has no {asked} (404); valid is the address of an AWX as url."
    try:
        body = error.read().decode(errors="replace").strip()
    except OSError:
        body = ""
    # A page in HTML says nothing to a person who reads a log.
    said = f": {body[:QUOTED]}" if body.startswith(("{", "[")) else ""
    return f"The controller answers {asked} with {error.code} {error.reason}{said}."
