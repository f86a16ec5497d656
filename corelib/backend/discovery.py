"""What installed packages say they bring, read from their metadata alone: nothing of theirs is imported.

Environment variables, each a comma-separated list:

``CORELIB_BACKENDS_ALLOW``
    Use only these.  An item is an entry point's name ("cpu", "cuda.fastattention") or a distribution's.
``CORELIB_BACKENDS_BLOCK``
    Do not use these, named in the same way.
``CORELIB_BACKENDS_PREFER``
    ``mychip=corelib-mychip``: whose "mychip" to use where several distributions bring one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata

from .base import CONTRACT
from .errors import BackendNotAvailable, ContractError

__all__ = ["Candidate", "Installed", "check_contract", "choose", "scan", "unblocked"]

BACKENDS, KERNELS, CONTRACTS = "corelib.backends", "corelib.kernels", "corelib.contract"
_KNOWN = ("cpu", "cuda", "opencl")  # device types that corelib's own packages bring


@dataclass(frozen=True)
class Candidate:
    """One entry point of one distribution.

    Attributes:
        name: the device type, or "device.pack".
        distribution, version: of the package.
        entry: the entry point, not loaded.
        contract: what the metadata says of the contract ("v1_0"), or None.
    """

    name: str
    distribution: str
    version: str
    entry: metadata.EntryPoint
    contract: str | None

    @property
    def package(self) -> str:
        """Distribution and version, for people."""
        return f"{self.distribution} {self.version}"


@dataclass
class Installed:
    """What a scan found: candidates by name, each list in the order of the distributions' names.

    Attributes:
        unreadable: distributions whose metadata names corelib and cannot be read, with the cause.
    """

    backends: dict[str, list[Candidate]] = field(default_factory=dict)
    packs: dict[str, list[Candidate]] = field(default_factory=dict)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def scan() -> Installed:
    """Read the metadata of what is installed.

    Not through ``importlib.metadata.entry_points``, which parses the file of every distribution and fails for
    all of them when one cannot be parsed.
    """
    found = Installed()
    names = {_name(d) for d in metadata.distributions() if "corelib." in (d.read_text("entry_points.txt") or "")}
    for name in sorted(names - {""}):
        distribution = metadata.distribution(name)  # the first on the path, which is the one imports find
        try:
            entries = distribution.entry_points
        except Exception as error:  # whatever the parser meets
            found.unreadable.append((f"{name} {distribution.version}", f"entry_points.txt cannot be read: {error}"))
            continue
        contracts = {entry.name: entry.value for entry in entries.select(group=CONTRACTS)}
        for group, table in ((BACKENDS, found.backends), (KERNELS, found.packs)):
            for entry in sorted(set(entries.select(group=group)), key=lambda entry: (entry.name, entry.value)):
                candidate = Candidate(entry.name, name, distribution.version, entry, contracts.get(entry.name))
                table.setdefault(entry.name, []).append(candidate)
    return found


def _name(distribution: metadata.Distribution) -> str:
    """The distribution's name; empty where a broken installation does not say."""
    names = distribution.metadata.get_all("Name")
    return str(names[0]) if names else ""


def _items(variable: str) -> list[str]:
    return [item.strip() for item in os.environ.get(variable, "").split(",") if item.strip()]


def _normalized(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _listed(candidate: Candidate, items: Sequence[str]) -> bool:
    return candidate.name in items or _normalized(candidate.distribution) in map(_normalized, items)


def unblocked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that the allow and block lists let through."""
    allow, block = _items("CORELIB_BACKENDS_ALLOW"), _items("CORELIB_BACKENDS_BLOCK")
    return [c for c in candidates if (not allow or _listed(c, allow)) and not _listed(c, block)]


def choose(name: str, candidates: Sequence[Candidate]) -> Candidate:
    """The one candidate to load.

    Raises:
        BackendNotAvailable: there is none, the lists stop it, or several distributions bring ``name``.
        ContractError: its metadata says another version of the contract.
    """
    if not candidates:
        raise BackendNotAvailable(name, "not installed", "no installed package provides it", _how_to_install(name))
    allowed = unblocked(candidates)
    if not allowed:
        reason = f"{_listing(candidates)} is installed, but blocked"
        remedy = "Take it off CORELIB_BACKENDS_BLOCK, or add it to CORELIB_BACKENDS_ALLOW"
        raise BackendNotAvailable(name, "blocked", reason, remedy)
    if len(allowed) > 1:
        allowed = _preferred(name, allowed)
    [chosen] = allowed
    if chosen.contract is not None:
        match = re.fullmatch(r"v(\d+)_(\d+)", chosen.contract)
        if match is None:
            reason = f"{chosen.package} gives '{chosen.contract}' as the contract's version: it must look like v1_0"
            raise ContractError(name, "incompatible", reason, f"Report it to the authors of {chosen.distribution}")
        check_contract(name, chosen.package, (int(match[1]), int(match[2])), chosen.distribution)
    return chosen


def _preferred(name: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidate that CORELIB_BACKENDS_PREFER names, or an error that names them all."""
    pairs = [item.partition("=") for item in _items("CORELIB_BACKENDS_PREFER")]
    preferred = [_normalized(value.strip()) for key, _, value in pairs if key.strip() == name]
    chosen = [c for c in candidates if _normalized(c.distribution) in preferred]
    if len(chosen) == 1:
        return chosen
    reason = f"several packages provide it: {_listing(candidates)}"
    remedy = f"Uninstall all but one, or choose: CORELIB_BACKENDS_PREFER={name}={candidates[0].distribution}"
    raise BackendNotAvailable(name, "duplicate", reason, remedy)


def check_contract(name: str, package: str, version: tuple[int, int], distribution: str) -> None:
    """Raise ContractError, naming both versions, unless what was written for ``version`` works here.

    ``distribution`` is empty for what did not come from one.
    """
    if version[0] == CONTRACT[0] and version[1] <= CONTRACT[1]:
        return
    reason = (
        f"{package} was written for version {_dotted(version)} of the contract, "
        f"and this corelib has version {_dotted(CONTRACT)}"
    )
    outdated = "corelib" if version > CONTRACT else distribution
    remedy = f"Update it: pip install --upgrade {outdated}" if outdated else "Update the plugin"
    raise ContractError(name, "incompatible", reason, remedy)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _listing(candidates: Sequence[Candidate]) -> str:
    return " and ".join(f"{c.package} ({c.entry.value})" for c in candidates)


def _how_to_install(device: str) -> str:
    if device in _KNOWN:
        clone = f"pip install . ./backends/{device}"
        return f"Install it: pip install corelib-{device} (from a clone of corelib: {clone})"
    return f"Install the package that brings '{device}'; corelib devices lists what is there"
