# SPDX-License-Identifier: Apache-2.0
"""The manual pages are well-formed, and lead to each other."""
import re
import subprocess

import pytest

from stack import ROOT

PAGES = sorted((ROOT / "man").iterdir())
OTHERS = {"systemd(1)", "systemd.unit(5)", "systemd.service(5)", "systemd.exec(5)", "systemd-creds(1)", "journalctl(1)", "systemctl(1)",
          "psql(1)", "pg_dump(1)", "pg_restore(1)"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_no_warnings(page):
    lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True, check=False)
    assert lint.stdout + lint.stderr == "" and lint.returncode == 0
    man = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True, text=True, check=False)
    assert man.stderr == "" and man.returncode == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_refers_to_pages_that_exist(page):
    own = {f"{name}({section})" for name, _, section in (other.name.rpartition(".") for other in PAGES)}
    for name, section in re.findall(r"^\.Xr (\S+) (\d)", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert f"{name}({section})" in own | OTHERS


def test_the_overview_leads_to_every_page():
    named = set(re.findall(r"^\.Xr (\S+) (\d)", (ROOT / "man/tally.7").read_text(encoding="utf-8"), re.MULTILINE))
    assert {(name, section) for name, _, section in (page.name.rpartition(".") for page in PAGES)} <= named | {("tally", "7")}
