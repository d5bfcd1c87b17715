"""A randomised crash campaign: kernels that are killed, servers that misbehave, and the truth from the ledger."""

from __future__ import annotations

import os

# NumPy starts threads of its own when it is imported, and no thread may be there when a process forks.
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
