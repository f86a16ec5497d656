"""One check for every sample of every primitive's definition."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from corelib.backend.registry import registry
from corelib.device import Device
from corelib.dtypes import dtype
from corelib.ops.samples import specs

from ..cases import Case, cases
from ..cases import check as run_case
from ..check import Check, Measure, Unsupported, flag_of, tier_of

__all__ = ["checks"]


def checks() -> Iterator[Check]:
    """In the order of the definitions."""
    for case in cases():
        name, _, rest = case.id.partition("-")
        index, _, described = rest.partition("-")
        dtypes = _dtypes(case)
        first = dtypes[0].name if dtypes else None
        yield Check(
            id=f"{name}/{index}-{described.replace(' ', '-')}",
            group=name,
            tier=tier_of(case.primitive, tuple(d.name for d in dtypes)),
            op=name,
            dtype=first,
            quick=True,
            capability=flag_of(first) if first else None,
            run=partial(_run, case),
            program=None,
        )


def _dtypes(case: Case) -> list[dtype]:
    args = case.sample.args
    return [spec.dtype for spec in specs(args)] + [a for a in args if isinstance(a, dtype)]


def _run(case: Case, device: Device) -> Measure | None:
    backend = registry.get(device.type)
    for d in _dtypes(case):
        if not backend.device_supports(d, device.index or 0):
            raise Unsupported(flag_of(d.name) or d.name, f"{device.type} holds no {d.name}")
    run_case(case, device)
    return None
