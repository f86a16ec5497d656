"""PyTorch's kernels that refuse dtypes where the composites of ``corelib.ops`` would not.

A line: the categories that are accepted, of b(ool), i(nteger), f(loating), c(omplex); the kernel, as messages name it
(``*``: the function's name and ``_cpu``); the functions.
"""

_TABLE = """
bif * aminmax special_chebyshev_polynomial_t special_chebyshev_polynomial_u special_chebyshev_polynomial_v
bif * special_chebyshev_polynomial_w special_entr special_hermite_polynomial_h special_hermite_polynomial_he
bif * special_laguerre_polynomial_l special_legendre_polynomial_p special_shifted_chebyshev_polynomial_t
bif * special_shifted_chebyshev_polynomial_u special_shifted_chebyshev_polynomial_v
bif * special_shifted_chebyshev_polynomial_w special_spherical_bessel_j0 special_zeta
bif arange_cpu mvlgamma special_multigammaln
bif erf_vml_cpu special_ndtr
bif le_cpu poisson_nll_loss
bif maximum_cpu clamp_min
bif minimum_cpu clamp_max
bif unique unique unique_consecutive
f * ctc_loss glu prelu softplus
f GroupNormKernelImpl group_norm
f LayerNormKernelImpl layer_norm
f batch_norm instance_norm
f binary_cross_entropy binary_cross_entropy
f grid_sampler_2d_cpu_kernel_impl grid_sample
f histogramdd histogram
f huber_cpu huber_loss
f log_sigmoid_cpu binary_cross_entropy_with_logits logsigmoid multilabel_soft_margin_loss
f max_unpool2d max_unpool1d max_unpool2d
f max_unpool3d max_unpool3d
f mse_cpu mse_loss
f multi_margin_loss_cpu_kernel multi_margin_loss
f multilabel_margin_loss_forward_out_frame multilabel_margin_loss
f nll_loss_out_frame nll_loss
f smooth_l1_cpu smooth_l1_loss
f softshrink_check softshrink
fc * cholesky_solve geqrf silu triangular_solve
fc cholesky_inverse_out_cpu cholesky_inverse
fc orgqr_cpu linalg_householder_product
fc rms_norm rms_norm
fc triangular_solve_cpu linalg_solve_triangular
if * kthvalue
if avg_pool2d avg_pool1d avg_pool2d local_response_norm
if avg_pool3d_out_frame avg_pool3d
if compute_indices_weights_linear interpolate
if compute_indices_weights_nearest upsample_nearest
if histogram_cpu histc
if max_pool2d max_pool1d max_pool2d
if max_pool3d max_pool3d
if median_out median nanmedian
if searchsorted_out_cpu bucketize
if upsample_bilinear2d_channels_last upsample_bilinear
ifc addcmul_cpu_out addcmul
ifc addmm_impl_cpu_ addbmm bmm
ifc addmv_impl_cpu addmv mv
ifc baddbmm baddbmm
ifc ceil_vml_cpu ceil
ifc cross cross
ifc dot dot vdot
ifc slow_conv2d_cpu conv2d
ifc slow_conv_transpose2d_out_cpu conv_transpose1d conv_transpose2d
ifc slow_conv_transpose3d_out_cpu conv_transpose3d
ifc trace trace
ifc trunc_vml_cpu trunc
"""


def _read() -> dict[str, tuple[frozenset[int], str]]:
    found = {}
    for line in _TABLE.split("\n")[1:-1]:
        accepted, kernel, *names = line.split()
        for name in names:
            own = f"{name.removeprefix('special_')}_cpu" if kernel == "*" else kernel
            found[name] = (frozenset("bifc".index(c) for c in accepted), own)
    return found


KERNELS = _read()
"""By function: the categories of dtypes that PyTorch accepts, and its kernel's name."""
