"""Hooks of modules beside PyTorch's: what they see, what they change, and in which order they run."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import corelib

Same = Callable[[Callable[[Any], Any]], Any]


def kinds(values: Any) -> list[Any]:
    return [None if v is None else v.clone() for v in values]


def linear(lib: Any) -> Any:
    module = lib.nn.Linear(3, 2).double()
    with lib.no_grad():
        for p in module.parameters():
            p.copy_(lib.arange(p.numel(), dtype=lib.float64).reshape(p.shape) / 5 - 0.3)
    return module


def test_full_backward_hooks_see_gradients(same: Same) -> None:
    def program(lib: Any) -> Any:
        module, seen = linear(lib), []
        module.register_full_backward_pre_hook(lambda m, g: seen.append(kinds(g)))
        module.register_full_backward_hook(lambda m, gi, go: seen.append([kinds(gi), kinds(go)]))
        module.register_full_backward_hook(lambda m, gi, go: seen.append(m is module), prepend=True)
        x = lib.ones(4, 3, dtype=lib.float64, requires_grad=True)
        (module(x) ** 2).sum().backward()
        return [seen, x.grad, module.weight.grad]

    same(program)


def test_full_backward_hooks_change_gradients(same: Same) -> None:
    def program(lib: Any) -> Any:
        module = linear(lib)
        first = module.register_full_backward_pre_hook(lambda m, g: (g[0] * 2,))
        module.register_full_backward_hook(lambda m, gi, go: (gi[0] * 3,))
        x = lib.ones(4, 3, dtype=lib.float64, requires_grad=True)
        module(x).sum().backward()
        first.remove()
        module(x).sum().backward()
        return [x.grad, module.weight.grad]

    same(program)


def test_arguments_that_are_no_tensors(same: Same) -> None:
    def program(lib: Any) -> Any:
        class Two(lib.nn.Module):  # type: ignore[misc]
            def forward(self, a: Any, factor: int, b: Any) -> Any:
                return a * factor, b * 2, a + b

        module, seen = Two(), []
        module.register_full_backward_hook(lambda m, gi, go: seen.append([kinds(gi), kinds(go)]))
        a = lib.ones(2, dtype=lib.float64, requires_grad=True)
        b = lib.ones(2, dtype=lib.float64)
        x, _, z = module(a, 3, b)
        (x + z).sum().backward()
        return [seen, a.grad]

    same(program)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_hooks_without_inputs_that_require_grad(same: Same) -> None:
    def program(lib: Any) -> Any:
        module, seen = linear(lib), []
        module.register_full_backward_hook(lambda m, gi, go: seen.append([kinds(gi), kinds(go)]))
        module(lib.ones(4, 3, dtype=lib.float64)).sum().backward()
        with lib.no_grad():
            module(lib.ones(4, 3, dtype=lib.float64))
        return [seen, module.weight.grad]

    same(program)


def test_wrong_counts_are_errors(same: Same) -> None:
    def program(which: str) -> Callable[[Any], Any]:
        def run(lib: Any) -> Any:
            module = linear(lib)
            if which == "pre":
                module.register_full_backward_pre_hook(lambda m, g: (g[0], g[0]))
            else:
                module.register_full_backward_hook(lambda m, gi, go: ())
            module(lib.ones(1, 3, dtype=lib.float64, requires_grad=True)).sum().backward()

        return run

    assert isinstance(same(program("pre")), RuntimeError)
    assert isinstance(same(program("post")), RuntimeError)


def test_one_kind_of_backward_hooks(same: Same) -> None:
    def program(lib: Any) -> Any:
        module = linear(lib)
        module.register_backward_hook(lambda m, gi, go: None)
        module.register_full_backward_hook(lambda m, gi, go: None)

    assert isinstance(same(program), RuntimeError)


@pytest.mark.filterwarnings("ignore:Using a non-full backward hook")
def test_legacy_backward_hook(same: Same) -> None:
    def program(lib: Any) -> Any:
        module, seen = lib.nn.Tanh(), []
        module.register_backward_hook(lambda m, gi, go: seen.append([kinds(gi), kinds(go)]))
        x = lib.ones(3, dtype=lib.float64, requires_grad=True)
        module(x).sum().backward()
        return [seen, x.grad]

    same(program)


def hooks_of(lib: Any) -> Any:
    return lib.nn.modules.module


def test_global_hooks(same: Same) -> None:
    def program(lib: Any) -> Any:
        module, seen, tools = lib.nn.Sequential(linear(lib), lib.nn.Tanh()), [], hooks_of(lib)
        name = lambda m: type(m).__name__  # noqa: E731
        module[0].register_forward_hook(lambda m, a, o: seen.append("own"))
        handles = [
            tools.register_module_forward_pre_hook(lambda m, a: seen.append(("pre", name(m)))),
            tools.register_module_forward_hook(lambda m, a, o: seen.append(("post", name(m)))),
            tools.register_module_forward_hook(lambda m, a, k, o: seen.append(sorted(k)), with_kwargs=True),
            tools.register_module_full_backward_pre_hook(lambda m, g: seen.append(("bpre", name(m)))),
            tools.register_module_full_backward_hook(lambda m, gi, go: seen.append(("b", name(m), kinds(gi)))),
        ]
        x = lib.ones(2, 3, dtype=lib.float64, requires_grad=True)
        module(x).sum().backward()
        for handle in handles:
            handle.remove()
        module(input=x)
        return [seen, x.grad]

    same(program)
    assert not corelib.nn.modules._global_hooks.called


def test_registration_hooks(same: Same) -> None:
    def program(lib: Any) -> Any:
        seen: list[Any] = []
        tools = hooks_of(lib)
        handles = [
            tools.register_module_buffer_registration_hook(lambda m, n, b: seen.append(n)),
            tools.register_module_module_registration_hook(lambda m, n, b: seen.append(n)),
            tools.register_module_parameter_registration_hook(lambda m, n, p: seen.append(n)),
        ]
        try:
            module = lib.nn.Module()
            module.register_buffer("b", lib.zeros(1))
            module.b = lib.ones(1)
            module.p = lib.nn.Parameter(lib.zeros(1))
            module.child = lib.nn.Identity()
            module.add_module("other", lib.nn.Identity())
        finally:
            for handle in handles:
                handle.remove()
        module.q = lib.nn.Parameter(lib.zeros(1))
        return seen

    same(program)


def test_always_called_global_hook(same: Same) -> None:
    def program(lib: Any) -> Any:
        seen: list[Any] = []
        with hooks_of(lib).register_module_forward_hook(lambda m, a, o: seen.append(o), always_call=True):
            try:
                linear(lib)(lib.ones(2, 5, dtype=lib.float64))
            except RuntimeError:
                seen.append("raised")
        return seen

    same(program)


def test_state_dict_hooks(same: Same) -> None:
    def program(lib: Any) -> Any:
        module, seen = lib.nn.Sequential(linear(lib)), []
        module[0].register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(prefix))
        module[0].register_state_dict_post_hook(lambda m, state, prefix, meta: state.pop(prefix + "bias") and None)
        module._register_load_state_dict_pre_hook(lambda state, prefix, *rest: seen.append(sorted(state)))
        module.register_load_state_dict_pre_hook(lambda m, state, *rest: state.pop("extra", None) and None)
        module.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
        state = module.state_dict()
        loaded = module.load_state_dict({**state, "extra": lib.zeros(1)})
        older = linear(lib)
        older._register_state_dict_hook(lambda m, state, prefix, meta: {"all": 1})
        return [seen, list(state), str(loaded), older.state_dict()]

    same(program)


def test_state_dict_hook_returns_nothing(same: Same) -> None:
    def program(lib: Any) -> Any:
        module = linear(lib)
        module.register_state_dict_post_hook(lambda m, state, prefix, meta: state)
        return module.state_dict()

    assert isinstance(same(program), RuntimeError)


def test_set_submodule(same: Same) -> None:
    def program(lib: Any) -> Any:
        module = lib.nn.Sequential(lib.nn.Sequential(linear(lib)), lib.nn.Tanh())
        module.set_submodule("0.0", lib.nn.Identity())
        module.set_submodule("0.more", lib.nn.Tanh())
        return repr(module)

    same(program)


SET_ERRORS: list[Callable[[Any], Any]] = [
    lambda lib: linear(lib).set_submodule("", lib.nn.Identity()),
    lambda lib: linear(lib).set_submodule("a", 3),
    lambda lib: linear(lib).set_submodule("a", lib.nn.Identity(), strict=True),
    lambda lib: linear(lib).set_submodule("weight", lib.nn.Identity()),
    lambda lib: linear(lib).set_submodule("a.b", lib.nn.Identity()),
]


@pytest.mark.parametrize("number", range(len(SET_ERRORS)))
def test_set_submodule_errors(same: Same, number: int) -> None:
    assert isinstance(same(SET_ERRORS[number]), Exception)


def test_conversion(same: Same) -> None:
    def program(lib: Any) -> Any:
        module = linear(lib)
        module.register_buffer("n", lib.zeros(1, dtype=lib.int64))
        found = [str(module.bfloat16().weight.dtype).split(".")[-1], str(module.n.dtype).split(".")[-1]]
        module.type(lib.float64)
        return [*found, str(module.weight.dtype).split(".")[-1], str(module.n.dtype).split(".")[-1]]

    same(program)


def test_compile_runs_eagerly() -> None:
    module = corelib.nn.Linear(2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said once, perhaps before
        module.compile()
    assert module(corelib.ones(1, 2)).shape == (1, 2)


def test_super_init_gets_the_arguments(same: Same) -> None:
    def program(lib: Any) -> Any:
        class Mixin:
            def __init__(self, word: str) -> None:
                self.word = word

        class Both(lib.nn.Module, Mixin):  # type: ignore[misc]
            call_super_init = True

            def __init__(self) -> None:
                super().__init__(word="said")

        return Both().word

    assert same(program) == "said"


def test_modules_with_hooks_are_copied_and_pickled() -> None:
    module = corelib.nn.Linear(2, 2)
    module.register_full_backward_hook(_nothing)
    again = pickle.loads(pickle.dumps(copy.deepcopy(module)))
    assert list(again._backward_hooks.values()) == [_nothing]
    assert corelib.allclose(again.weight, module.weight)


def _nothing(module: Any, grad_input: Any, grad_output: Any) -> None:
    pass


def test_data_parallel_on_one_device(same: Same) -> None:
    def program(lib: Any) -> Any:
        module = lib.nn.DataParallel(linear(lib))
        return [module(lib.ones(2, 3, dtype=lib.float64)), list(module.state_dict()), repr(module)]

    same(program)
    with pytest.raises(NotImplementedError, match="several devices"):
        corelib.nn.DataParallel(corelib.nn.Identity(), device_ids=[0, 1])
