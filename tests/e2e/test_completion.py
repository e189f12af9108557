# SPDX-License-Identifier: Apache-2.0
"""Completion as it is typed: in bash, zsh and fish, with a daemon and without."""
import os
import pty
import re
import select
import subprocess
import time

import pytest

from stack import BIN, account_id, user

SHELLS = ("bash", "zsh", "fish")
COMPLETION_LIMIT = 1.5  # seconds; usually some milliseconds, but these machines may be busy


@pytest.fixture
def scripts(make_stack):
    """A stack whose scripts are beside it. `tallyctl` is found in PATH, its configuration in the environment."""
    stack = make_stack()
    for shell in SHELLS:
        (stack.dir / f"completion.{shell}").write_text(stack.ctl("completion", shell).stdout)
    stack.shell_environment = stack.environment() | {"PATH": f"{BIN}:{os.environ['PATH']}", "TALLY_CONFIG": str(stack.client_config),
                                                     "HOME": str(stack.dir), "TERM": "xterm"}
    return stack


@pytest.fixture
def filled(scripts):
    scripts.start()
    scripts.import_users([user(1), user(2, platforms=("youtube",)), user(3) | {"id": "urn:li:3"}])
    return scripts


def ask(stack, *words):
    """What `tallyctl __complete` answers: the kind, and the words without their help."""
    done = subprocess.run([BIN / "tallyctl", "__complete", *words], capture_output=True, text=True, timeout=30, check=False,
                          env=stack.shell_environment)
    assert done.returncode == 0 and done.stderr == ""
    kind, *lines = done.stdout.splitlines()
    return kind, [line.split("\t")[0] for line in lines]


# -- The scripts, asked for a whole line ------------------------------------------------------------------------------

def bash(stack, line):
    """Splits the line as bash does and calls the function that `complete` has registered."""
    parts = re.findall(r"[=:]+|[^\s=:]+", line)
    if line.endswith(" "):
        parts.append("")
    script = f"""source {stack.dir}/completion.bash
        COMP_LINE=$1 COMP_POINT=${{#1}}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        spec=$(complete -p tallyctl); [[ $spec =~ -F\\ ([^ ]+) ]]; "${{BASH_REMATCH[1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", line, *parts], capture_output=True, text=True, timeout=30, check=False,
                          env=stack.shell_environment)
    assert done.stderr == "", done.stderr
    return done.stdout.split()


def fish(stack, line):
    done = subprocess.run(["fish", "--no-config", "-c", f"source {stack.dir}/completion.fish; complete --do-complete $argv[1]", line],
                          capture_output=True, text=True, timeout=60, check=False, env=stack.shell_environment)
    assert done.stderr == "", done.stderr
    return [answer.split("\t")[0] for answer in done.stdout.splitlines()]


def zsh(stack, line):
    """The function of `compdef`, with what it gives to _describe printed."""
    script = f"""autoload -Uz compinit; compinit -u -d {stack.dir}/zcompdump; source {stack.dir}/completion.zsh
        _describe() {{ print -rl -- "${{(@P)${{@[-1]}}}}" }}; _files() {{ print files }}
        words=("${{(@s: :)1}}"); CURRENT=${{#words}}; PREFIX=$words[-1]; $_comps[tallyctl]"""
    done = subprocess.run(["zsh", "-f", "-c", script, "zsh", line], capture_output=True, text=True, timeout=60, check=False,
                          env=stack.shell_environment)
    assert done.stderr == "", done.stderr
    return [re.split(r"(?<!\\):", answer)[0].replace("\\:", ":") for answer in done.stdout.splitlines()]


COMPLETERS = {"bash": bash, "zsh": zsh, "fish": fish}


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_its_script(scripts, shell):
    check = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}[shell]
    done = subprocess.run([*check, scripts.dir / f"completion.{shell}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_the_right_words(filled, shell):
    def at(line):
        return sorted(COMPLETERS[shell](filled, line))

    assert at("tallyctl user s") == ["set", "show"]
    assert at("tallyctl run --w") == ["--wait"]
    assert at("tallyctl --output ") == ["json", "text"]
    assert at("tallyctl export --user user-") == ["user-1", "user-2"]
    assert at("tallyctl connection pause user-2 ") == ["youtube"]
    assert at("tallyctl connection pause user-2 youtube --account ") == [account_id("youtube", 2)]
    assert at("tallyctl export --platform youtube --metric averageViewP") == ["averageViewPercentage"]
    assert at("tallyctl schedule preview ") == ["free", "premium"]
    assert at("tallyctl duty run retent") == ["retention"]
    assert at("tallyctl platform show snap") == ["snapchat", "snapchat_profile"]
    assert at("tallyctl completion ") == ["bash", "fish", "zsh"]
    assert at("tallyctl nonsense ") == []
    # Bash splits at these signs, and wants only what comes behind them.
    assert at("tallyctl export --user=user-2") == (["user-2"] if shell == "bash" else ["--user=user-2"])
    assert at("tallyctl why urn:l") == (["li:3"] if shell == "bash" else ["urn:li:3"])


@pytest.mark.parametrize("shell", SHELLS)
def test_without_a_daemon_it_is_silent(scripts, shell):
    assert COMPLETERS[shell](scripts, "tallyctl export --user ") == []
    assert "instagram" in COMPLETERS[shell](scripts, "tallyctl connection pause somebody ")
    assert "--user" in COMPLETERS[shell](scripts, "tallyctl export --u")


def test_it_is_quick_and_silent_whatever_is_broken(scripts):
    start = time.monotonic()
    assert ask(scripts, "user", "show", "") == ("words", [])
    assert ask(scripts, "user", "import", "") == ("files", [])
    assert time.monotonic() - start < COMPLETION_LIMIT
    scripts.client_config.write_text("nonsense: [\n")
    assert ask(scripts, "user", "show", "") == ("words", [])
    assert ask(scripts, "schedule", "preview", "") == ("words", [])
    assert ask(scripts, "user", "sh") == ("words", ["show"])
    assert ask(scripts) == ask(scripts, "")


def test_a_user_that_is_typed_completely_and_one_of_many(filled):
    filled.import_users([{"id": f"many-{n:04}", "tier": "free", "connections": []} for n in range(400)])
    assert ask(filled, "user", "show", "user-1") == ("words", ["user-1"])
    assert ask(filled, "user", "show", "many-0399") == ("words", ["many-0399"])
    kind, words = ask(filled, "user", "show", "many-03")
    assert kind == "words" and words == [f"many-{n:04}" for n in range(300, 400)]


def test_the_hidden_command_is_not_in_the_help(scripts):
    assert "__complete" not in scripts.ctl("--help").stdout


# -- And as fingers do it ---------------------------------------------------------------------------------------------

def typed(stack, shell, keys):
    """What the line has become after some keys, as the shell itself echoes it when asked."""
    start = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
    setup = {"bash": f"bind 'set enable-bracketed-paste off'; source {stack.dir}/completion.bash",
             "zsh": f"unset zle_bracketed_paste; autoload -Uz compinit; compinit -u -d {stack.dir}/zcompdump; source {stack.dir}/completion.zsh"}[shell]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(start[0], start, stack.shell_environment | {"PS1": "$ "})
    seen = b""

    def until(pattern):
        nonlocal seen
        end = time.monotonic() + 60
        while not (found := re.search(pattern, seen)):
            assert time.monotonic() < end, seen
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 65536)
        seen = seen[found.end():]
        return found

    try:
        os.write(terminal, f"{setup}; echo rea''dy\n".encode())
        until(rb"[\r\n]ready\r")
        os.write(terminal, keys.encode())
        # Wait until the completion has been drawn: only then the next keys are a new line of thought.
        time.sleep(2)
        os.write(terminal, b"\x01echo '<'\x05'>'\n")
        return until(rb"[\r\n]< ?([^\r\n]*?) ?>").group(1).decode()
    finally:
        os.close(terminal)
        os.kill(pid, 9)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("shell", ("bash", "zsh"))
def test_the_tab_key(filled, shell):
    assert typed(filled, shell, "tallyctl connection pau\t") == "tallyctl connection pause"
    assert typed(filled, shell, "tallyctl export --user=user-2\t") == "tallyctl export --user=user-2"
    assert typed(filled, shell, "tallyctl why urn:l\t") == "tallyctl why urn:li:3"
    (filled.dir / "only-this-file").touch()
    assert typed(filled, shell, f"tallyctl user import {filled.dir}/only-th\t") == f"tallyctl user import {filled.dir}/only-this-file"
