"""Every link in the texts to a file or a heading of this repository leads somewhere. Arguments: the texts."""

import pathlib
import re
import sys

LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)")
FENCE = re.compile(r"^\s*```.*?^\s*```", re.M | re.S)


def anchors(path):
    """The names that a page of GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


dead = []
for text in map(pathlib.Path, sys.argv[1:]):
    for file, anchor in LINK.findall(FENCE.sub("", text.read_text())):
        target = text.parent / file if file else text
        if not target.exists() or anchor and target.suffix == ".md" and anchor not in anchors(target):
            dead.append(f"{text}: {file}{'#' if anchor else ''}{anchor} leads nowhere")
sys.exit("\n".join(dead) or 0)
