"""``import torch`` means corelib, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
import torch
import torch.backends.cudnn as cudnn
import torch.nn as nn
import torch.nn.functional as F
import torch.optim
from torch import Tensor
from torch.autograd import Variable
from torch.cuda.amp import GradScaler
from torch.optim.lr_scheduler import StepLR
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

cudnn.benchmark = True
assert torch.backends.cudnn.benchmark
torch.backends.cudnn.deterministic = True
assert torch.backends.cuda.matmul.allow_tf32 is False
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
data = TensorDataset(torch.randn(16, 4), torch.randint(0, 2, (16,)))
for x, y in DataLoader(data, batch_size=8):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(Variable(x)), y)
    loss.backward()
    optimizer.step()
x = torch.FloatTensor([1, 2, 3])
assert isinstance(x, torch.FloatTensor) and not isinstance(x, torch.LongTensor) and isinstance(x, Tensor)
assert torch.LongTensor(2, 3).shape == (2, 3)
print(sys.argv[1:], type(x).__module__, __name__)
"""


def _run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "corelib.compat.torch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=path, timeout=120)


def test_a_program_runs_unchanged(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import torch\nvalue = torch.ones(1)\n")
    (tmp_path / "script.py").write_text("import helper\n" + PROGRAM)
    done = _run(tmp_path, "script.py", "--epochs", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['--epochs', '3'] corelib.core.tensor __main__"


SPAWNING = """
import torch
from torch.utils.data import DataLoader, Dataset


class Squares(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, i):
        return torch.tensor(i * i)


def seen(worker):
    assert torch.__name__ == "torch" and torch.Tensor.__module__.startswith("corelib"), torch


if __name__ == "__main__":
    loader = DataLoader(Squares(), 2, num_workers=2, multiprocessing_context="spawn", worker_init_fn=seen)
    print([x.tolist() for x in loader])
"""


def test_spawned_workers_have_the_alias(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(SPAWNING)
    done = _run(tmp_path, "program.py")
    assert done.stdout == "[[0, 1], [4, 9], [16, 25]]\n", done.stderr


def test_a_module_runs_unchanged(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    done = _run(tmp_path, "-m", "program", "a")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("['a'] corelib.core.tensor")


def test_what_is_absent_is_named_with_what_the_coverage_page_says(tmp_path: Path) -> None:
    (tmp_path / "name.py").write_text("import torch\ntorch.quantize_per_tensor\n")
    done = _run(tmp_path, "name.py")
    assert done.returncode == 1
    assert (
        "AttributeError: torch.quantize_per_tensor is not in corelib: docs/coverage.md lists it under never"
        in done.stderr
    )
    (tmp_path / "module.py").write_text("import torch.distributed.fsdp\n")
    done = _run(tmp_path, "module.py")
    assert done.returncode == 1
    assert "ModuleNotFoundError: torch.distributed" in done.stderr


def test_the_same_modules_under_both_names() -> None:
    program = (
        "import corelib, corelib.compat.torch as alias\n"
        "alias.install(); alias.install()\n"
        "import torch, torch.nn.functional as F\n"
        "assert F is corelib.nn.functional and torch.nn is corelib.nn and torch.add is corelib.add\n"
        "assert torch.nn.__spec__.name == 'corelib.nn'\n"
        "assert hasattr(torch, 'relu') and not hasattr(torch, 'nothing_of_that_name')\n"
        "from torch.distributions.normal import Normal\n"
        "from torch.distributions.relaxed_bernoulli import LogitRelaxedBernoulli\n"
        "from torch.distributions.utils import broadcast_all\n"
        "assert Normal is corelib.distributions.Normal and torch.distributions is corelib.distributions\n"
        "assert torch.distributions.__spec__.name == 'corelib.distributions'\n"
        "alias.uninstall()\n"
        "import sys; assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_it_refuses_where_another_torch_is_loaded() -> None:
    program = (
        "import sys, types; sys.modules['torch'] = types.ModuleType('torch')\n"
        "import corelib.compat.torch as alias\n"
        "alias.install()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "RuntimeError: PyTorch has been imported already" in done.stderr


def test_no_program_is_a_usage_error(tmp_path: Path) -> None:
    done = _run(tmp_path)
    assert done.returncode == 2
    assert "script.py" in done.stdout
