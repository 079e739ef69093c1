from __future__ import annotations

import os

# Read by scipy when it is imported first; without it scikit-learn leaves out one of its checks.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
