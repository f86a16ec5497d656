"""The suite is tested by mutants: backends with one planted fault each, every one of which some check must find.

``python -m corelib_conformance.mutants`` puts them to it.
"""
