"""Transforms of a signal's overlapping frames: stft and its inverse."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from . import rules
from .creation import arange, ones, zeros
from .movement import cat
from .spectral import as_complex, real_transform, to_real, transform

__all__ = ["istft", "stft"]
METHODS = ["istft", "stft"]


def _shown(x: Tensor, function: str, rest: str) -> str:
    """The call as PyTorch's messages show it."""
    sizes = ", ".join(map(str, x.shape))
    kind = {"float32": "Float", "float64": "Double", "complex64": "ComplexFloat", "complex128": "ComplexDouble"}
    return f"{function}(torch.{kind.get(x.dtype.name, rules.what(x.dtype))}Tensor[{sizes}], {rest})"


def _window(window: Tensor | None, n_fft: int, win_length: int, like: Tensor) -> Tensor:
    """The window, in the middle of n_fft zeros."""
    if window is None:
        window = ones(win_length, dtype=like.dtype.to_real(), device=like.device)
    if win_length == n_fft:
        return window
    left = (n_fft - win_length) // 2
    before = zeros(left, dtype=window.dtype, device=window.device)
    after = zeros(n_fft - win_length - left, dtype=window.dtype, device=window.device)
    return cat([before, window, after], 0)


def _padded(x: Tensor, amount: int, mode: str) -> Tensor:
    """Both ends of the last dimension of [batch, time] made longer."""
    n = x.shape[-1]
    if mode == "reflect":
        if amount >= n:
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
                f"({amount}, {amount}) at dimension 2 of input [1, {', '.join(map(str, x.shape))}]"
            )
        left, right = x[..., 1 : amount + 1].flip(-1), x[..., n - 1 - amount : n - 1].flip(-1)
    elif mode == "constant":
        left = right = zeros((*x.shape[:-1], amount), dtype=x.dtype, device=x.device)
    elif mode == "replicate":
        left, right = (end.expand((*x.shape[:-1], amount)) for end in (x[..., :1], x[..., -1:]))
    elif mode == "circular":
        left, right = x[..., n - amount :], x[..., :amount]
    else:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    return cat([left, x, right], -1)


def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
) -> Tensor:
    """The transforms of a signal's frames, [..., frequencies, frames], of frames that are ``hop_length`` apart.

    Args:
        input: [time] or [batch, time], real or complex.
        n_fft: length of a frame (and of the transform).
        hop_length: n_fft // 4 by default.
        win_length: length of the window, which stands in the middle of the frame; n_fft by default.
        window: ones by default.
        center: whether frame t is centered at t * hop_length, the signal padded at both ends by ``pad_mode``.
        normalized: whether to divide by the root of n_fft.
        onesided: whether to keep only n_fft // 2 + 1 frequencies; by default where input and window are real.
        return_complex: must be given for a real input; where false, real and imaginary part are a last dimension of 2.
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    if return_complex is None:
        if not (input.dtype.is_complex or (window is not None and window.dtype.is_complex)):
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further require that "
                "return_complex=True in a future PyTorch release."
            )
        return_complex = True
    x = input if input.ndim > 1 else input.unsqueeze(0)
    if center and input.ndim:
        x = _padded(x, n_fft // 2, pad_mode)
    shape = "None" if window is None else f"torch.{rules.what(window.dtype)}Tensor{{[{window.shape[0]}]}}"
    one = {None: "None", True: "1", False: "0"}
    call = _shown(
        x if input.ndim > 1 else x.squeeze(0),
        "stft",
        f"n_fft={n_fft}, hop_length={hop}, win_length={length}, window={shape}, normalized={int(normalized)}, "
        f"onesided={one[onesided]}, return_complex={int(return_complex)}, align_to_window=None) ",
    ).removesuffix(")")
    if input.dtype.category < 2:
        raise RuntimeError(f"{call}: expected a tensor of floating point or complex values")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"{call}: expected a 1D or 2D tensor")
    n = x.shape[-1]
    if n_fft <= 0 or n_fft > n:
        raise RuntimeError(f"{call}: expected 0 < n_fft < {n}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{call}: expected hop_length > 0, but got hop_length={hop}")
    if length <= 0 or length > n_fft:
        raise RuntimeError(f"{call}: expected 0 < win_length <= n_fft, but got win_length={length}")
    if window is not None and (window.ndim != 1 or window.shape[0] != length):
        raise RuntimeError(
            f"{call}: expected a 1D window tensor of size equal to win_length={length}, but got window with size "
            f"{list(window.shape)}"
        )
    frames = x.unfold(-1, n_fft, hop) * _window(window, n_fft, length, x)
    real = not frames.dtype.is_complex
    half = real if onesided is None else onesided
    if half and not real:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    norm = "ortho" if normalized else None
    result = real_transform(frames, None, -1, norm, False, "rfft") if half else transform(frames, None, -1, norm, False)
    result = result.transpose(-1, -2)
    result = result if input.ndim == 2 else result.squeeze(0)
    if return_complex:
        return result
    from .bitcast import view_as_real

    return view_as_real(result)


def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal whose :func:`stft` is nearest to ``input``, [..., frequencies, frames]: frames are overlapped and
    added, and divided by the windows' squares, which must be nowhere zero."""
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    if not input.dtype.is_complex:
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    x = input if input.ndim == 3 else input.unsqueeze(0)
    half = x.shape[1] != n_fft if onesided is None else onesided
    if not 0 < hop <= win:
        raise RuntimeError("istft : expected 0 < hop_length <= win_length")
    if not 0 < win <= n_fft:
        raise RuntimeError("istft : expected 0 < win_length <= n_fft")
    expected = n_fft // 2 + 1 if half else n_fft
    if x.shape[1] != expected:
        raise RuntimeError(
            "istft : expected the frequency dimension (3rd to the last) of the input tensor to match "
            f"{'n_fft / 2 + 1 when onesided=True' if half else 'n_fft when onesided=False'}, but got {x.shape[1]}"
        )
    norm = "ortho" if normalized else None
    turned = x.transpose(1, 2)
    if return_complex:
        frames = transform(as_complex(turned), None, -1, norm, True)
    else:
        frames = to_real(turned[..., : n_fft // 2 + 1], n_fft, -1, norm, True)
    shape = _window(window, n_fft, win, x)
    signal = _overlapped(frames * shape, hop)
    weight = _overlapped((shape * shape).expand((1, frames.shape[1], n_fft)), hop)
    start = n_fft // 2 if center else 0
    whole = signal.shape[-1]
    end = start + length if length is not None else (whole - n_fft // 2 if center else whole)
    stop = min(end, whole)
    signal, weight = signal[..., start:stop], weight[..., start:stop]
    smallest = weight.abs().amin() if weight.numel() else weight.new_ones(())
    if not bool(smallest > 1e-11):
        raise RuntimeError("istft : window overlap add min: 1")
    result = signal / weight
    if end > whole:
        missing = zeros((*result.shape[:-1], end - whole), dtype=result.dtype, device=result.device)
        result = cat([result, missing], -1)
    return result if input.ndim == 3 else result.squeeze(0)


def _overlapped(frames: Tensor, hop: int) -> Tensor:
    """[batch, frames, n] -> [batch, n + (frames - 1) * hop], the sum of the frames in their places."""
    batch, count, n = frames.shape
    size = n + (count - 1) * hop
    at = arange(count, device=frames.device).unsqueeze(1) * hop + arange(n, device=frames.device)
    flat: Any = zeros((batch, size), dtype=frames.dtype, device=frames.device)
    added: Tensor = flat.index_add(1, at.reshape(-1), frames.reshape((batch, count * n)))
    return added
