# SPDX-License-Identifier: Apache-2.0
"""One machine for the life of one installation: the tests follow each other, and the first failure ends them."""
import os
import pathlib
import subprocess
import tempfile

import pytest

from machine import ROOT, Machine
from operate import Platforms


def pytest_collection_modifyitems(config, items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="a container with a systemd of its own needs root"))


def pytest_runtest_makereport(item, call):
    if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
        item.session.shouldfail = f"{item.name} failed, what follows builds upon it"


@pytest.fixture(scope="session")
def package():
    """What ./dev package has made, or TALLY_PACKAGE."""
    if named := os.environ.get("TALLY_PACKAGE"):
        return pathlib.Path(named)
    found = list((ROOT / "build/package").glob("tally_*.deb"))
    assert found, "build it with ./dev package"
    return found[0]


@pytest.fixture(scope="session")
def newer_package(package):
    """The same with a higher version."""
    with tempfile.TemporaryDirectory() as directory:
        tree = pathlib.Path(directory) / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
        control = tree / "DEBIAN/control"
        lines = [line + "+test1" if line.startswith("Version:") else line for line in control.read_text().splitlines()]
        control.write_text("\n".join(lines) + "\n")
        target = pathlib.Path(directory) / "tally-newer.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, target], check=True, stdout=subprocess.DEVNULL)
        yield target


@pytest.fixture(scope="session")
def machine():
    machine = Machine()
    yield machine
    machine.close()


@pytest.fixture(scope="session")
def platforms():
    platforms = Platforms()
    yield platforms
    platforms.close()
