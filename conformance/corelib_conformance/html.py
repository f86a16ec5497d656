"""The report for people: one page that needs nothing else, with failures first and a matrix of operation and dtype."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from .check import TIERS
from .report import failures

__all__ = ["html"]

_DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
    "complex128", "",
)  # fmt: skip
_SHORT = {"": "other", "complex64": "complex 64", "complex128": "complex 128"}
_WORST = ("crash", "timeout", "fail", "host-fallback", "not-run", "unsupported-declared", "pass")
_SIGNS = {
    "pass": "✓", "fail": "✗", "crash": "☠", "timeout": "T", "host-fallback": "⌂", "unsupported-declared": "○",
    "not-run": "·",
}  # fmt: skip
_SHOWN = 20  # failures of an operation that are shown whole

_STYLE = """
:root{--ink:#1f2937;--soft:#6b7280;--line:#e5e7eb;--page:#fff;--band:#f9fafb;--pass:#d7f0dc;--pass-ink:#14532d;
--bad:#b91c1c;--bad-ink:#fff;--odd:#fde68a;--odd-ink:#713f12;--none:#eef0f3;--none-ink:#6b7280}
@media(prefers-color-scheme:dark){:root{--ink:#e5e7eb;--soft:#9ca3af;--line:#374151;--page:#111827;--band:#1f2937;
--pass:#14432a;--pass-ink:#bbf7d0;--bad:#dc2626;--odd:#854d0e;--odd-ink:#fef3c7;--none:#1f2937;--none-ink:#9ca3af}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,"DejaVu Sans",sans-serif;color:var(--ink);background:var(--page);margin:0 auto;
padding:28px 24px 60px;max-width:1180px}
h1{font-size:24px;margin:0 0 2px}h2{font-size:18px;margin:34px 0 10px}p{margin:4px 0}.soft{color:var(--soft)}
table{border-collapse:collapse}th{text-align:left;font-weight:600}td,th{padding:3px 9px}
.tiers{display:flex;flex-wrap:wrap;gap:10px;margin:18px 0}
.tier{border:1px solid var(--line);border-left:6px solid var(--none-ink);border-radius:6px;padding:8px 14px;
min-width:165px;background:var(--band)}
.tier b{display:block;font-size:16px}.tier.pass{border-left-color:#15803d}.tier.fail{border-left-color:var(--bad)}
.tier small{color:var(--soft);display:block}
.matrix{width:100%;font-size:13px}
.matrix thead th{position:sticky;top:0;background:var(--page);border-bottom:2px solid var(--line);text-align:center;
font-size:12px;vertical-align:bottom}
.matrix tbody th{font-weight:500;white-space:nowrap}.matrix tbody tr:hover{background:var(--band)}
.matrix tbody tr.head th{padding-top:14px;font-weight:700;color:var(--soft);text-transform:uppercase;font-size:11px;
letter-spacing:.06em}
.matrix td{padding:1px}.cell{display:block;border-radius:4px;text-align:center;padding:1px 4px;white-space:nowrap}
.c-pass{background:var(--pass);color:var(--pass-ink)}
.c-fail,.c-crash,.c-timeout,.c-host-fallback{background:var(--bad);color:var(--bad-ink);font-weight:700}
.c-unsupported-declared{background:var(--odd);color:var(--odd-ink)}.c-not-run{background:var(--none);
color:var(--none-ink)}
.key .cell{display:inline-block;min-width:24px;margin:0 5px 0 14px}
details{border:1px solid var(--line);border-radius:6px;margin:8px 0;background:var(--band)}
summary{padding:7px 12px;cursor:pointer}summary .cell{display:inline-block;margin-right:8px;font-size:13px}
details>div{padding:0 14px 12px}
pre{background:var(--page);border:1px solid var(--line);border-radius:5px;padding:9px 12px;overflow:auto;
max-height:360px;white-space:pre-wrap;overflow-wrap:anywhere;
font:13px/1.45 ui-monospace,"DejaVu Sans Mono",monospace;margin:6px 0}
.numbers td,.numbers th{border-bottom:1px solid var(--line);font-size:13px}.numbers td.n{text-align:right;
font-variant-numeric:tabular-nums}.columns{display:flex;flex-wrap:wrap;gap:6px 40px}
"""


def html(report: Mapping[str, Any]) -> str:
    """The page's text."""
    title = f"corelib conformance: {report['device']}"
    body = "\n".join(
        [
            *_heading(report, title), *_tiers(report), *_failures(report), *_matrix(report), *_skips(report),
            *_errors(report), *_times(report), *_facts(report),
        ]
    )  # fmt: skip
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _heading(report: Mapping[str, Any], title: str) -> Iterator[str]:
    versions, found, seconds = report["versions"], report["counts"], report["seconds"]
    yield f"<h1>{escape(title)}</h1>"
    facts = [
        report["hardware"]["name"],
        versions["backend_package"],
        f"suite {versions['suite']}",
        f"contract {versions['contract']}",
        f"{report['profile']} profile",
        report["date"].replace("T", " ").replace("+00:00", " UTC"),
        "self-reported",
    ]
    yield f'<p class="soft">{escape(" · ".join(str(fact) for fact in facts if fact))}</p>'
    yield (
        f"<p><b>{found['passed']:,}</b> passed, <b>{found['failed']:,}</b> failed, <b>{found['skipped']:,}</b> skipped "
        f"(unsupported, as declared), <b>{found['not_run']:,}</b> not run; {seconds['warm']:.0f} s warm, "
        f"{seconds['cold']:.0f} s cold</p>"
    )
    if report["interrupted"]:
        yield "<p><b>The run was interrupted.</b> What was not run counts against the tier.</p>"


def _tiers(report: Mapping[str, Any]) -> Iterator[str]:
    yield '<div class="tiers">'
    for tier, found in report["tiers"].items():
        listed = ", ".join(f"{count:,} {status}" for status, count in found["counts"].items())
        reason = "" if found["declared"] else "<small>not declared by the device</small>"
        reason += f"<small>{escape(found['reasons'][0])}</small>" if found["verdict"] == "fail" else ""
        yield (
            f'<div class="tier {found["verdict"]}"><b>{tier}: {found["verdict"]}</b><small>{escape(listed)}</small>'
            f"{reason}</div>"
        )
    yield "</div>"


def _failures(report: Mapping[str, Any]) -> Iterator[str]:
    found = failures(report)
    if not found:
        return
    yield f"<h2>Failures ({report['counts']['failed']:,} in {len(found):,} operations)</h2>"
    for number, (name, entries) in enumerate(found.items()):
        statuses = Counter(entry["status"] for entry in entries)
        signs = "".join(f'<span class="cell c-{status}">{count} {status}</span>' for status, count in statuses.items())
        yield f"<details{' open' if number < 3 else ''}><summary>{signs}<b>{escape(name)}</b></summary><div>"
        yield from _failure(entries[0])
        if entries[1:]:
            yield f"<details><summary>{len(entries) - 1:,} more</summary><div>"
            for entry in entries[1:_SHOWN]:
                yield from _failure(entry)
            yield "".join(f"<p>{escape(entry['id'])}: {entry['status']}</p>" for entry in entries[_SHOWN:])
            yield "</div></details>"
        yield "</div></details>"


def _failure(entry: Mapping[str, Any]) -> Iterator[str]:
    alone = f' <span class="soft">alone in a fresh process: {entry["alone"]}</span>' if "alone" in entry else ""
    yield f"<p><b>{escape(entry['id'])}</b>: {entry['status']}{alone}</p>"
    yield f"<pre>{escape(entry.get('message', ''))}</pre><p>A program that shows it:</p>"
    yield f"<pre>{escape(entry['program'])}</pre>"
    if "details" in entry:
        yield f"<details><summary>Where it happened</summary><div><pre>{escape(entry['details'])}</pre></div></details>"


def _matrix(report: Mapping[str, Any]) -> Iterator[str]:
    rows: dict[tuple[str, str], dict[str, Counter[str]]] = {}
    for entry in report["ids"]:
        row = rows.setdefault((entry["tier"], entry["op"] or entry["group"]), {})
        dtype = entry["dtype"] if entry["dtype"] in _DTYPES else ""
        row.setdefault(dtype, Counter())[entry["status"]] += 1
    columns = [d for d in _DTYPES if any(d in row for row in rows.values())]
    yield "<h2>Operations and dtypes</h2>"
    key = "".join(f'<span class="cell c-{status}">{_SIGNS[status]}</span>{status}' for status in reversed(_WORST))
    yield f'<p class="key soft">The worst status of the checks in a cell, and how many there are.{key}</p>'
    heads = "".join(f"<th>{_SHORT.get(d, d)}</th>" for d in columns)
    yield f'<table class="matrix"><thead><tr><th></th>{heads}</tr></thead><tbody>'
    for tier in TIERS:
        names = [name for t, name in rows if t == tier]
        if not names:
            continue
        yield f'<tr class="head"><th colspan="{len(columns) + 1}">{tier}</th></tr>'
        for name in sorted(names, key=lambda n: (_rank(rows[tier, n]), n)):
            cells = "".join(f"<td>{_cell(rows[tier, name].get(d))}</td>" for d in columns)
            yield f"<tr><th>{escape(name)}</th>{cells}</tr>"
    yield "</tbody></table>"


def _rank(row: Mapping[str, Counter[str]]) -> int:
    """Operations with failures come first, the worst before the others."""
    return min(4, *(_WORST.index(_worst(found)) for found in row.values()))


def _worst(found: Counter[str]) -> str:
    return min(found, key=_WORST.index)


def _cell(found: Counter[str] | None) -> str:
    if not found:
        return ""
    status, total = _worst(found), found.total()
    shown = f"{found[status]}/{total}" if found[status] != total else f"{total}"
    title = ", ".join(f"{count} {name}" for name, count in found.items())
    return f'<span class="cell c-{status}" title="{title}">{_SIGNS[status]} {shown}</span>'


def _skips(report: Mapping[str, Any]) -> Iterator[str]:
    found: Counter[tuple[str, str]] = Counter(
        (e["tier"], e["flag"]) for e in report["ids"] if e["status"] == "unsupported-declared"
    )
    if not found:
        return
    yield "<h2>Skipped, because the device declares that it lacks it</h2>"
    yield '<table class="numbers"><tr><th>flag</th><th>tier</th><th>checks</th><th>the tier lets it</th></tr>'
    for (tier, flag), count in sorted(found.items(), key=lambda item: (item[0][1], item[0][0])):
        optional = "yes" if flag in report["tiers"][tier]["optional"] else "no: it fails"
        yield f'<tr><td>{escape(flag)}</td><td>{tier}</td><td class="n">{count:,}</td><td>{optional}</td></tr>'
    yield "</table>"


def _errors(report: Mapping[str, Any]) -> Iterator[str]:
    if not report["ulp"]:
        return
    columns = [d for d in _DTYPES if any(d in row for row in report["ulp"].values())]
    yield "<h2>Largest errors, in units of the last place</h2>"
    heads = "".join(f"<th>{d}</th>" for d in columns)
    yield f'<table class="numbers"><tr><th></th>{heads}</tr>'
    for op, row in sorted(report["ulp"].items()):
        cells = "".join(f'<td class="n">{_error(row.get(d))}</td>' for d in columns)
        yield f"<tr><th>{escape(op)}</th>{cells}</tr>"
    yield "</table>"


def _error(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    bound = f' <span class="soft">of {found["bound"]:g}</span>' if found["bound"] is not None else ""
    return f"{found['ulp']:.3g}{bound}"


def _times(report: Mapping[str, Any]) -> Iterator[str]:
    if not report["timings"]:
        return
    beside = report["device"].partition(":")[0] != "cpu"
    yield "<h2>Time of one call, in microseconds</h2>"
    yield '<p class="soft">The fastest of several. Small operands show what a call costs, not what a device can do.</p>'
    yield '<table class="numbers"><tr><th></th><th>operands</th><th>device</th>'
    yield "<th>CPU</th><th>the CPU's / the device's</th></tr>" if beside else "</tr>"
    for op, found in sorted(report["timings"].items()):
        here, there = found["seconds"], found["cpu_seconds"]
        more = f'<td class="n">{there * 1e6:,.1f}</td><td class="n">{there / here:.2f}</td>' if beside else ""
        yield (
            f'<tr><th>{escape(op)}</th><td>{escape(found["call"])}</td><td class="n">{here * 1e6:,.1f}</td>{more}</tr>'
        )
    yield "</table>"


def _facts(report: Mapping[str, Any]) -> Iterator[str]:
    yield '<h2>Device, versions, flags</h2><div class="columns">'
    hardware = report["hardware"]
    driver = {f"driver: {name}": value for name, value in hardware["driver"].items()}
    simple = {name: value for name, value in hardware.items() if name != "driver"}
    for facts in (simple | driver, report["versions"], report["flags"]):
        yield '<table class="numbers">'
        for name, value in facts.items():
            shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
            yield f"<tr><td>{escape(str(name))}</td><td>{escape(str(shown))}</td></tr>"
        yield "</table>"
    yield "</div>"
    score = report["mutants"]
    if score:
        yield f"<p>This version of the suite kills {score['killed']} of {score['total']} planted faults.</p>"
    yield f'<p class="soft">Manifest {escape(report["manifest"]["hash"])}, {report["manifest"]["ids"]:,} ids; order '
    yield f"seed {report['options']['seed']}. <code>corelib conformance verify report.json</code> derives the verdict "
    yield "again.</p>"
