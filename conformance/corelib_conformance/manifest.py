"""Which checks make a tier: ids and their hash, so that two reports can be known to answer the same questions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from . import __version__
from .check import TIERS, Check

__all__ = ["DATA_SEED", "Manifest", "manifest"]

DATA_SEED = 0
"""Operands are made from this and the check's own shape and dtype: the same bits in every run and on every machine."""


@dataclass(frozen=True)
class Manifest:
    """The ids of a profile, tier by tier.

    Attributes:
        profile: "quick" or "full".
        tiers: ids of each tier, sorted.
        hashes: of each tier's ids, the suite's version and the seed.
    """

    profile: str
    tiers: dict[str, tuple[str, ...]]
    hashes: dict[str, str]

    @property
    def hash(self) -> str:
        """Of all tiers."""
        return _digest([f"{tier} {value}" for tier, value in self.hashes.items()])


def manifest(checks: Iterable[Check], profile: str, version: str = __version__) -> Manifest:
    """The manifest of some checks: all of a profile, or what a report says that it was asked."""
    tiers: dict[str, list[str]] = {}
    for check in checks:
        tiers.setdefault(check.tier, []).append(check.id)
    return of_ids(tiers, profile, version)


def of_ids(tiers: dict[str, list[str]], profile: str, version: str = __version__) -> Manifest:
    """The manifest of ids that are known by tier; tiers without any are left out."""
    ids = {tier: tuple(sorted(tiers[tier])) for tier in TIERS if tiers.get(tier)}
    head = [f"suite {version}", f"profile {profile}", f"seed {DATA_SEED}"]
    return Manifest(profile, ids, {tier: _digest([*head, tier, *names]) for tier, names in ids.items()})


def _digest(lines: Iterable[str]) -> str:
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()
