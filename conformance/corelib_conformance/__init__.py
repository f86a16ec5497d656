"""What keeps backends honest: the conformance suite, and the two testing devices ``strict`` and ``null``.

Importing this package imports neither corelib nor NumPy.
"""

__version__ = "0.1.0"
