"""How refusals still differ from PyTorch's, by what was wrong; to be mended, not added to.

``taken``: corelib computes what PyTorch refuses; ``type``: another exception (another check comes first);
``text``: the same exception in other words.
"""

EXCEPTIONS: dict[str, dict[str, str]] = {
    "type": {
        "taken": (
            "diff linspace new_empty new_empty_strided new_full new_ones new_zeros nn.functional.alpha_dropout "
            "nn.functional.dropout nn.functional.feature_alpha_dropout resolve_conj resolve_neg"
        ),
        "type": (
            "cdouble cfloat div einsum expand_as item linalg.pinv linspace narrow nn.functional.ctc_loss "
            "reshape_as resize_as_ t tensor_split view_as"
        ),
        "text": ("conj conj_physical polygamma special.polygamma split"),
    },
    "dim": {
        "type": ("gather narrow_copy"),
    },
    "dtype": {
        "taken": (
            "bernoulli cdist clamp clip cross cumulative_trapezoid dist div divide group_norm index_add "
            "index_reduce isin linalg.cross linalg.householder_product linalg.vander linalg.vecdot linspace "
            "logspace mvlgamma nanmean nn.functional.batch_norm nn.functional.binary_cross_entropy "
            "nn.functional.cosine_similarity nn.functional.group_norm nn.functional.hinge_embedding_loss "
            "nn.functional.interpolate nn.functional.kl_div nn.functional.max_unpool1d nn.functional.max_unpool2d "
            "nn.functional.max_unpool3d nn.functional.mse_loss nn.functional.multi_margin_loss nn.functional.pad "
            "nn.functional.poisson_nll_loss nn.functional.soft_margin_loss nn.functional.tanhshrink "
            "nn.functional.unfold nn.functional.upsample_bilinear nn.functional.upsample_nearest normal orgqr "
            "randint_like renorm round special.multigammaln special.round special.zeta tensor_split topk "
            "trapezoid trapz"
        ),
        "type": (
            "cholesky einsum index_copy mode nn.functional.batch_norm nn.functional.embedding_bag "
            "nn.functional.linear_cross_entropy nn.functional.triplet_margin_with_distance_loss normal "
            "pca_lowrank stft svd_lowrank tensor_split"
        ),
        "text": (
            "addbmm addmm addmv aminmax baddbmm bernoulli bmm bucketize ceil cholesky_solve clamp clamp_max "
            "clamp_min clip conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d div divide "
            "dot fix histc histogram histogramdd index_reduce inner linalg.householder_product linalg.matmul "
            "linalg.matrix_rank linalg.multi_dot linalg.pinv logdet matmul max median min mv nanmedian "
            "nanquantile nansum narrow nn.functional.bilinear nn.functional.conv1d nn.functional.conv2d "
            "nn.functional.conv3d nn.functional.conv_transpose1d nn.functional.conv_transpose2d "
            "nn.functional.conv_transpose3d nn.functional.embedding nn.functional.embedding_bag "
            "nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d "
            "nn.functional.gaussian_nll_loss nn.functional.grid_sample nn.functional.hardtanh "
            "nn.functional.huber_loss nn.functional.interpolate nn.functional.linear "
            "nn.functional.linear_cross_entropy nn.functional.margin_ranking_loss nn.functional.max_unpool1d "
            "nn.functional.max_unpool2d nn.functional.max_unpool3d nn.functional.multi_head_attention_forward "
            "nn.functional.multi_margin_loss nn.functional.multilabel_margin_loss nn.functional.poisson_nll_loss "
            "nn.functional.relu6 nn.functional.soft_margin_loss nn.functional.upsample_nearest norm orgqr "
            "polygamma rand_like randn_like renorm round scatter_reduce special.chebyshev_polynomial_t "
            "special.chebyshev_polynomial_u special.chebyshev_polynomial_v special.chebyshev_polynomial_w "
            "special.hermite_polynomial_h special.hermite_polynomial_he special.laguerre_polynomial_l "
            "special.legendre_polynomial_p special.modified_bessel_i0 special.modified_bessel_i1 "
            "special.polygamma special.round special.shifted_chebyshev_polynomial_t "
            "special.shifted_chebyshev_polynomial_u special.shifted_chebyshev_polynomial_v "
            "special.shifted_chebyshev_polynomial_w std_mean tensordot triangular_solve trunc unique var_mean "
            "vdot where"
        ),
    },
    "shape": {
        "taken": (
            "arctan2 diff fft.fftshift fft.ifftshift flatten index_add index_put index_reduce "
            "linalg.householder_product linalg.lstsq linalg.pinv linalg.tensorinv linspace logspace narrow "
            "nn.functional.instance_norm nn.functional.max_pool1d nn.functional.max_pool3d "
            "nn.functional.multi_margin_loss nn.functional.soft_margin_loss norm orgqr searchsorted"
        ),
        "type": (
            "H addbmm baddbmm cholesky conv_transpose1d conv_transpose2d conv_transpose3d einsum hsplit index_add "
            "index_copy index_fill index_put index_reduce istft linalg.cholesky linalg.cholesky_ex mH mT maximum "
            "minimum mv narrow_copy nn.functional.avg_pool2d nn.functional.batch_norm "
            "nn.functional.conv_transpose1d nn.functional.conv_transpose2d nn.functional.conv_transpose3d "
            "nn.functional.cross_entropy nn.functional.ctc_loss nn.functional.embedding_bag "
            "nn.functional.grid_sample nn.functional.linear_cross_entropy nn.functional.max_unpool1d "
            "nn.functional.max_unpool2d nn.functional.max_unpool3d nn.functional.nll_loss nn.functional.rms_norm "
            "nn.functional.unfold pca_lowrank rms_norm scatter scatter_add scatter_reduce stack stft svd_lowrank "
            "take_along_dim tensor_split tensordot triangular_solve unflatten vsplit"
        ),
        "text": (
            "addbmm addcdiv addcmul addmm addmv addr adjoint aminmax baddbmm cat clamp clamp_max clip concat "
            "concatenate conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d cross "
            "cumulative_trapezoid dot empty_permuted gather ge geqrf gradient greater greater_equal group_norm gt "
            "histogram index_add index_copy index_put index_reduce index_select istft lerp "
            "linalg.ldl_factor "
            "linalg.householder_product linalg.lstsq linalg.matmul linalg.multi_dot linalg.pinv linalg.tensorinv "
            "linalg.tensorsolve linspace logspace masked_scatter masked_select matmul mean meshgrid multinomial "
            "nanquantile narrow narrow_copy nn.functional.adaptive_avg_pool1d nn.functional.adaptive_avg_pool2d "
            "nn.functional.adaptive_avg_pool3d nn.functional.adaptive_max_pool1d "
            "nn.functional.adaptive_max_pool2d nn.functional.adaptive_max_pool3d nn.functional.avg_pool1d "
            "nn.functional.avg_pool2d nn.functional.avg_pool3d nn.functional.bilinear nn.functional.conv1d "
            "nn.functional.conv2d nn.functional.conv3d nn.functional.conv_transpose1d "
            "nn.functional.conv_transpose2d nn.functional.conv_transpose3d nn.functional.cross_entropy "
            "nn.functional.ctc_loss nn.functional.embedding nn.functional.embedding_bag "
            "nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d nn.functional.grid_sample "
            "nn.functional.group_norm nn.functional.instance_norm nn.functional.interpolate nn.functional.linear "
            "nn.functional.linear_cross_entropy nn.functional.local_response_norm nn.functional.max_pool1d "
            "nn.functional.max_pool2d nn.functional.max_pool3d nn.functional.max_unpool1d "
            "nn.functional.max_unpool3d nn.functional.multi_margin_loss nn.functional.multilabel_margin_loss "
            "nn.functional.multilabel_soft_margin_loss nn.functional.nll_loss nn.functional.prelu "
            "nn.functional.soft_margin_loss nn.functional.upsample_bilinear nn.functional.upsample_nearest normal "
            "orgqr scatter_reduce searchsorted slice_scatter special.chebyshev_polynomial_t "
            "special.chebyshev_polynomial_u special.chebyshev_polynomial_v special.chebyshev_polynomial_w "
            "special.hermite_polynomial_h special.hermite_polynomial_he special.laguerre_polynomial_l "
            "special.legendre_polynomial_p special.shifted_chebyshev_polynomial_t "
            "special.shifted_chebyshev_polynomial_u special.shifted_chebyshev_polynomial_v "
            "special.shifted_chebyshev_polynomial_w special.zeta stft svd take_along_dim tensordot trapezoid "
            "trapz triangular_solve unbind unbind_copy unique vdot view_as_complex where"
        ),
    },
}
