"""The fused dropout against its definition from random words, to the last bit."""

import numpy as np
import pytest

import corelib
from corelib import dtypes as D
from corelib.core.generator import Generator
from corelib.ops.random import native_dropout


@pytest.mark.parametrize("dtype", [D.float16, D.bfloat16, D.float32, D.float64], ids=lambda d: d.name)
@pytest.mark.parametrize("p", [0.1, 0.5, 1 / 3, 0.999, 1.0])
@pytest.mark.parametrize("shape", [(), (0, 2), (4, 5), (3, 50_001)], ids=str)
def test_dropout_equals_its_definition(dtype, p, shape):
    x = corelib.randn(*reversed(shape), dtype=dtype).permute(*reversed(range(len(shape))))
    fused, defined = Generator().manual_seed(7), Generator().manual_seed(7)
    out, mask = native_dropout(fused, x, p)
    wanted, kept = native_dropout.prim.decomposition(defined, x, p)
    assert fused.get_state().tolist() == defined.get_state().tolist()
    assert out.is_contiguous() and out.dtype is dtype and mask.dtype is D.bool_
    np.testing.assert_array_equal(mask.numpy(), kept.numpy())
    np.testing.assert_array_equal(out.double().numpy(), wanted.double().numpy())


def test_the_cpu_has_a_dropout_of_its_own():
    native_dropout(Generator(), corelib.ones(3), 0.5)
    assert {plan.owner for plan in native_dropout.prim.plans.values() if plan.layout[0].device.type == "cpu"} == {"cpu"}
