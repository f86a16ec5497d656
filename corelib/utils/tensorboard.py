"""``torch.utils.tensorboard``: the writer of the tensorboard package, given corelib's tensors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

try:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
except ImportError as error:
    raise ImportError("corelib.utils.tensorboard needs the extra: pip install 'corelib[tensorboard]'") from error

from ..tensor import Tensor

__all__ = ["SummaryWriter"]


def _array(values: Any) -> np.ndarray[Any, Any]:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


class SummaryWriter:
    """Writes scalars, histograms, images and texts for TensorBoard into ``log_dir`` (default: runs/<time>)."""

    def __init__(
        self,
        log_dir: str | Path | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        if log_dir is None:
            log_dir = Path("runs") / (time.strftime("%b%d_%H-%M-%S") + comment)
        self.log_dir = str(log_dir)
        self._writer = EventFileWriter(self.log_dir, max_queue, flush_secs, filename_suffix)

    def get_logdir(self) -> str:
        """The folder that is written to."""
        return self.log_dir

    def _add(self, value: Any, global_step: int | None, walltime: float | None) -> None:
        event = Event(wall_time=time.time() if walltime is None else walltime, summary=Summary(value=[value]))
        if global_step is not None:
            event.step = int(global_step)
        self._writer.add_event(event)

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """One number."""
        self._add(Summary.Value(tag=tag, simple_value=float(_array(scalar_value))), global_step, walltime)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: dict[str, Any], global_step: int | None = None, walltime: Any = None
    ) -> None:
        """Several numbers, each under ``main_tag/<its name>``."""
        for tag, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{tag}", value, global_step, walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = 64,
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """The distribution of values; ``bins`` as in ``numpy.histogram``."""
        x = _array(values).astype(np.float64).ravel()
        if x.size == 0:
            raise ValueError("The input has no element.")
        counts, edges = np.histogram(x, bins=64 if bins == "tensorflow" else bins)
        histogram = HistogramProto(
            min=x.min(), max=x.max(), num=x.size, sum=x.sum(), sum_squares=float((x * x).sum()),
            bucket_limit=edges[1:].tolist(), bucket=counts.tolist(),
        )  # fmt: skip
        self._add(Summary.Value(tag=tag, histo=histogram), global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """An image, of uint8 or of floats in [0, 1] (needs Pillow)."""
        from io import BytesIO

        from PIL import Image

        x = _array(img_tensor)
        if x.dtype != np.uint8:
            x = (np.clip(x, 0, 1) * 255).astype(np.uint8)
        formats = dataformats.upper()
        if "C" in formats:
            x = np.transpose(x, list(map(formats.index, "HWC")))
            x = x[:, :, 0] if x.shape[2] == 1 else x
        stream = BytesIO()
        Image.fromarray(x).save(stream, "PNG")
        image = Summary.Image(
            height=x.shape[0], width=x.shape[1], colorspace=x.shape[2] if x.ndim == 3 else 1,
            encoded_image_string=stream.getvalue(),
        )  # fmt: skip
        self._add(Summary.Value(tag=tag, image=image), global_step, walltime)

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """A text (Markdown)."""
        from tensorboard.compat.proto.summary_pb2 import SummaryMetadata

        plugin = SummaryMetadata.PluginData(plugin_name="text")
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype="DT_STRING", string_val=[text_string.encode()], tensor_shape=shape)
        metadata = SummaryMetadata(plugin_data=plugin)
        self._add(Summary.Value(tag=tag + "/text_summary", metadata=metadata, tensor=tensor), global_step, walltime)

    def flush(self) -> None:
        """Write what waits to the file."""
        self._writer.flush()

    def close(self) -> None:
        """Write what waits and close the file."""
        self._writer.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
