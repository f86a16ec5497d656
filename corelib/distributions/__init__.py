"""Probability distributions: ``torch.distributions``' densities, sampling, entropies and divergences."""

from .continuous import Cauchy, Exponential, Gumbel, HalfNormal, Laplace, LogNormal, Normal, Uniform
from .discrete import Bernoulli, Categorical, Geometric, OneHotCategorical
from .distribution import Distribution
from .independent import Independent
from .kl import kl_divergence, register_kl

__all__ = [
    "Bernoulli", "Categorical", "Cauchy", "Distribution", "Exponential", "Geometric", "Gumbel", "HalfNormal",
    "Independent", "Laplace", "LogNormal", "Normal", "OneHotCategorical", "Uniform", "kl_divergence", "register_kl",
]  # fmt: skip
