"""Running PyTorch programs on corelib: see :mod:`corelib.compat.torch`."""
