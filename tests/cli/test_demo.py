"""The demo, through real processes: what it leaves, what it promises of interruption and of accuracy."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ACCURACY = re.compile(r"test accuracy: (\d+\.\d) %")


def demo(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "corelib", "demo", *options],
        capture_output=True, text=True, cwd=folder, timeout=180,
    )  # fmt: skip


def python(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments], capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def weights(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


RECOMPUTE = """
import sys
import numpy as np
from safetensors.numpy import load_file
import corelib
from corelib.cli.demo.data import load_digits
from corelib.cli.demo.model import DigitsNet

digits, model = load_digits(), DigitsNet()
model.load_state_dict({name: corelib.from_numpy(array) for name, array in load_file(sys.argv[1]).items()})
model.eval()
with corelib.no_grad():
    answers = model(corelib.from_numpy(digits.test_images).unsqueeze(1)).argmax(1).numpy()
print(f"{(answers == digits.test_labels).mean():.1%}")
"""


@pytest.mark.parametrize("seed", range(5))
def test_reaches_97_percent_and_leaves_its_results(seed: int, tmp_path: Path) -> None:
    done = demo(tmp_path, "--seed", str(seed))
    assert done.returncode == 0, done.stderr
    said = ACCURACY.fullmatch(done.stdout.splitlines()[-1])
    assert said is not None, done.stdout
    assert float(said[1]) >= 97.0

    folder = tmp_path / "runs" / f"digits-seed{seed}"
    assert sorted(path.name for path in folder.iterdir()) == ["metrics.json", "result.png", "weights.safetensors"]
    assert (folder / "result.png").read_bytes().startswith(b"\x89PNG")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert [record["epoch"] for record in metrics["history"]] == list(range(1, 21))
    assert metrics["history"][-1]["test_accuracy"] == metrics["test_accuracy"]
    assert sum(map(sum, metrics["confusion"])) == 364

    recomputed = python(RECOMPUTE, str(folder / "weights.safetensors"))
    assert recomputed.strip() == f"{said[1]}%"


SHUFFLED = """
from dataclasses import replace
import numpy as np
from corelib.cli.demo.data import load_digits
from corelib.cli.demo.training import Trainer

class Silent:
    def batch(self, trainer, samples_per_second): pass
    def epoch(self, trainer, record): pass

digits = load_digits()
labels = np.random.default_rng(0).permutation(digits.train_labels)
trainer = Trainer(replace(digits, train_labels=labels), device="cpu", epochs=5, seed=0)
assert trainer.fit(Silent(), lambda: False)
print(trainer.history[-1]["test_accuracy"])
"""


def test_nothing_is_learned_from_shuffled_labels() -> None:
    assert float(python(SHUFFLED)) < 0.2


def test_one_seed_gives_the_same_weights_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert demo(tmp_path, "--epochs", "1", "--seed", seed, "--out", name).returncode == 0
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


INTERRUPTED = """
import os, signal, sys
from corelib.cli import main
from corelib.cli.demo.training import Trainer

def step(trainer, real=Trainer._step):
    if (trainer.epoch, trainer.position) == (1, 20):
        os.kill(os.getpid(), signal.SIGINT)
    return real(trainer)

Trainer._step = step
sys.exit(main(["demo", "--epochs", "3", "--out", "parts"]))
"""


def test_interrupted_in_mid_epoch_and_resumed_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    assert demo(tmp_path, "--epochs", "3", "--out", "whole").returncode == 0

    stopped = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, cwd=tmp_path, timeout=180
    )
    assert stopped.returncode == 130, stopped.stderr
    assert "interrupted in epoch 2 of 3, batch 21 of 45" in stopped.stdout
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["checkpoint.safetensors"]

    resumed = demo(tmp_path, "--resume", "parts")
    assert resumed.returncode == 0, resumed.stderr
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert not (tmp_path / "parts" / "checkpoint.safetensors").exists()
    histories = [json.loads((tmp_path / name / "metrics.json").read_text())["history"] for name in ("whole", "parts")]
    whole, parts = [[{**record, "seconds": 0.0} for record in history] for history in histories]
    assert whole == parts


def test_ctrl_c_saves_a_checkpoint_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "corelib", "demo", "--out", "stopped"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch   1/20"):
            process.send_signal(signal.SIGINT)
            break
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert output.endswith("go on with: python -m corelib demo --resume stopped\n")
    assert (tmp_path / "stopped" / "checkpoint.safetensors").exists()

    another = demo(tmp_path, "--resume", "stopped", "--seed", "7")
    assert another.returncode == 1
    assert another.stderr == "corelib demo: the interrupted run had --seed 0, not 7: leave the option out\n"


def test_resuming_where_nothing_was_interrupted_is_an_error(tmp_path: Path) -> None:
    done = demo(tmp_path, "--resume", "nowhere")
    assert done.returncode == 1
    assert done.stderr == f"corelib demo: nothing to resume: there is no {Path('nowhere', 'checkpoint.safetensors')}\n"


@pytest.mark.parametrize("device", ["no_such_device", "not a device"])
def test_a_device_that_is_not_there_is_an_error_without_a_traceback(device: str, tmp_path: Path) -> None:
    done = demo(tmp_path, "--device", device)
    assert done.returncode == 1
    assert done.stderr.startswith("corelib demo: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_number_of_epochs_below_one_is_refused(tmp_path: Path) -> None:
    done = demo(tmp_path, "--epochs", "0")
    assert done.returncode == 2
    assert "0 is not a positive number" in done.stderr


def test_without_its_extras_it_names_the_command_that_installs_them(tmp_path: Path) -> None:
    # The finder hides rich and sklearn from this process, as if they were not installed.
    program = """
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in ("rich", "sklearn") else real(name, package)
from corelib.cli import main
sys.exit(main(["demo"]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 1
    assert done.stderr == 'corelib demo needs rich, sklearn: pip install "corelib[demo]"\n'
    assert os.listdir(tmp_path) == []
