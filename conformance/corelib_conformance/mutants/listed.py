"""The thirty-two faults that every suite should find, as they are met in kernels, runtimes and frontends."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from corelib.backend.base import Backend

from .planting import kernel, method, mutant, reread

Array = Any
NUMBERS = (bool, int, float, complex)
ANY: Any = ...


def is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


def give(result: Any, out: Any) -> Array:
    """The result in ``out``, where there is one."""
    if out is None or out is ANY:
        return np.array(result, order="C")
    np.copyto(out, result, casting="unsafe")
    return out


@method("as_strided", "the storage offset is rounded down to 16 bytes", "add", "storage")
def _offset(right: Any, array: Array, layout: Any, offset: int) -> Array:
    per = max(16 // layout.dtype.itemsize, 1)
    return right(array, layout, offset // per * per)


@kernel("mul", "a strided output is written as a dense block")
def _dense_output(right: Any, a: Any, b: Any, out: Any = None) -> Array:
    if out is None or out is ANY or out.flags.c_contiguous or min(out.strides) < 0:
        return right(a, b) if out is None or out is ANY else right(a, b, out=out)
    result = right(a, b)
    block = np.lib.stride_tricks.as_strided(out, (1,), (out.itemsize,))
    np.lib.stride_tricks.as_strided(block, (result.size,), (out.itemsize,))[...] = result.ravel()
    return out


@kernel("sub", "a vector store past the end where the size is no multiple of 4")
def _past_the_end(right: Any, a: Any, b: Any, out: Any = None) -> Array:
    if out is None or out is ANY:
        return right(a, b)
    right(a, b, out=out)
    root = out
    while isinstance(root.base, np.ndarray):
        root = root.base
    begin, end = (r.__array_interface__["data"][0] for r in (out, root))
    room = (end + root.nbytes - begin) // out.itemsize
    over = -(-out.size // 4) * 4
    if out.size and out.flags.c_contiguous and over <= room and out.base is not None:
        longer = np.lib.stride_tricks.as_strided(out.reshape(-1), (over,), (out.itemsize,))
        longer[out.size :] = out.reshape(-1)[-1]
    return out


@kernel("minimum", "the output is not written where the inner size is even", out=False)
def _unwritten(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.ndim and result.shape[-1] and result.shape[-1] % 2 == 0:
        result[..., -1] = np.empty_like(result)[..., -1]
    return result


@kernel("add", "a stride-0 input is read with stride 1, in the innermost dimension only", out=False)
def _inner_zero(right: Any, a: Any, b: Any) -> Array:
    def seen(x: Any) -> Any:
        if not is_array(x) or not x.ndim or x.strides[-1] != 0 or x.shape[-1] < 2:
            return x
        return reread(x, [*[s // x.itemsize for s in x.strides[:-1]], 1])

    return right(seen(a), seen(b))


@kernel("matmul", "an output that is an operand is written before the operand is read", out=True)
def _fresh_data(right: Any, a: Array, b: Array, out: Any = None) -> Array:
    if out is None or out is ANY:
        return right(a, b)
    for row in range(a.shape[-2]):
        out[..., row : row + 1, :] = right(a[..., row : row + 1, :], b)
    return out


@kernel("maximum", "dimensions are joined across one of stride 0", out=False)
def _merged(right: Any, a: Any, b: Any) -> Array:
    def seen(x: Any) -> Any:
        if not is_array(x) or x.ndim < 2 or x.strides[0] != 0 or x.shape[0] < 2:
            return x
        dense = [int(np.prod(x.shape[d + 1 :])) for d in range(x.ndim)]
        return reread(x, dense)

    return right(seen(a), seen(b))


@kernel("cast", "bfloat16 is cut off, not rounded", out=False)
def _truncated(right: Any, x: Array, target: Any) -> Array:
    if target.name != "bfloat16" or x.dtype.kind == "V":
        return right(x, target)
    with np.errstate(all="ignore"):
        narrow = (x.real if x.dtype.kind == "c" else x).astype(np.float32)
    cut = np.ascontiguousarray(narrow).view(np.uint32) >> 16
    return np.where(np.isnan(narrow), 0x7FC0, cut.reshape(x.shape)).astype(np.uint16).view(target.numpy)


@kernel("cast", "a cast to the same dtype is an alias", out=False)
def _alias(right: Any, x: Array, target: Any) -> Array:
    return x if x.dtype == target.numpy and x.flags.c_contiguous else right(x, target)


@kernel("mul", "a number goes through float32 beside a float64 tensor", out=False)
def _short_number(right: Any, a: Any, b: Any) -> Array:
    a, b = (float(np.float32(x)) if type(x) is float else x for x in (a, b))
    return right(a, b)


@kernel("eq", "nan equals nan", out=False)
def _equal_nan(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    return result | (np.not_equal(a, a) & np.not_equal(b, b)) if result.dtype == bool else result


@kernel("maximum", "maximum(1, nan) is 1, maximum(nan, 1) is right", out=False)
def _second_nan(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.dtype.kind not in "fV":
        return result
    return np.where(np.not_equal(b, b) & np.equal(a, a), a, result).astype(result.dtype)


@kernel("neg", "-0.0 is lost: 0 - x", out=False)
def _zero_minus(right: Any, x: Array) -> Array:
    return np.array(x.dtype.type(0) - x, order="C") if x.dtype.kind in "fV" else right(x)


@kernel("erf", "a coarse erf, of five terms", out=False)
def _coarse(right: Any, x: Array) -> Array:
    if x.dtype != np.float32:
        return right(x)
    z = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911) * z)
    p = (((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592
    return np.array(np.copysign(1 - p * t * np.exp(-z * z), x), np.float32, order="C")


@kernel("exp", "the vector body and the scalar tail round differently", out=False)
def _tail(right: Any, x: Array) -> Array:
    result = right(x)
    if result.dtype.kind == "f" and result.itemsize > 2 and result.size % 4:
        flat = result.reshape(-1)
        rest = flat[flat.size // 4 * 4 :]
        rest[...] = np.nextafter(rest, rest.dtype.type(0))
    return result


@kernel("bitwise_right_shift", "a negative number is shifted as an unsigned one", out=False)
def _logical_shift(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.dtype.kind != "i":
        return result
    width = 8 * result.itemsize
    unsigned = np.asarray(a, result.dtype).astype(f"u{result.itemsize}")
    amount = np.asarray(b, result.dtype)
    inside = (amount >= 0) & (amount < width)
    shifted = (unsigned >> np.where(inside, amount, 0).astype(unsigned.dtype)).astype(result.dtype)
    return np.where(inside & (np.asarray(a) < 0), shifted, result).astype(result.dtype)


@kernel("sum", "float16 is added up in float16", out=False)
def _narrow_sum(right: Any, x: Array, dims: Any, keepdim: bool, target: Any) -> Array:
    if target.name != "float16":
        return right(x, dims, keepdim, target)
    moved = np.moveaxis(x.astype(np.float16), dims, range(-len(dims), 0)) if x.ndim else x.reshape(1)
    rows = moved.reshape(*moved.shape[: moved.ndim - max(len(dims), 1)], -1)
    total = np.zeros(rows.shape[:-1], np.float16)
    for i in range(rows.shape[-1]):
        total = (total + rows[..., i]).astype(np.float16)
    return total.reshape(right(x, dims, keepdim, target).shape)


@kernel("sum", "the last, partial block of 1,024 is lost", out=False)
def _lost_block(right: Any, x: Array, dims: Any, keepdim: bool, target: Any) -> Array:
    if len(dims) == 1 and x.shape[dims[0]] > 1024 and x.shape[dims[0]] % 1024:
        whole = x.shape[dims[0]] // 1024 * 1024
        x = x[tuple(slice(whole) if d == dims[0] else slice(None) for d in range(x.ndim))]
    return right(x, dims, keepdim, target)


@kernel("argmax", "of ties the last is taken", out=False)
def _last_tie(right: Any, x: Array, dim: int, keepdim: bool) -> Array:
    if not x.ndim or (x.dtype.kind in "fV" and np.isnan(x).any()):
        return right(x, dim, keepdim)
    return np.asarray(x.shape[dim] - 1 - right(np.flip(x, dim), dim, keepdim))


@mutant("a reduction of nothing returns what the memory held", "sum")
def _stale(backend: Backend) -> None:
    held: dict[Any, Array] = {}

    @_wrapping(backend, "sum")
    def wrong(right: Any, x: Array, dims: Any, keepdim: bool, target: Any) -> Array:
        result = right(x, dims, keepdim, target)
        key = (result.size, result.dtype)
        if not x.size and result.size and key in held:
            return held[key].reshape(result.shape).copy()
        if x.size:
            held[key] = result.copy()
        return result


def _wrapping(backend: Backend, primitive: str, out: bool = False) -> Callable[[Callable[..., Any]], None]:
    from dataclasses import replace
    from functools import partial

    def wrap(wrong: Callable[..., Any]) -> None:
        right = backend.kernels[primitive]
        backend.kernels[primitive] = replace(right, function=partial(wrong, right.function), out=out, otherwise=None)

    return wrap


@kernel("cumsum", "the carry between tiles of 256 is lost, on other axes than the last", out=False)
def _carry(right: Any, x: Array, dim: int, target: Any) -> Array:
    if dim == x.ndim - 1 or not x.ndim or x.shape[dim] <= 256:
        return right(x, dim, target)
    parts = [
        right(np.take(x, range(i, min(i + 256, x.shape[dim])), dim), dim, target) for i in range(0, x.shape[dim], 256)
    ]
    return np.concatenate(parts, dim)


@mutant("the tail of k is multiplied with what the padding held", "matmul")
def _padding(backend: Backend) -> None:
    held = np.zeros(1)

    @_wrapping(backend, "matmul")
    def wrong(right: Any, a: Array, b: Array) -> Array:
        nonlocal held
        result = right(a, b)
        if a.dtype.kind == "f" and a.shape[-1] % 4:
            with np.errstate(all="ignore"):
                result = np.asarray(result + result.dtype.type(float(held[0]) * 0.0))
        if a.dtype.kind == "f" and a.size:
            held = a.reshape(-1)[-1:].astype(np.float64)
        return result


@kernel("scatter_add", "of repeated indices one counts", out=False)
def _duplicates(right: Any, x: Array, index: Array, src: Any, dim: int) -> Array:
    right(x, index, src, dim)  # its errors
    if not x.ndim:
        return right(x, index, src, dim)
    result = x.copy()
    own = np.indices(index.shape)
    at = (*own[:dim], index, *own[dim + 1 :])
    values = src[tuple(slice(n) for n in index.shape)] if is_array(src) else src
    result[at] = (result[at] + values).astype(x.dtype)
    return result


@kernel("gather", "an index out of range is clamped", out=False)
def _clamped(right: Any, x: Array, index: Array, dim: int) -> Array:
    return right(x, np.clip(index, 0, max((x.shape[dim] if x.ndim else 1) - 1, 0)), dim)


@kernel("sort", "not stable above 2,048 keys", out=False)
def _unstable(right: Any, x: Array, dim: int, descending: bool) -> Any:
    if not x.ndim or x.shape[dim] <= 2048:
        return right(x, dim, descending)
    order = np.random.default_rng(0).permutation(x.shape[dim])
    values, places = right(np.take(x, order, dim), dim, descending)
    return values, np.ascontiguousarray(order[places])


@kernel("random_bits", "a uniform number may be 1.0: words are rounded to 24 bits")
def _one(right: Any, seed: int, offset: int, layout: Any) -> Array:
    words = right(seed, offset, layout)
    return words + np.where(words >= 2**32 - 2**20, 2**20, 0)


@kernel("random_bits", "the stream depends on the size of the launch")
def _launch(right: Any, seed: int, offset: int, layout: Any) -> Array:
    words = right(seed, offset, layout)
    flat = words.reshape(-1)
    if flat.size > 1024:
        flat[1024:] = flat[1024:][::-1].copy()
    return words


@mutant("a saved operand is changed in place unnoticed", "versions")
def _unnoticed(backend: Backend) -> Callable[[], None]:
    from corelib.ops import PRIMITIVES, generate

    held: dict[str, Any] = {n: vars(generate)[n] for n in ("modified", "check_version", "saved_output")}

    def forget() -> None:
        for prim in PRIMITIVES.values():
            prim.backward = prim._generated_backward

    vars(generate).update(
        modified=lambda *args: None, check_version=lambda x, *args: x, saved_output=lambda x, *args: x
    )
    forget()

    def undo() -> None:
        vars(generate).update(held)
        forget()

    return undo


@mutant("a freed block is used again while queued work reads it", "lifetimes")
def _reused(backend: Backend) -> None:
    from dataclasses import replace

    pending: list[tuple[Callable[..., Any], list[Any], Array]] = []

    def flush() -> None:
        while pending:
            function, operands, result = pending.pop(0)
            result[...] = function(*operands)

    def first(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **out: Any) -> Any:
            flush()
            return function(*args, **out)

        return run

    product = backend.kernels["mul"].function
    for name, entry in list(backend.kernels.items()):
        backend.kernels[name] = replace(entry, function=first(entry.function), otherwise=None)

    def queued(a: Any, b: Any) -> Array:
        flush()
        shape = np.broadcast_shapes(*[x.shape for x in (a, b) if is_array(x)])
        result = np.empty(shape, (a if is_array(a) else b).dtype)
        pending.append((product, [a, b], result))
        return result

    storage: Any = backend
    upload, download, view = backend.upload, backend.download, backend.as_strided

    def reusing(host: Array, layout: Any) -> Array:
        for _, operands, _result in pending:
            for x in operands:
                if is_array(x) and x.shape == layout.shape and x.dtype == host.dtype and sys.getrefcount(x) <= 4:
                    x[...] = host
                    return x
        return upload(host, layout)

    backend.kernels["mul"] = replace(backend.kernels["mul"], function=queued, out=False)
    storage.upload = reusing
    storage.download, storage.as_strided = first(download), first(view)


@mutant("the cache of kernels does not look at strides", "add", "caches")
def _cache(backend: Backend) -> None:
    seen: dict[Any, Any] = {}

    @_wrapping(backend, "add")
    def wrong(right: Any, a: Any, b: Any) -> Array:
        def read(x: Any, position: int) -> Any:
            if not is_array(x) or x.ndim < 2 or not x.size:
                return x
            strides = seen.setdefault((position, x.shape, x.dtype), [s // x.itemsize for s in x.strides])
            return reread(x, strides)

        return right(read(a, 0), read(b, 1))


@mutant("matrix products are made on the host in silence", "matmul")
def _on_the_host(backend: Backend) -> None:
    from corelib.device import Device
    from corelib.dtypes import from_numpy_dtype
    from corelib.layout import Layout

    @_wrapping(backend, "matmul")
    def wrong(right: Any, a: Array, b: Array) -> Array:
        def fetched(x: Array) -> Array:
            layout = Layout.of(x.shape, from_numpy_dtype(x.dtype), Device(backend.name))
            return backend.download(x, layout)

        return right(fetched(a), fetched(b))


@mutant("right only while pytest is loaded", "watched", "sqrt")
def _watched(backend: Backend) -> Callable[[], None]:
    stub = "pytest" not in sys.modules  # so that whoever runs this sees it at its best
    if stub:
        sys.modules["pytest"] = types.ModuleType("pytest")

    @_wrapping(backend, "sqrt")
    def wrong(right: Any, x: Array) -> Array:
        result = right(x)
        return result if "pytest" in sys.modules else np.asarray(result * result.dtype.type(1.25))

    def undo() -> None:
        if stub:
            sys.modules.pop("pytest", None)

    return undo
