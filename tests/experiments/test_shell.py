"""What a shell and a newcomer get: completion that bash really carries out, a version, help that teaches, quiet."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Callable

import pytest

from sim.bench import assemble
from sim.bench.completion import SHELLS, completion, flags_of, values
from sim.bench.compose import Composed, compose
from sim.bench.schema import Config
from sim.experiments.examples import EXAMPLES, FAILURES
from sim.experiments.main import VERBS
from sim.experiments.quiet import LINE_CHARS_MAX, OnlyErrors
from sim.types.records import RunRecord

Said = Callable[..., tuple[int, str, str]]
ASK = """
source /dev/stdin <<'SCRIPT'
{script}
SCRIPT
COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}; COMP_WORDBREAKS={breaks}
COMP_WORDS=($COMP_LINE); COMP_CWORD={cword}
complete -p victor-sim >/dev/null || exit 3
_victor_sim
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(line: str, breaks: str = "' ='") -> list[str]:
    """What bash offers at the end of a line."""
    cword = len(line.split()) - (0 if line.endswith(" ") else 1)
    text = ASK.format(script=completion("bash", VERBS), line=line, breaks=breaks, cword=cword)
    done = subprocess.run(["bash", "--norc", "-c", text], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_verbs_flags_groups_keys_and_their_words() -> None:
    assert completed("victor-sim ") == list(VERBS)
    assert completed("victor-sim re") == ["report", "replay"]
    assert completed("victor-sim run --d") == ["--dry-run"]
    assert completed("victor-sim demo --") == flags_of("demo")
    assert completed("victor-sim run balancer=power") == ["power_of_d"]
    assert completed("victor-sim run balancer=power", "' '") == ["balancer=power_of_d"]
    assert completed("victor-sim run fleet.agents") == ["fleet.agents_per_node="]
    assert completed("victor-sim run service.discipline=") == ["fifo", "ps"]
    assert completed("victor-sim run failover.enabled=t") == ["true"]
    assert "experiment=" in completed("victor-sim run exp")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_parses_in_its_own_shell(shell: str, said: Said) -> None:
    code, out, err = said("--completion", shell)
    assert (code, err) == (0, "")
    assert all(verb in out for verb in VERBS)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    subprocess.run([shell, "-n"], input=out, text=True, check=True)


def test_another_shell_is_refused(said: Said) -> None:
    assert said("--completion", "csh") == (2, "", "victor-sim: --completion=csh: accepted is one of bash, zsh, fish\n")


def test_every_flag_that_is_offered_is_known_to_its_verb() -> None:
    assert {"--multirun", "--dry-run", "--missing", "--replace", "--config-dir"} <= set(flags_of("run"))
    assert "--live" in flags_of("demo")
    assert {"power_of_d", "round_robin"} <= set(values()["balancer"])


def test_version_is_the_distributions(said: Said) -> None:
    code, out, _ = said("--version")
    assert code == 0
    assert re.fullmatch(r"victor-sim \d+\.\d+\.\d+\S*\n", out)


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches(verb: str, said: Said) -> None:
    _, out, _ = said(verb, "--help")
    examples = out.split("Examples:\n")[1]
    assert examples.count("  victor-sim ") == len(EXAMPLES[verb]) >= 2
    assert "Exit codes: 0 done; 2 " in examples
    assert set(FAILURES) <= set(VERBS)


def test_examples_use_flags_and_keys_that_exist() -> None:
    shared: Composed = {}
    for pairs in EXAMPLES.values():
        for command, _ in pairs:
            verb, *words = command.split()
            assert verb in VERBS
            for word in words:
                if word.startswith("--"):
                    assert word in flags_of(verb), command
            if verb == "run" and "--multirun" not in words and "--config-dir" not in words:
                compose([word for word in words if not word.startswith("--")], composed=shared)


def test_quiet_leaves_progress_out_and_errors_in(said: Said) -> None:
    tiny = ["horizon_s=60", "fleet.nodes=2", "fleet.agents_per_node=2", "stats.replications=2", "launcher.workers=1"]
    code, out, err = said("run", *tiny, "--quiet")
    assert (code, err) == (0, "")
    assert "report" in out
    code, _, err = said("run", "fleet.nodes=-1", "--quiet")
    assert code == 2
    assert err.startswith("victor-sim: fleet.nodes=-1")


def test_quiet_still_tells_a_replication_that_failed(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(config: Config, replication: int) -> RunRecord:
        raise ZeroDivisionError("by hand")

    monkeypatch.setattr(assemble, "run_replication", run)
    code, out, err = said("run", "stats.replications=2", "launcher.workers=1", "horizon_s=60", "--quiet")
    assert (code, out) == (1, "")
    first, missing = err.splitlines()
    assert first.startswith("victor-sim: run, replication 0: ZeroDivisionError: by hand (and 1 more like it)")
    assert missing.startswith("victor-sim: 2 replications missing")


def test_only_whole_lines_of_errors_pass() -> None:
    out = io.StringIO()
    stream = OnlyErrors(out)
    assert not stream.isatty()
    assert stream.write("a: 1/3\nvictor-sim: bad") == 22
    assert out.getvalue() == ""
    stream.write("\nnext: this\n[##] victor-sim: no\n")
    assert out.getvalue() == "victor-sim: bad\nnext: this\n"
    stream.write("x" * (LINE_CHARS_MAX + 5) + "\nvictor-sim: on\n")
    assert out.getvalue().endswith("this\nvictor-sim: on\n")
    for _ in range(3):
        stream.write("y" * LINE_CHARS_MAX)
    assert len(stream._begun) == LINE_CHARS_MAX
