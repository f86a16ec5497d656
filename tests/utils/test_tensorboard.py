"""What the writer writes, tensorboard's own reader reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import corelib

pytest.importorskip("tensorboard")

pytestmark = pytest.mark.filterwarnings("ignore")  # of tensorboard's own imports


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from corelib.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path / "run") as writer:
        assert writer.get_logdir() == str(tmp_path / "run")
        for step in range(3):
            writer.add_scalar("loss", corelib.tensor(step * 0.5), step)
        writer.add_scalars("both", {"a": 1.0, "b": 2.0}, 7)
        writer.add_histogram("weights", corelib.arange(10.0, requires_grad=True), 1)
        writer.add_image("image", corelib.rand(3, 4, 5), 2)
        writer.add_text("note", "hello", 0)
        with pytest.raises(ValueError, match="no element"):
            writer.add_histogram("nothing", corelib.ones(0))
    read = EventAccumulator(str(tmp_path / "run"))
    read.Reload()
    assert [(e.step, e.value) for e in read.Scalars("loss")] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert read.Scalars("both/b")[0].value == 2.0
    histogram = read.Histograms("weights")[0].histogram_value
    assert (histogram.num, histogram.min, histogram.max) == (10, 0, 9)
    assert (read.Images("image")[0].height, read.Images("image")[0].width) == (4, 5)
    assert b"hello" in np.asarray(read.Tensors("note/text_summary")[0].tensor_proto.string_val)[0]
