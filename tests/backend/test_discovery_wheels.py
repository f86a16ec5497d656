"""Discovery over real packages: wheels installed by pip, used from a process of their own.

All of them are installed together, so that every test also shows that the broken ones leave the others alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import corelib.backend
from corelib.version import __version__

# One worker builds and installs the wheels once for all of these.
pytestmark = pytest.mark.xdist_group("plugins")

BACKEND = """
from corelib.backend import Backend, BackendSpec, Kernel, KernelPack, hookimpl, kernel

class Chip(Backend):
    @kernel("add")
    def add(self, a, b):
        return "own"

    def device_count(self):
        return {count}

def driver():
    raise OSError("libchip.so: cannot open")

@hookimpl
def corelib_backend():
    return BackendSpec("{name}", Chip, version="1.2", {rest})
"""
PACK = """
from corelib.backend import Kernel, KernelPack, hookimpl

@hookimpl{options}
def corelib_kernels(device):
    return KernelPack(device, "{name}", {{"add": Kernel(lambda a, b: "{name}")}})
"""


def chip(name: str, count: int | str = 1, rest: str = "") -> str:
    return BACKEND.format(name=name, count=count, rest=rest)


def pack(name: str, options: str = "") -> str:
    return PACK.format(name=name, options=options)


# distribution: (version, {group: {name: value}}, {module: source})
Package = tuple[str, dict[str, dict[str, str]], dict[str, str]]


def brings(name: str, module: str, source: str, contract: str | None = None, version: str = "1.2") -> Package:
    groups = {"corelib.backends": {name: module}}
    if contract is not None:
        groups["corelib.contract"] = {name: contract}
    return version, groups, {module: source}


NOT_TO_BE_RUN = "raise AssertionError('the module was imported')"
PACKAGES: dict[str, Package] = {
    "good-chip": brings("goodchip", "good_chip", chip("goodchip"), contract="v1_0"),
    "raising-chip": brings("raising", "raising_chip", "raise ValueError('no licence found')"),
    "exiting-chip": brings("exiting", "exiting_chip", "raise SystemExit('bye')"),
    "lacking-chip": brings("lacking", "lacking_chip", "import frobnicator.core"),
    "hollow-chip": brings("hollow", "hollow_chip.plugin:here", ""),
    "driverless-chip": brings("driverless", "driverless_chip", chip("driverless", count="driver()")),
    "old-chip": brings("old", "old_chip", NOT_TO_BE_RUN, contract="v0_9", version="0.3"),
    "new-chip": brings("new", "new_chip", NOT_TO_BE_RUN, contract="v2_0", version="7.0"),
    "newer-chip": brings("newer", "newer_chip", NOT_TO_BE_RUN, contract="v1_1"),
    "odd-chip": brings("odd", "odd_chip", NOT_TO_BE_RUN, contract="latest"),
    "late-chip": brings("late", "late_chip", chip("late", rest="contract=(3, 0)")),
    "twin-a": brings("twin", "twin_a", chip("twin")),
    "twin-b": brings("twin", "twin_b", chip("twin"), version="2.0"),
    "absent-chip": brings("absent", "absent_chip", chip("absent", count=0)),
    "colliding-chip": brings("nn", "colliding_chip", NOT_TO_BE_RUN),
    "misnamed-chip": brings("misnamed", "misnamed_chip", chip("other")),
    "unmarked-chip": brings("unmarked", "unmarked_chip", chip("unmarked").replace("@hookimpl\n", "")),
    "good-packs": (
        "3.0",
        {
            "corelib.kernels": {
                "goodchip.a": "good_packs_a", "goodchip.b": "good_packs_b", "goodchip.last": "good_packs_last",
                "goodchip.first": "good_packs_first", "unheard.of": "good_packs_a",
            }
        },
        {
            "good_packs_a": pack("a"), "good_packs_b": pack("b"),
            "good_packs_last": pack("last", "(trylast=True)"), "good_packs_first": pack("first", "(tryfirst=True)"),
        },
    ),
    "broken-packs": (
        "0.1",
        {
            "corelib.kernels": {"goodchip.broken": "broken_packs", "goodchip.old.one": "broken_packs"},
            "corelib.contract": {"goodchip.old.one": "v0_1"},
        },
        {"broken_packs": "import frobnicator"},
    ),
}  # fmt: skip


def wheel(folder: Path, distribution: str, package: Package) -> Path:
    version, groups, modules = package
    stem = f"{distribution.replace('-', '_')}-{version}"
    entries = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in groups.items()
    )
    files = {f"{module.partition('.')[0]}.py": source for module, source in modules.items()} | {
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/entry_points.txt": entries,
    }
    record = f"{stem}.dist-info/RECORD"
    hashes = {
        name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for name, text in files.items()
    }
    files[record] = "".join(f"{name},sha256={hashes[name]},{len(files[name])}\n" for name in hashes) + f"{record},,\n"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


class Site:
    """A folder of installed packages, and programs run with it on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CORELIB_BACKENDS_")}
        path = os.pathsep.join([str(self.folder), str(Path(corelib.backend.__file__).parents[2])])
        return subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, timeout=120, cwd=self.folder.parent,
            env=kept | {"PYTHONPATH": path} | variables,
        )  # fmt: skip

    def ask(self, program: str, **variables: str) -> Any:
        """What the program prints, as JSON."""
        done = self.run("-c", program, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("plugins")
    wheels = [wheel(folder, distribution, package) for distribution, package in PACKAGES.items()]
    target = folder / "site"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
         "--target", target, *wheels],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # pip itself would stop at this one: what an interrupted installation or another tool may leave behind.
    garbled = target / "garbled_chip-1.0.dist-info"
    garbled.mkdir()
    (garbled / "METADATA").write_text("Metadata-Version: 2.1\nName: garbled-chip\nVersion: 1.0\n")
    (garbled / "entry_points.txt").write_text("[corelib.backends]\nthis is no entry\n")
    nameless = target / "nameless-1.0.dist-info"
    nameless.mkdir()
    (nameless / "entry_points.txt").write_text("[corelib.backends]\nnameless = nameless\n")
    return Site(target)


USE_ALL = """
import json, sys, warnings
import corelib, corelib.backend
from corelib.backend.registry import registry

known = registry.types()
loaded = sorted(name for name in sys.modules if name.endswith(("_chip", "_a", "_b", "_packs")))
warnings.simplefilter("always")
said = []
warnings.showwarning = lambda message, category, *rest: said.append([category.__name__, str(message)])
uses = {}
for name in known:
    try:
        uses[name] = [registry.get(name).name, "", ""]
    except RuntimeError as error:
        uses[name] = [error.status, str(error), repr(error.__cause__)]
good = registry.get("goodchip")
print(json.dumps({
    "known": known, "loaded": loaded, "uses": uses, "warnings": said, "owners": registry.owners("goodchip", "add"),
    "result": good.kernels["add"].function(1, 2), "unreadable": registry.unreadable(),
    "packs": {state.name: [state.status, state.package, state.primitives] for state in registry.packs()},
}))
"""


@pytest.fixture(scope="module")
def used(site: Site) -> Any:
    """One process that uses every device type."""
    return site.ask(USE_ALL)


def test_importing_corelib_and_listing_loads_no_plugin(used: Any) -> None:
    assert used["loaded"] == []
    assert {"goodchip", "raising", "twin", "old", "nn", "absent"} <= set(used["known"])


def test_a_good_plugin_works_beside_all_the_broken_ones(used: Any) -> None:
    assert used["uses"]["goodchip"] == ["goodchip", "", ""]


ERRORS = {
    "raising": ("broken", "raising-chip 1.2 failed to load: ValueError: no licence found. ", "uninstall raising-chip"),
    "exiting": ("broken", "exiting-chip 1.2 failed to load: SystemExit: bye. ", "pip uninstall exiting-chip"),
    "lacking": (
        "broken",
        "lacking-chip 1.2 failed to load: ModuleNotFoundError: No module named 'frobnicator'. ",
        "Install what provides the module 'frobnicator' (pip install lacking-chip gets what it declares)",
    ),
    "hollow": (
        "broken",
        "hollow-chip 1.2 failed to load: ModuleNotFoundError: No module named 'hollow_chip.plugin'",
        "pip install --force-reinstall --no-deps hollow-chip",
    ),
    "driverless": (
        "broken",
        "driverless-chip 1.2 failed to load: OSError: libchip.so: cannot open. ",
        "pip uninstall driverless-chip",
    ),
    "old": (
        "incompatible",
        "old-chip 0.3 was written for version 0.9 of the contract, and this corelib has version 1.0. ",
        "pip install --upgrade old-chip",
    ),
    "new": (
        "incompatible",
        "new-chip 7.0 was written for version 2.0 of the contract, and this corelib has version 1.0. ",
        "pip install --upgrade corelib",
    ),
    "newer": ("incompatible", "newer-chip 1.2 was written for version 1.1 of", "pip install --upgrade corelib"),
    "odd": ("incompatible", "odd-chip 1.2 gives 'latest' as the contract's version: it must", "authors of odd-chip"),
    "late": ("incompatible", "late-chip 1.2 was written for version 3.0 of", "pip install --upgrade corelib"),
    "twin": (
        "duplicate",
        "several packages provide it: twin-a 1.2 (twin_a) and twin-b 2.0 (twin_b). ",
        "CORELIB_BACKENDS_PREFER=twin=twin-a",
    ),
    "absent": ("no hardware", "absent-chip 1.2 is installed and loads, but finds no such device", "corelib devices"),
    "nn": ("refused", "colliding-chip 1.2 calls it 'nn', a name that corelib has taken", "choose another name"),
    "misnamed": ("broken", "listed as 'misnamed', but its BackendSpec is named 'other'", "pip uninstall misnamed-chip"),
    "unmarked": ("broken", "gives no hook 'corelib_backend': mark it with", "pip uninstall unmarked-chip"),
}  # fmt: skip


@pytest.mark.parametrize("device", ERRORS)
def test_using_a_plugin_that_cannot_be_used_says_why_and_what_to_do(used: Any, device: str) -> None:
    status, reason, remedy = ERRORS[device]
    got, message, cause = used["uses"][device]
    assert got == status
    assert message.startswith(f"device type '{device}' is not available: ")
    assert reason in message and remedy in message and "\n" not in message
    said = re.search(r"failed to load: (\w+): (.*?)\. ", message)
    if said is None:
        assert cause == "None"
    else:  # the original error, not another one about it
        assert cause.startswith(f"{said[1]}(") and said[2] in cause.replace('"', "")


def test_metadata_that_cannot_be_read_is_set_aside(used: Any) -> None:
    assert [package for package, _ in used["unreadable"]] == ["garbled-chip 1.0"]


def test_kernel_packs_are_ordered_by_pluggy_and_by_name(used: Any) -> None:
    assert used["owners"] == ["first", "a", "b", "last", "goodchip"]
    assert used["result"] == "first"
    packs = used["packs"]
    assert packs["goodchip.a"] == ["ok", "good-packs 3.0", ["add"]]
    assert packs["unheard.of"][0] == "not used"


def test_a_broken_kernel_pack_is_skipped_with_one_warning(used: Any) -> None:
    about = [message for category, message in used["warnings"] if category == "RuntimeWarning"]
    broken, old = sorted(about)
    assert broken == (
        "kernel pack 'goodchip.broken' is skipped: broken-packs 0.1 failed to load: ModuleNotFoundError: "
        "No module named 'frobnicator'. "
        "Install what provides the module 'frobnicator' (pip install broken-packs gets what it declares)"
    )
    assert old.startswith("kernel pack 'goodchip.old.one' is skipped: broken-packs 0.1 was written for version 0.1 of")
    assert used["packs"]["goodchip.broken"][0] == "broken"
    assert used["packs"]["goodchip.old.one"][0] == "incompatible"


GET = """
import json, sys
from corelib.backend.registry import registry
try:
    registry.get("{name}")
    print(json.dumps(["ok", sorted(name for name in sys.modules if name.startswith(("twin_", "good_")))]))
except RuntimeError as error:
    print(json.dumps([error.status, str(error)]))
"""


@pytest.mark.parametrize(
    ("variables", "module"),
    [
        ({"CORELIB_BACKENDS_PREFER": "twin=twin-a"}, "twin_a"),
        ({"CORELIB_BACKENDS_PREFER": "cpu=corelib-cpu, twin = Twin_B"}, "twin_b"),
        ({"CORELIB_BACKENDS_BLOCK": "twin-a"}, "twin_b"),
        ({"CORELIB_BACKENDS_ALLOW": "goodchip,twin-a"}, "twin_a"),
    ],
)
def test_of_two_packages_the_environment_chooses(site: Site, variables: dict[str, str], module: str) -> None:
    assert site.ask(GET.format(name="twin"), **variables) == ["ok", [module]]


def test_a_preference_for_neither_is_still_an_error(site: Site) -> None:
    status, message = site.ask(GET.format(name="twin"), CORELIB_BACKENDS_PREFER="twin=good-chip")
    assert status == "duplicate" and "twin-a 1.2" in message and "twin-b 2.0" in message


@pytest.mark.parametrize(
    "variables",
    [
        {"CORELIB_BACKENDS_BLOCK": "goodchip"},
        {"CORELIB_BACKENDS_BLOCK": "raising, Good.Chip"},
        {"CORELIB_BACKENDS_ALLOW": "cpu,twin"},
        {"CORELIB_BACKENDS_ALLOW": "goodchip", "CORELIB_BACKENDS_BLOCK": "goodchip"},
    ],
)
def test_blocked(site: Site, variables: dict[str, str]) -> None:
    status, message = site.ask(GET.format(name="goodchip"), **variables)
    assert status == "blocked"
    assert "good-chip 1.2 (good_chip) is installed, but blocked" in message
    assert "CORELIB_BACKENDS_BLOCK" in message and "CORELIB_BACKENDS_ALLOW" in message


def test_blocked_kernel_packs_are_skipped_in_silence(site: Site) -> None:
    program = (
        "import json, warnings; warnings.simplefilter('error')\n"
        "from corelib.backend.registry import registry\n"
        "print(json.dumps(registry.owners('goodchip', 'add')))"
    )
    assert site.ask(program, CORELIB_BACKENDS_BLOCK="broken-packs,goodchip.first") == ["a", "b", "last", "goodchip"]


def test_importing_the_contract_is_light(site: Site) -> None:
    program = (
        "import json, sys, corelib.backend\n"
        "heavy = {'pluggy', 'corelib.backend.discovery', 'corelib.backend.array_module'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    assert site.ask(program) == []


# -- the command line ---------------------------------------------------------------------------


def test_devices(site: Site) -> None:
    done = site.run("-m", "corelib", "devices")
    assert done.returncode == 0 and done.stderr == ""
    header, rule, *rows = done.stdout.splitlines()
    assert header.split() == ["device", "name", "backend", "memory", "state"] and set(rule) == {"-", " "}
    cells = {row.split()[0]: re.split(r" {2,}", row) for row in rows}
    assert cells["goodchip:0"] == ["goodchip:0", "goodchip", "good-chip 1.2", "ok"]
    assert cells["absent"] == ["absent", "absent-chip 1.2", "no hardware"]
    assert cells["raising"] == ["raising", "raising-chip 1.2", "broken (corelib doctor says why)"]
    assert cells["twin"] == ["twin", "twin-a 1.2, twin-b 2.0", "duplicate (corelib doctor says why)"]
    state = header.index("state")
    assert all(row[state - 2 : state] == "  " and row[state] != " " for row in rows)


def test_doctor(site: Site) -> None:
    done = site.run("-m", "corelib", "doctor")
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.startswith(f"corelib {__version__}, contract 1.0, Python {sys.version.split()[0]}, NumPy ")
    sections = {part.partition(":")[0]: part for part in done.stdout.split("\n\n")[2:]}
    for device, (status, reason, remedy) in ERRORS.items():
        first, why, mend = sections[device].splitlines()
        assert first == f"{device}: {status}"
        assert why.startswith("  why:  ") and reason.rstrip(". ") in why
        assert mend.startswith("  mend: ") and remedy in mend
    assert "frobnicator" in sections["goodchip.broken"]
    assert "entry_points.txt cannot be read" in done.stdout
    assert "goodchip" not in sections and "Traceback" not in done.stdout


def test_doctor_shows_where_a_plugin_failed(site: Site) -> None:
    done = site.run("-m", "corelib", "doctor", "--traceback")
    assert re.search(r'  \|   File ".*raising_chip\.py", line 1, in <module>', done.stdout)


def test_doctor_is_content_where_all_is_well(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    with zipfile.ZipFile(wheel(tmp_path, "good-chip", PACKAGES["good-chip"])) as archive:
        archive.extractall(folder)
    done = Site(folder).run("-m", "corelib", "doctor", CORELIB_BACKENDS_ALLOW="goodchip")
    assert done.returncode == 0, done.stdout
    assert re.search(r"^goodchip +good-chip 1\.2 +ok$", done.stdout, re.MULTILINE)


def test_doctor_and_devices_fail_where_no_device_can_be_used(site: Site) -> None:
    for command in ("doctor", "devices"):
        done = site.run("-m", "corelib", command, CORELIB_BACKENDS_ALLOW="nobody")
        assert done.returncode == 1 and done.stderr == ""
    assert "goodchip  " in done.stdout and "blocked" in done.stdout
