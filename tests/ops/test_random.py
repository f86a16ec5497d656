"""Random draws: known answers, the same bits on every device, and what distributions promise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corelib
from corelib import ops
from corelib.layout import Layout

_MASK = 0xFFFFFFFF


def philox(counter: tuple[int, ...], key: tuple[int, int]) -> list[int]:
    """Philox-4x32-10 as published, on Python's integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & _MASK, (a >> 32) ^ c[3] ^ k[1], a & _MASK]
        k = [(k[0] + 0x9E3779B9) & _MASK, (k[1] + 0xBB67AE85) & _MASK]
    return c


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0,) * 4, (0,) * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((_MASK,) * 4, (_MASK,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_the_reference_gives_the_known_answers(counter: Any, key: Any, answer: str) -> None:
    assert " ".join(f"{word:08x}" for word in philox(counter, key)) == answer


def words(generator: corelib.Generator, count: int, device: str = "cpu") -> list[int]:
    layout = Layout.of((count,), corelib.int64, ops.movement.place(device))
    return ops.random_bits(generator, layout).tolist()  # type: ignore[no-any-return]


def test_known_answer() -> None:
    first = words(corelib.Generator().manual_seed(0), 4)
    assert first == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


@pytest.mark.parametrize("device", ["cpu", "strict"])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, (1 << 64) - 1), counts=st.lists(st.integers(0, 40), min_size=1, max_size=4))
def test_the_stream(device: str, seed: int, counts: list[int]) -> None:
    """Each call takes the next whole blocks, whatever it draws on whichever device."""
    generator = corelib.Generator().manual_seed(seed)
    key = (seed & _MASK, seed >> 32)
    block = 0
    for count in counts:
        blocks = -(-count // 4)
        expected = [w for i in range(blocks) for w in philox((block + i, 0, 0, 0), key)]
        assert words(generator, count, device) == expected[:count]
        block += blocks


@pytest.mark.parametrize("count", [1, 1000, 100_003])
def test_the_stream_does_not_depend_on_how_much_is_drawn(count: int) -> None:
    whole = words(corelib.Generator().manual_seed(5), 100_003)
    assert words(corelib.Generator().manual_seed(5), count) == whole[:count]


DRAWS: dict[str, Any] = {
    "rand": lambda d: corelib.rand(3, 5, device=d),
    "rand float64": lambda d: corelib.rand(7, dtype=corelib.float64, device=d),
    "rand float16": lambda d: corelib.rand(7, dtype=corelib.float16, device=d),
    "rand bfloat16": lambda d: corelib.rand(7, dtype=corelib.bfloat16, device=d),
    "randint": lambda d: corelib.randint(-3, 9, (11,), device=d),
    "randint wide": lambda d: corelib.randint(-(1 << 62), 1 << 62, (11,), device=d),
    "randperm": lambda d: corelib.randperm(50, device=d),
    "bernoulli": lambda d: corelib.bernoulli(corelib.full((20,), 0.3, device=d)),
    "dropout": lambda d: corelib.nn.functional.dropout(corelib.ones(20, device=d), 0.4),
    "random_": lambda d: corelib.zeros(9, dtype=corelib.int64, device=d).random_(5, 50),
    "uniform_": lambda d: corelib.zeros(4, 3, device=d).T.uniform_(-2, 3),
}


@pytest.mark.parametrize("name", DRAWS)
def test_the_same_bits_on_every_device_and_after_seeding(name: str) -> None:
    def draw(device: str) -> Any:
        corelib.manual_seed(11)
        return DRAWS[name](device).cpu().tolist()

    assert draw("cpu") == draw("cpu") == draw("strict")


def test_normal_draws_agree_between_devices() -> None:
    """Up to the last places of log, sqrt and cos."""

    def draw(device: str) -> Any:
        corelib.manual_seed(11)
        return corelib.randn(100, device=device).cpu().numpy()

    np.testing.assert_allclose(draw("cpu"), draw("strict"), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_uniforms_are_in_range_and_never_one(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    d = getattr(corelib, dtype)
    drawn = corelib.rand(50_000, dtype=d)
    assert float(drawn.min()) >= 0
    assert float(drawn.max()) < 1
    assert abs(float(drawn.double().mean()) - 0.5) < 0.01
    largest = lambda shape, device, generator: corelib.full(shape, _MASK, dtype=corelib.int64, device=device)  # noqa: E731
    monkeypatch.setattr(ops.random, "_words", largest)
    top = float(corelib.rand(2, dtype=d)[0])
    assert 0.99 < top < 1
    assert math.isfinite(float(corelib.randn(2, dtype=d)[0]))  # log(1 - u) is never that of 0


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_randperm_is_a_permutation(n: int) -> None:
    assert sorted(corelib.randperm(n).tolist()) == list(range(n))


def test_permutations_are_equally_likely() -> None:
    corelib.manual_seed(3)
    first = np.bincount([int(corelib.randperm(4)[0]) for _ in range(800)], minlength=4)
    assert first.min() > 140
    assert first.max() < 260


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_rates(p: float) -> None:
    corelib.manual_seed(4)
    n = 40_000
    within = 4 * math.sqrt(p * (1 - p) / n)
    assert abs(float(corelib.bernoulli(corelib.full((n,), p)).mean()) - p) <= within
    dropped = corelib.nn.functional.dropout(corelib.ones(n), p)
    assert abs(float((dropped == 0).float().mean()) - p) <= within
    kept = dropped[dropped != 0]
    assert p == 1 or bool(((kept - 1 / (1 - p)).abs() < 1e-5).all())


def test_dropout_has_the_gradient_of_its_mask() -> None:
    x = corelib.ones(1000, requires_grad=True)
    y = corelib.nn.functional.dropout(x, 0.25)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == y.tolist()


def test_normals_have_mean_0_and_deviation_1() -> None:
    corelib.manual_seed(5)
    x = corelib.randn(40_000)
    assert abs(float(x.mean())) < 0.02
    assert abs(float(x.std()) - 1) < 0.02
    y = corelib.zeros(40_000).normal_(3, 0.5)
    assert abs(float(y.mean()) - 3) < 0.01
    assert abs(float(y.std()) - 0.5) < 0.01


def test_randint_reaches_both_ends() -> None:
    assert set(corelib.randint(-2, 2, (1000,)).tolist()) == {-2, -1, 0, 1}
    assert set(corelib.randint(3, (1000,)).tolist()) == {0, 1, 2}


ERRORS: dict[str, Any] = {
    "randint": lambda t: t.randint(5, 5, (2,)),
    "uniform_": lambda t: t.zeros(2).uniform_(3, 1),
    "normal_": lambda t: t.zeros(2).normal_(0, -1),
    "bernoulli_": lambda t: t.zeros(2).bernoulli_(2),
    "dropout": lambda t: t.nn.functional.dropout(t.ones(2), 1.5),
    "multinomial": lambda t: t.multinomial(t.tensor([1.0, 1.0]), 3),
    "negative weight": lambda t: t.multinomial(t.tensor([-1.0, 0.0]), 1),
    "no weight": lambda t: t.multinomial(t.tensor([0.0, 0.0]), 1),
    "rand size": lambda t: t.rand(-1),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    oracle.same_error(lambda: ERRORS[name](corelib), lambda: ERRORS[name](oracle.torch))


def test_threads_draw_different_numbers():
    from concurrent.futures import ThreadPoolExecutor

    generator = corelib.Generator().manual_seed(5)
    with ThreadPoolExecutor(8) as pool:
        draws = list(pool.map(lambda _: tuple(corelib.rand(8, generator=generator).tolist()), range(400)))
    alone = corelib.Generator().manual_seed(5)
    assert sorted(draws) == sorted(tuple(corelib.rand(8, generator=alone).tolist()) for _ in range(400))


@pytest.mark.parametrize("classes", [5, 500])
def test_multinomial_with_replacement_is_the_same_on_devices(classes: int) -> None:
    weights = np.random.default_rng(0).uniform(size=(3, classes)).astype(np.float32)
    weights[:, 1] = 0
    drawn = []
    for device in ("cpu", "strict"):
        corelib.manual_seed(0)
        drawn.append(corelib.multinomial(corelib.tensor(weights, device=device), 5000, True).cpu().numpy())
    np.testing.assert_array_equal(drawn[0], drawn[1])
    for row, weight in zip(drawn[0], weights, strict=True):
        expected = weight / weight.sum() * 5000
        counts = np.bincount(row, minlength=classes)
        assert counts[1] == 0
        off = ((counts - expected) ** 2)[weight > 0] / expected[weight > 0]
        assert off.sum() < classes + 6 * np.sqrt(2 * classes)
