"""Run the checks, say what each came to, and end with 1 where one found something."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from audit import checks

ACCEPTED = Path(__file__).parent / "accepted.toml"


def main() -> int:
    """One line a check, then its findings."""
    accepted = tomllib.loads(ACCEPTED.read_text(encoding="utf-8"))
    outcomes = [
        checks.python_packages(accepted["python"]), checks.node_packages(accepted["node"]),
        *checks.bill_of_materials(checks.ROOT / "build"), checks.sources(), checks.secrets(),
    ]  # fmt: skip
    for one in outcomes:
        print(f"{one.check:16}{one.state:13}{one.said}")
        for line in one.lines:
            print(f"    {line}")
    found = sum(len(one.lines) for one in outcomes)
    unlooked = [one.check for one in outcomes if one.state == "not checked"]
    print(f"{found} findings; not checked: {', '.join(unlooked) or 'nothing'}")
    return 1 if any(one.state == "found" for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
