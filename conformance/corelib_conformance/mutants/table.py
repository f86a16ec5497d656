"""The page of the documentation that says which check kills which mutant."""

from __future__ import annotations

from typing import Any

__all__ = ["table"]

_HEAD = """# Mutants

The conformance suite is itself tested. A *mutant* is a backend that is right but for one planted fault; some check
must find it. Before any of them counts, the same backends without a fault must pass every check that is used, and two
canaries, in which `add` is `sub`, must die. A mutant is put to the groups of checks named here and to no others; the
check named is the first that failed. A survivor would be a hole in the suite.

```console
$ python -m corelib_conformance.mutants                 # all of them
$ python -m corelib_conformance.mutants --only 17 18    # these
$ python -m corelib_conformance.mutants --subset ci     # every fifth, against the quick profile
```

The first 32 are faults that every suite of this kind should know; the others are harder: on one size, one rank, one
dtype, one corner only. They are in `corelib_conformance/mutants/`, planted into the CPU backend, or into `strict`
where that is said.

"""


def table(result: dict[str, Any]) -> str:
    """The whole page."""
    lines = [_HEAD]
    counts = f"{result['killed']} of {result['total']} killed, {result['quick']} of them by checks of the quick profile"
    lines.append(f"Suite {result['suite']}: {counts}.\n\n")
    lines.append("| | fault | groups | killed by |\n|--:|---|---|---|\n")
    for m in result["mutants"]:
        name = m["name"] + (" (strict)" if m["base"] == "strict" and "strict" not in m["name"] else "")
        killed = f"`{m['killed']}`" + ("" if m["quick"] else " (full)") if m["killed"] else "**survives**"
        groups = ", ".join(f"`{g}`" for g in m["groups"])
        lines.append(f"| {m['number']} | {name.replace('|', chr(92) + '|')} | {groups} | {killed} |\n")
    return "".join(lines)
