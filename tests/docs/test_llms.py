from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "llms.txt").read_text()


def test_title_summary_then_sections_of_links():
    assert re.match(r"# latentatlas\n\n> \S.*\n\n", TEXT)
    for section in TEXT.split("\n## ")[1:]:
        entries = section.strip().splitlines()[2:]
        assert entries
        assert all(re.fullmatch(r"- \[.+\]\(docs/.+\.md\): .+", entry) for entry in entries)


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\((.+?)\)", TEXT)
    assert len(links) == len(set(links)) > 15
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_every_guide_is_listed():
    guides = {f"docs/guides/{guide.name}" for guide in (ROOT / "docs" / "guides").glob("*.md")}
    assert guides - {"docs/guides/index.md"} <= set(re.findall(r"\]\((.+?)\)", TEXT))
