"""``python -m corelib``: the command line without the script on the path."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
