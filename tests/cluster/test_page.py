# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page in a real browser: the demo's, one of 1,000 pods, and one that would like to do harm."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.reports.page import build
from ansible_collections.podnet.fabric.plugins.plugin_utils import page

from tests.unit import page_world
from tests.unit.test_page import EVIL, FLOW, SCENARIO, evil

from .browser import chromium

#: Seconds in which 1,000 pods stand there.
SECONDS = 2
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TEXT = "document.body.innerText"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A page of eight nodes and 1,000 pods, with everything that a page can have."""
    given = page_world.cluster(8, 1000)
    found = build.page([given], when="2026-11-27 15:00 UTC", tested=[SCENARIO], flows=[FLOW] * 60)
    file = tmp_path_factory.mktemp("large") / "page.html"
    file.write_text(page.render(found))
    return file


def quiet(browser, file):
    """Fail where a page said something, or asked for more than itself and its icon."""
    assert browser.said == []
    assert {*browser.asked} <= {file.as_uri(), "data:image/svg+xml"}


def test_the_demo_has_a_page(demo, browser, tmp_path):
    file = tmp_path / "demo.html"
    run = demo.play("status", "-e", json.dumps({"podnet_report_page": str(file)})).ok()
    assert run.changed == {}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["demo.html"]
    browser.open(file)
    quiet(browser, file)
    text = browser.run(TEXT)
    assert text.startswith("podnet.fabric")
    assert re.search(r"^demo\s+OK\s+3/3\s+nodes usable\s+3/3\s+nodes reachable\s+20/20", text, re.M)
    assert "No policy: everybody may talk to everybody." in text
    pods = browser.run("[...document.querySelectorAll('.chips span')].map(one => one.title)")
    assert len(pods) == 20
    assert all(re.fullmatch(r"nginx-app-\d+  10\.111\.16\d\.\d+  ready", one) for one in pods)
    cells = browser.run("[...document.querySelectorAll('.matrix td')].map(one => one.className)")
    assert cells == ["ok"] * 9


def test_a_page_that_cannot_be_written_is_said_at_once(demo):
    run = demo.play("status", "-e", "podnet_report_page=/nowhere/page.html")
    assert run.errors == [
        "podnet_report_page is '/nowhere/page.html'; valid is a file in a folder that there is on "
        "the controller."
    ]
    assert not [event for event in run.events if event.task.endswith("Read the node's status")]


@pytest.mark.parametrize("width", [1200, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_thousand_pods_are_there_at_once(browser, large, scheme, width):
    took = browser.open(large, scheme=scheme, width=width)
    quiet(browser, large)
    assert took < SECONDS
    assert browser.run("document.querySelectorAll('.field rect').length") == 1000
    assert browser.run(SIDEWAYS) == 0
    ground, ink = browser.run(
        "(({backgroundColor, color}) => [backgroundColor, color])(getComputedStyle(document.body))"
    )
    light = [sum(map(int, re.findall(r"\d+", one)[:3])) for one in (ground, ink)]
    assert (light[0] > light[1]) is (scheme == "light")


def test_what_is_written_is_found(browser, large):
    browser.open(large)
    shown = "[...document.querySelectorAll('tr[data-find]')].filter(one => one.offsetParent).length"
    find = """(async word => {
        const field = document.getElementById("find");
        field.value = word;
        field.dispatchEvent(new Event("input"));
        await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    })"""
    before = browser.run(shown)
    browser.run(f"{find}('db-17')")
    assert browser.run("document.querySelectorAll('.field rect:not(.away)').length") == 11
    found = browser.run(
        "[...document.querySelectorAll('tr[data-find]')].filter(one => one.offsetParent)"
        ".map(one => one.cells[0].innerText)"
    )
    assert {*found} == {"db-17", *(f"db-17{digit}" for digit in range(10))}
    browser.run(f"{find}('')")
    assert browser.run(shown) == before
    quiet(browser, large)


def test_what_others_named_is_shown_and_does_nothing(browser, tmp_path):
    given = evil(page_world.cluster())
    names = [node["name"] for node in given["summary"]["nodes"]]
    given["reported"] = dict(zip(names, given["reported"].values()))
    given["probed"] = dict(zip(names, given["probed"].values()))
    file = tmp_path / "page.html"
    found = build.page([given], when="now", tested=[evil(SCENARIO)], flows=[evil(FLOW)])
    file.write_text(page.render(found))
    browser.open(file)
    quiet(browser, file)  # hit() would be an error, as nobody defines it
    assert browser.run(TEXT).count(EVIL) > 50
    assert browser.run("document.scripts.length") == 1
    assert browser.run("document.title") == f"demo{EVIL} · podnet.fabric"


def test_a_page_forbids_what_is_not_its_own(browser, large, tmp_path):
    """Were something not escaped, it would still not run, and fetch nothing."""
    smuggled = (
        "<script>window.hit = 1</script><img src='http://192.0.2.1/x' onerror='window.hit = 2'>"
        "<style>body { background: url(http://192.0.2.1/y) }</style>"
        "<form action='http://192.0.2.1/z'><input name='a'></form>"
    )
    file = tmp_path / "page.html"
    file.write_text(large.read_text().replace("<main", f"{smuggled}<main", 1))
    browser.open(file)
    assert browser.run("window.hit") is None
    assert len([one for one in browser.said if "Content Security Policy" in one]) >= 3
    browser.run("document.forms[0].submit()")
    assert browser.run("location.protocol") == "file:"
    assert not [
        one for one in browser.asked if one.startswith("http") and one not in blocked(browser)
    ]


def blocked(browser):
    """Return the addresses of which the page itself kept the browser."""
    return {url for text in browser.said for url in re.findall(r"http://192\.0\.2\.1/\w", text)}
