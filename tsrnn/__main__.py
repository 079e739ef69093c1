"""``python -m tsrnn`` is the command ``tsrnn``."""

from tsrnn.cli import main

if __name__ == "__main__":
    main()
