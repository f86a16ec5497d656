"""The registry inside one process: registering, loading, kernel packs, threads."""

from __future__ import annotations

import copy
import pickle
import threading
import types
import warnings
from collections.abc import Callable

import pytest

from corelib.backend import (
    Backend,
    BackendNotAvailable,
    BackendSpec,
    ContractError,
    Kernel,
    KernelPack,
    discovery,
    hookimpl,
    kernel,
)
from corelib.backend import registry as module
from corelib.backend.registry import Registry
from corelib.dtypes import complex64, float32, float64


class Toy(Backend):
    count = 1

    @kernel("add")
    def add(self, a: object, b: object) -> str:
        return "own add"

    @kernel("mul")
    def mul(self, a: object, b: object) -> str:
        return "own mul"

    def device_count(self) -> int:
        return self.count


def toy(name: str = "toy", create: Callable[[], Backend] = Toy, **rest: object) -> BackendSpec:
    return BackendSpec(name, create, **rest)


def pack(name: str, *primitives: str, device: str = "toy", **rest: object) -> KernelPack:
    def named(primitive: str) -> Kernel:
        return Kernel(lambda *_: f"{name} {primitive}", **rest)

    kernels = {primitive: named(primitive) for primitive in primitives}
    return KernelPack(device, name, kernels)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry in an environment where nothing is installed."""
    monkeypatch.setattr(discovery, "scan", discovery.Installed)
    return Registry(public_names=lambda: frozenset({"nn", "ones", "cpu", "cuda"}))


# -- backends -----------------------------------------------------------------------------------


def test_a_backend_is_created_at_its_first_use_and_kept(registry):
    created = []
    registry.register_backend(toy(create=lambda: created.append(1) or Toy()))
    assert registry.types() == ["toy"] and registry.is_installed("toy") and created == []
    assert registry.get("toy") is registry.get("toy") is registry.load("toy")
    assert created == [1]


def test_name_and_owners_come_from_the_spec(registry):
    class Named(Toy):
        name = "another"

    registry.register_backend(toy(create=Named))
    backend = registry.get("toy")
    assert backend.name == "toy"
    assert {entry.owner for entry in backend.kernels.values()} == {"toy"}


def test_a_plugin_object_or_module_is_registered_as_a_spec_is(registry):
    plugin = types.ModuleType("plugin")
    plugin.corelib_backend = hookimpl(lambda: toy("chip"))
    assert registry.register_backend(plugin) == "chip"
    assert registry.get("chip").name == "chip"


@pytest.mark.parametrize(
    ("device", "commands"),
    [
        ("cpu", ["pip install corelib-cpu ", "pip install . ./backends/cpu"]),
        ("opencl", ["pip install corelib-opencl ", "pip install . ./backends/opencl"]),
        ("mychip", ["Install the package that brings 'mychip'"]),
    ],
)
def test_nothing_installed_names_the_command(registry, device, commands):
    with pytest.raises(RuntimeError, match="is not available: no installed package provides it") as raised:
        registry.get(device)
    assert isinstance(raised.value, BackendNotAvailable) and raised.value.status == "not installed"
    assert all(command in str(raised.value) for command in commands)
    assert "\n" not in str(raised.value)
    assert not registry.is_installed(device)


def test_meta_is_the_frontends_own(registry):
    assert registry.get("meta").name == "meta"
    assert not registry.is_installed("meta")


@pytest.mark.parametrize("name", ["nn", "ones", "meta", "my-chip", "my.chip", "", "1st"])
def test_a_name_that_is_taken_or_no_identifier_is_refused(registry, name):
    with pytest.raises(BackendNotAvailable) as raised:
        registry.register_backend(toy(name))
    assert raised.value.status == "refused"
    assert registry.types() == []


@pytest.mark.parametrize("name", ["cpu", "cuda", "mychip"])
def test_a_device_types_own_module_is_no_collision(registry, name):
    registry.register_backend(toy(name))
    assert registry.get(name).name == name


def test_the_public_names_of_corelib_are_its_modules_and_its_all():
    names = module._public_names()
    assert {"nn", "optim", "backend", "dtypes"} <= names


def test_one_device_type_has_one_backend(registry):
    registry.register_backend(toy())
    with pytest.raises(ValueError, match=r"already has a backend: unregister_backend\('toy'\) first"):
        registry.register_backend(toy())


def test_unregistering_leaves_the_backend_to_its_tensors(registry):
    registry.register_backend(toy())
    backend = registry.get("toy")
    registry.unregister_backend("toy")
    with pytest.raises(BackendNotAvailable, match="was unregistered in this process"):
        registry.get("toy")
    assert registry.types() == [] and backend.kernels["add"].function(1, 2) == "own add"
    registry.register_backend(toy())
    assert registry.get("toy") is not backend


def test_unregistering_what_is_not_there(registry):
    with pytest.raises(ValueError, match="no backend for device type 'toy'"):
        registry.unregister_backend("toy")


def test_the_plugins_own_error_is_the_cause_each_time_and_not_tried_again(registry):
    attempts = []

    def create():
        attempts.append(1)
        raise OSError("libtoy.so: cannot open")

    registry.register_backend(toy(create=create))
    for _ in range(2):
        with pytest.raises(BackendNotAvailable, match=r"failed to load: OSError: libtoy\.so: cannot open") as raised:
            registry.get("toy")
        assert type(raised.value.__cause__) is OSError
    assert attempts == [1]
    registry.rescan()
    with pytest.raises(BackendNotAvailable):
        registry.get("toy")
    assert attempts == [1, 1]


def test_a_plugin_that_wants_to_exit_does_not(registry):
    def create():
        raise SystemExit(3)

    registry.register_backend(toy(create=create))
    with pytest.raises(BackendNotAvailable, match="SystemExit: 3"):
        registry.get("toy")


def test_an_interrupt_passes_and_leaves_the_backend_usable(registry):
    attempts = []

    def create():
        attempts.append(1)
        if len(attempts) == 1:
            raise KeyboardInterrupt
        return Toy()

    registry.register_backend(toy(create=create))
    with pytest.raises(KeyboardInterrupt):
        registry.get("toy")
    assert registry.get("toy").name == "toy"


def test_a_backend_that_needs_another_says_so(registry):
    registry.register_backend(toy(create=lambda: registry.get("cuda")))
    with pytest.raises(
        BackendNotAvailable, match=r"device type 'toy' .* device type 'cuda' is not available"
    ) as raised:
        registry.get("toy")
    assert raised.value.device == "toy" and raised.value.__cause__.device == "cuda"


def test_a_backend_that_uses_itself_while_being_created(registry):
    registry.register_backend(toy(create=lambda: registry.get("toy")))
    with pytest.raises(BackendNotAvailable, match="while it was being created"):
        registry.get("toy")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (toy(contract=(2, 0)), "version 2.0 of the contract, and this corelib has version 1.0.* --upgrade corelib$"),
        (toy(contract=(1, 1)), "version 1.1 of the contract, and this corelib has version 1.0"),
        (toy(contract=(0, 9)), "version 0.9 of the contract, and this corelib has version 1.0.*Update the plugin"),
    ],
)
def test_a_spec_of_another_contract_names_both_versions(registry, spec, message):
    registry.register_backend(spec)
    for _ in range(2):
        with pytest.raises(ContractError, match=message) as raised:
            registry.get("toy")
        assert raised.value.status == "incompatible" and raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("create", "message"),
    [(lambda: None, "create.. of 'toy' returned None"), (lambda: Toy, "which is no corelib.backend.Backend")],
)
def test_create_must_return_a_backend(registry, create, message):
    registry.register_backend(toy(create=create))
    with pytest.raises(BackendNotAvailable, match=message):
        registry.get("toy")


def test_register_backend_takes_specs_and_plugins_only(registry):
    for wrong in (Toy, Toy(), None, types.SimpleNamespace(corelib_backend=lambda: None)):
        with pytest.raises(TypeError, match="has no hook 'corelib_backend'"):
            registry.register_backend(wrong)


def test_a_misspelt_hook_is_found(registry):
    plugin = types.ModuleType("plugin")
    plugin.corelib_backend = hookimpl(lambda: toy())
    plugin.corelib_kernel = hookimpl(lambda device: None)
    registry.register_backend(plugin)
    with pytest.raises(BackendNotAvailable, match=r"PluginValidationError.*corelib_kernel"):
        registry.get("toy")


def test_no_hardware(registry):
    class Absent(Toy):
        count = 0

    registry.register_backend(toy(create=Absent))
    backend = registry.load("toy")
    with pytest.raises(BackendNotAvailable, match="finds no such device") as raised:
        registry.get("toy")
    assert raised.value.status == "no hardware"
    backend.count = 1  # plugged in
    assert registry.get("toy") is backend


def test_states_tell_them_apart(registry):
    class Absent(Toy):
        count = 0

    registry.register_backend(toy("fine", testing=True))
    registry.register_backend(toy("absent", Absent))
    registry.register_backend(toy("broken", lambda: 1 / 0))
    registry.register_backend(toy("future", contract=(9, 0)))
    registry.register_backend(toy("gone"))
    registry.unregister_backend("gone")
    states = {state.name: state for state in registry.states()}
    assert list(states) == ["absent", "broken", "cpu", "cuda", "fine", "future", "gone", "opencl"]
    assert {name: state.status for name, state in states.items()} == {
        "absent": "no hardware",
        "broken": "broken",
        "cpu": "not installed",
        "cuda": "not installed",
        "fine": "ok",
        "future": "incompatible",
        "gone": "unregistered",
        "opencl": "not installed",
    }
    assert states["fine"].spec.testing and states["fine"].backend is registry.get("fine")
    assert states["absent"].backend is registry.load("absent")
    assert isinstance(states["broken"].error.__cause__, ZeroDivisionError)


def test_errors_can_be_copied_and_pickled():
    for error in (BackendNotAvailable("toy", "broken", "why", "mend"), ContractError("toy", "incompatible", "a", "b")):
        for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert type(twin) is type(error) and str(twin) == str(error) and vars(twin) == vars(error)


def test_threads_that_meet_at_the_first_use_get_one_backend(registry):
    started, created = threading.Barrier(8), []

    def create():
        created.append(1)
        return Toy()

    registry.register_backend(toy(create=create))
    got = []

    def use():
        started.wait()
        got.append(registry.get("toy"))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert created == [1] and len(got) == 8 and len(set(map(id, got))) == 1


# -- kernel packs -------------------------------------------------------------------------------


def asked(registry: Registry, primitive: str) -> list[str]:
    """What the kernels of the chain in the table return, first to last."""
    entry, results = registry.get("toy").kernels.get(primitive), []
    while entry is not None:
        results.append(entry.function(1, 2))
        entry = entry.otherwise
    return results


@pytest.mark.parametrize("before", [True, False], ids=["registered before loading", "after"])
def test_a_pack_wins_over_the_backend_and_the_backend_stays_behind_it(registry, before):
    registry.register_backend(toy())
    table = None if before else registry.get("toy").kernels
    registry.register_kernels(pack("fast", "add", "softmax", dtypes=frozenset({float32})))
    assert asked(registry, "add") == ["fast add", "own add"]
    assert asked(registry, "mul") == ["own mul"]
    assert asked(registry, "softmax") == ["fast softmax"]
    assert registry.owners("toy", "add") == ["fast", "toy"]
    entry = registry.get("toy").kernels["add"]
    assert (entry.owner, entry.dtypes) == ("fast", {float32}) and float64 in entry.otherwise.dtypes
    assert before or registry.get("toy").kernels is table


def test_a_later_pack_wins_and_unregistering_restores(registry):
    registry.register_backend(toy())
    registry.register_kernels(pack("first", "add", "softmax"))
    assert asked(registry, "add") == ["first add", "own add"]
    registry.register_kernels(pack("second", "add"))
    assert registry.owners("toy", "add") == ["second", "first", "toy"]
    registry.unregister_kernels("toy", "first")
    assert asked(registry, "add") == ["second add", "own add"] and asked(registry, "softmax") == []
    registry.unregister_kernels("toy", "second")
    assert asked(registry, "add") == ["own add"] and registry.packs() == []
    with pytest.raises(ValueError, match="no kernel pack 'second'"):
        registry.unregister_kernels("toy", "second")


def test_prefer_changes_the_winner_in_place_and_back(registry):
    registry.register_backend(toy())
    registry.register_kernels(pack("fast", "add", "mul"))
    table = registry.get("toy").kernels
    registry.prefer("toy", "add", "toy")
    assert asked(registry, "add") == ["own add", "fast add"] and asked(registry, "mul") == ["fast mul", "own mul"]
    registry.register_kernels(pack("other", "add"))
    assert registry.owners("toy", "add") == ["toy", "other", "fast"]
    registry.prefer("toy", "add", None)
    assert registry.owners("toy", "add") == ["other", "fast", "toy"]
    assert registry.get("toy").kernels is table
    with pytest.raises(ValueError, match="'slow' has no kernel for 'add' on 'toy': 'other', 'fast', 'toy' has"):
        registry.prefer("toy", "add", "slow")


def test_a_pack_cannot_bring_a_dtype_the_device_refuses(registry):
    registry.register_backend(toy())
    registry.register_kernels(pack("fast", "add"))
    assert not registry.get("toy").supports(complex64)
    assert complex64 not in registry.get("toy").kernels["add"].dtypes


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (pack("toy", "add"), ValueError, "already has kernels owned by 'toy'"),
        (KernelPack("toy", "bad", {"add": len}), TypeError, "'add' of the pack 'bad' is no"),
        (KernelPack("toy", "bad", {}, contract=(3, 1)), ContractError, "version 3.1 of the contract"),
    ],
)
def test_a_wrong_pack_is_refused_at_once_or_skipped_with_one_warning(registry, wrong, kind, message):
    registry.register_backend(toy())
    registry.get("toy")
    with pytest.raises(kind, match=message):
        registry.register_kernels(wrong)
    assert asked(registry, "add") == ["own add"] and registry.packs() == []

    registry.unregister_backend("toy")
    registry.register_kernels(wrong)
    registry.register_kernels(pack("good", "add"))
    registry.register_backend(toy())
    with pytest.warns(RuntimeWarning, match=f"kernel pack .* is skipped: .*{message}") as seen:
        registry.get("toy")
    assert len(seen) == 1
    assert asked(registry, "add") == ["good add", "own add"]
    assert [state.status == "ok" for state in registry.packs()] == [False, True]
    registry.unregister_kernels("toy", wrong.name)
    assert asked(registry, "add") == ["good add", "own add"]


def test_a_warning_made_an_error_does_not_stop_the_device(registry):
    registry.register_kernels(KernelPack("toy", "bad", {"add": len}))
    registry.register_backend(toy())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning):
            registry.get("toy")
        assert registry.get("toy").name == "toy"


def test_two_packs_of_one_name(registry):
    registry.register_kernels(pack("fast", "add"))
    with pytest.raises(ValueError, match="already has kernels owned by 'fast'"):
        registry.register_kernels(pack("fast", "mul"))


def test_a_pack_for_a_device_that_is_not_there_is_not_used(registry):
    registry.register_kernels(pack("fast", "add", device="cuda"))
    assert [(state.status, state.primitives) for state in registry.packs()] == [("not used", ())]


def test_every_change_is_told_without_the_lock(registry):
    told = []

    def callback():
        thread = threading.Thread(target=registry.types)
        thread.start()
        thread.join(10)
        told.append(not thread.is_alive())

    registry.on_change.append(callback)
    for change in (
        lambda: registry.register_backend(toy()),
        lambda: registry.get("toy"),
        lambda: registry.register_kernels(pack("fast", "add")),
        lambda: registry.prefer("toy", "add", "toy"),
        lambda: registry.unregister_kernels("toy", "fast"),
        lambda: registry.unregister_backend("toy"),
    ):
        before = len(told)
        change()
        assert len(told) == before + 1 and told[-1]
    registry.states()
    registry.types()
    assert len(told) == 6
