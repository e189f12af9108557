# SPDX-License-Identifier: Apache-2.0
"""Gives each test a stack that is taken down afterwards, and the real time at its beginning."""
import datetime
import time

import pytest

from cluster import Cluster
from stack import Stack
from truth import CLOCK


QUARTER = 15 * 60
SHORT_TEST = 20


@pytest.fixture(autouse=True)
def real_time():
    # At a quarter of an hour premium slots fall due and the simulated numbers of the moment move: no short test lies across it.
    left = QUARTER - time.time() % QUARTER
    if left < SHORT_TEST:
        time.sleep(left + 1)
    yield
    CLOCK.offset = datetime.timedelta()


def made(kind):
    """Gives what makes one, with its options; all are closed afterwards."""
    all_of_them = []

    def make(**kwargs):
        all_of_them.append(kind(**kwargs))
        return all_of_them[-1]

    yield make
    for one in all_of_them:
        one.close()


@pytest.fixture
def make_stack():
    yield from made(Stack)


@pytest.fixture
def make_cluster():
    yield from made(Cluster)


@pytest.fixture
def stack(make_stack):
    return make_stack().start()
