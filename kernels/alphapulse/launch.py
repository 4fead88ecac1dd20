"""What the kernelspec starts: an IPython kernel that has `ap` and shows objects of the field as cards.

The kernelspec names this file by its own folder, so it works from a clone at any path. Jupyter replaces the `python` of
the kernelspec by its own interpreter.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ipykernel.kernelapp import IPKernelApp


def main() -> None:
    """Start the kernel that the connection file asks for."""
    here = str(Path(__file__).parent)
    # Last, so that no name of this folder can hide a module of the user's.
    sys.path[:] = [*(entry for entry in sys.path if entry != here), here]
    IPKernelApp.launch_instance(extra_extensions=["alphapulse_kernel"])


if __name__ == "__main__":
    main()
