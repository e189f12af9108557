# SPDX-License-Identifier: Apache-2.0
"""Gives each test a stack that is taken down afterwards."""
import pytest

from stack import Stack


@pytest.fixture
def make_stack():
    stacks = []

    def make(**kwargs):
        stacks.append(Stack(**kwargs))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.close()


@pytest.fixture
def stack(make_stack):
    return make_stack().start()
