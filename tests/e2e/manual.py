# SPDX-License-Identifier: Apache-2.0
"""What the manual pages tell people to type, to be done word by word."""
from stack import ROOT


def page(name):
    return (ROOT / "man" / name).read_text(encoding="utf-8")


def section(name, heading, of="Sh"):
    """The lines from a heading to the next one of its rank."""
    text = page(name)
    start = text.index(f".{of} {heading}\n")
    ends = [end for rank in ("Sh", "Ss") if of == "Ss" or rank == "Sh" if (end := text.find(f"\n.{rank} ", start)) >= 0]
    return text[start:min(ends, default=len(text))]


def literals(text):
    """Its displays, as they are read."""
    blocks = []
    for part in text.split("\n.Bd -literal")[1:]:
        body = part.partition("\n")[2].partition("\n.Ed")[0]
        blocks.append(body.replace("\\e", "\\").replace("\\&", "") + "\n")
    return blocks
