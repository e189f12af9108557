# SPDX-License-Identifier: Apache-2.0
"""tallyctl status --watch, on a terminal and in a pipe."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from stack import BIN, wait_until

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *command, env, rows=40, columns=120):
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, env | {"TERM": "xterm"})
        self.resize(rows, columns)
        self.seen, self.code = b"", None

    def resize(self, rows, columns):
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        with contextlib.suppress(OSError):
            while select.select([self.file], [], [], 0)[0]:
                if not (data := os.read(self.file, 65536)):
                    break
                self.seen += data
        return self.seen

    def until(self, part):
        wait_until(lambda: part in self.read(), what=repr(part))

    def ended(self):
        def poll():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (status,) if pid else None
        self.code = os.waitstatus_to_exitcode(wait_until(poll, what="the end")[0])
        self.read()
        return self.code

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.file)


@pytest.fixture
def watch(stack):
    terminals = []

    def start(*args, **size):
        terminals.append(Terminal(str(BIN / "tallyctl"), "--config", str(stack.client_config), *args, "status", "--watch",
                                  env=stack.environment(), **size))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


def test_ctrl_c_leaves_the_terminal_as_it_was(watch):
    terminal = watch()
    terminal.until(b"nothing needs you")
    os.write(terminal.file, b"\x03")
    assert terminal.ended() == 130
    assert terminal.seen.startswith(ENTER) and terminal.seen.replace(b"^C", b"").endswith(LEAVE)
    assert b"\x1b[?25h" in terminal.seen and b"\x1b[?7h" in terminal.seen


def test_a_signal_at_any_moment_leaves_it_too(watch):
    for pause in (0.0, 0.01, 0.03, 0.3):
        terminal = watch()
        terminal.until(ENTER)
        time.sleep(pause)
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.ended() == 143
        assert terminal.seen.endswith(LEAVE)


def test_it_never_blanks_the_screen_between_two_pages(watch):
    terminal = watch()
    wait_until(lambda: terminal.read().count(b"\x1b[H") >= 3, what="three pages")
    assert b"\x1b[2J" not in terminal.seen
    for page in terminal.seen.split(b"\x1b[H")[1:-1]:
        assert page.endswith(b"\x1b[J") and page.count(b"\x1b[K") == page.count(b"\r\n") + 1


def test_it_fits_a_terminal_that_becomes_smaller_at_once(watch):
    terminal = watch()
    terminal.until(b"nothing needs you")
    assert b"more lines" not in terminal.seen
    begin = time.monotonic()
    terminal.resize(6, 120)
    terminal.until(b"more lines")
    assert time.monotonic() - begin < 1.9
    last = re.split(rb"\x1b\[H", terminal.seen)[-1]
    assert last.count(b"\r\n") == 5


def test_a_daemon_that_goes_away_is_waited_for(stack, watch):
    terminal = watch()
    terminal.until(b"nothing needs you")
    stack.stop()
    terminal.until(b"tallyd is not running")
    stack.start()
    terminal.seen = b""
    terminal.until(b"nothing needs you")


def test_json_is_a_line_a_round(stack):
    out = stack.dir / "rounds"
    with open(out, "wb") as file:
        watching = subprocess.Popen([BIN / "tallyctl", "--config", stack.client_config, "--output", "json", "status", "--watch"], stdout=file,
                                    stderr=subprocess.PIPE, env=stack.environment())
    try:
        wait_until(lambda: out.read_bytes().count(b"\n") >= 2, what="two rounds")
        stack.stop()
        wait_until(lambda: b'"error"' in out.read_bytes(), what="the daemon's end")
    finally:
        watching.send_signal(signal.SIGINT)
        code = watching.wait(10)
    assert code == 130 and watching.stderr.read() == b""
    lines = out.read_text().splitlines(keepends=True)
    assert all(line.endswith("\n") for line in lines)
    rounds = [json.loads(line) for line in lines]
    assert rounds[0]["daemon"]["state"] == "running" and "attention" in rounds[1]
    assert "tallyd is not running" in rounds[-1]["error"]["message"] and set(rounds[-1]) == {"error"}


def test_json_on_a_terminal_is_lines_too(watch):
    terminal = watch("--output", "json")
    terminal.until(b"\r\n")
    assert ENTER not in terminal.seen and json.loads(terminal.seen.split(b"\r\n")[0])["daemon"]


def test_a_reader_that_goes_away_ends_it(stack):
    watching = subprocess.Popen([BIN / "tallyctl", "--config", stack.client_config, "status", "--watch"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=stack.environment())
    watching.stdout.readline()
    watching.stdout.close()
    assert watching.wait(30) in (-signal.SIGPIPE, 128 + signal.SIGPIPE) and watching.stderr.read() == b""
