"""A process starts without what only alerts need, and has it before the first of them."""

import subprocess
import sys

import pytest

LATE = ("matplotlib.backends.backend_agg", "openai.resources.responses")


def loaded(code: str) -> list[bool]:
    """Run code in a process of its own and tell which of LATE it has loaded."""
    told = f"import sys\n{code}\nprint([name in sys.modules for name in {LATE!r}])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=120)
    return [word == "True" for word in done.stdout.splitlines()[-1].strip("[]").split(", ")]


def test_the_worker_and_its_jobs_start_without_what_draws_and_words() -> None:
    assert loaded("import python_nodes.app, python_nodes.jobs") == [False, False]


@pytest.mark.parametrize("with_words", [True, False])
def test_it_is_loaded_beside_the_first_requests(with_words: bool) -> None:
    code = f"from python_nodes.steps import preload\npreload.begin(with_words={with_words}).join()"
    assert loaded(code) == [True, with_words]
