"""Code generation: loop programs rendered in one C family, for every device that has a C-like compiler.

* :mod:`scalar`: what is computed for one element.
* :mod:`lowering`: how a primitive is said as a loop program; the table that definitions fill.
* :mod:`geometry`: loops collapsed.
* :mod:`elementwise`, :mod:`reduction`, :mod:`rowwise`, :mod:`lines`, :mod:`update`: kernels made of a definition's
  expressions, by kind of loop.
* :mod:`templates`, :mod:`convolution`, :mod:`pooling`, :mod:`tables`: those written by hand.
* :mod:`family`, :mod:`writer`: the C family's types, functions and statements.
* :mod:`dialect`, :mod:`dialects`: what makes C, OpenCL C or CUDA C of it.
"""
