"""An SVG badge: which tiers a device passes, by which suite, when, and that it says so itself."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

__all__ = ["badge", "passed_tiers"]

_WIDTH = 6.6  # pixels of a character, about, in 11-pixel Verdana


def passed_tiers(report: Mapping[str, Any]) -> list[str]:
    """The tiers that pass."""
    return [tier for tier, found in report["tiers"].items() if found["verdict"] == "pass"]


def badge(report: Mapping[str, Any]) -> str:
    """The SVG text.  Red where a tier that was run fails, grey where none passes."""
    passed = passed_tiers(report)
    failed = [tier for tier, found in report["tiers"].items() if found["verdict"] == "fail"]
    said = f"{', '.join(passed)} pass" if passed else "no tier passes"
    if failed:
        said += f"; {', '.join(failed)} fail"
    color = "#c0392b" if failed else "#2e7d32" if passed else "#6b7280"
    left = f"corelib conformance {report['versions']['suite']}"
    right = f"{said} ({report['profile']})"
    below = f"{report['device']}, {report['date'][:10]}, self-reported"
    first, second = 14 + _WIDTH * len(left), 14 + _WIDTH * max(len(right), len(below))
    width = round(first + second)
    first = round(first)
    title = escape(f"{left}: {right}; {below}")
    middle = first + (width - first) / 2
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="36" role="img" aria-label="{title}">
<title>{title}</title>
<clipPath id="r"><rect width="{width}" height="36" rx="4"/></clipPath>
<g clip-path="url(#r)"><rect width="{first}" height="36" fill="#374151"/>
<rect x="{first}" width="{width - first}" height="36" fill="{color}"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{first / 2:g}" y="22">{escape(left)}</text>
<text x="{middle:g}" y="15">{escape(right)}</text>
<text x="{middle:g}" y="29">{escape(below)}</text></g>
</svg>
"""
