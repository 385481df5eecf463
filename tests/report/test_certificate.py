"""The page says everything it was given, runs nothing, and asks the network for nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from latentatlas.report import certificate_html

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
EVIL = "<script>alert('x')</script>"
VOID = {"meta", "img", "br", "hr", "link", "input"}
SECTIONS = ["map", "certificate", "metrics", "basins", "training", "reload"]


class _Page(HTMLParser):
    """Checks that tags are closed in order; keeps tags, attributes and text."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def attributes(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def _verdict(name: str, status: str, **more):
    return {"name": name, "status": status, "value": 0.5, "threshold": 0.25, "reason": "", "remedy": "", **more}


@pytest.fixture
def parts() -> dict:
    return {
        "title": "Digits",
        "facts": {"rows": 1797, "seed": 0, "time": "41 s"},
        "verdicts": [
            _verdict("collapse", "pass", reason="The rank is 1.9 of 2.", better="higher"),
            _verdict("leakage.author", "fail", reason="A probe reads it.", remedy="Erase it first.", better="lower"),
            _verdict("basins", "warn"),
            _verdict("overfit", "skip", value="nan", threshold=None),
        ],
        "metrics": {"trustworthiness": 0.98341, "kl_density": float("nan")},
        "spec": {"type": "estimator.Atlas", "dim": 2},
        "figures": {"Map, coloured by label": PNG, "Energy": PNG, "training": PNG},
        "basins": [
            {"name": "Basin 0", "size": 1234, "share": 0.5, "picture": PNG, "labels": {"seven": 0.97, "one": 0.03}},
            {"name": "Basin 1", "size": 9, "rows": [17, 4]},
        ],
    }


def test_it_is_a_page_with_every_section(parts):
    page = _Page(certificate_html(**parts))
    assert [section["id"] for section in page.attributes("section")] == SECTIONS


def test_every_verdict_is_there_in_words(parts):
    page = _Page(certificate_html(**parts))
    for verdict, word in zip(parts["verdicts"], ("Passed", "Failed", "Warning", "Skipped"), strict=True):
        assert verdict["name"] in page.text
        assert verdict["reason"] in page.text
        assert verdict["remedy"] in page.text
        assert word in page.text
    assert "≥ 0.25" in page.text
    assert "≤ 0.25" in page.text
    assert "1 failed" in page.text


def test_facts_metrics_and_basins_are_there(parts):
    text = _Page(certificate_html(**parts)).text
    for expected in ("1,797", "41 s", "0.9834", "–", "1,234 rows", "50 %", "seven", "3.0 %", "Exemplars: 17, 4"):
        assert expected in text


def test_nothing_comes_from_outside_and_nothing_runs(parts):
    html = certificate_html(**parts)
    page = _Page(html)
    assert not re.search(r"https?://|//[a-z]", html)
    assert not page.attributes("script")
    assert not page.attributes("link")
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.attributes("img"))
    assert "url(" not in html
    assert "@import" not in html


def test_pictures_are_described_and_only_the_maps_lead(parts):
    described = [image["alt"] for image in _Page(certificate_html(**parts)).attributes("img")]
    assert described[:3] == ["Map, coloured by label", "Energy", "Exemplars of Basin 0"]
    assert len(described) == 4


def test_all_text_is_escaped(parts):
    parts["title"] = EVIL
    parts["facts"] = {EVIL: EVIL}
    parts["metrics"] = {EVIL: 1.0}
    parts["spec"] = {"label": EVIL}
    parts["verdicts"] = [_verdict(EVIL, "pass", reason=EVIL, remedy=EVIL, value=EVIL, threshold=EVIL)]
    parts["basins"] = [{"name": EVIL, "size": 1, "labels": {EVIL: 1.0}, "rows": [EVIL], "picture": PNG}]
    parts["figures"] = {f'"{EVIL}': PNG}
    html = certificate_html(**parts)
    assert "<script" not in html
    assert not _Page(html).attributes("script")
    assert "&lt;script&gt;" in html


def test_an_empty_run_still_has_a_page(parts):
    empty = {name: type(value)() for name, value in parts.items() if name != "title"}
    page = _Page(certificate_html(title="Nothing", **empty))
    assert [section["id"] for section in page.attributes("section")] == ["certificate", "reload"]
    assert "No check has run" in page.text


def test_many_basins_are_cut_and_counted(parts):
    parts["basins"] = [{"name": f"Basin {i}", "size": 1} for i in range(75)]
    page = _Page(certificate_html(**parts))
    assert len(page.attributes("article")) == 60
    assert "15 more basins are in the run" in page.text
