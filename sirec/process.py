"""How threads and memory of a process behave that trains; imported before torch, since both are
read as it loads.

Threads that wait for work by spinning make two trainings on two cores twenty times slower than one
after the other, and a busy machine is the rule; threads that sleep at once make a lone training
half slower. So they spin for some microseconds. Measured for a SASRec step on two cores. Alone:
spinning for good 60 ms, a spin count of 3,000 62, sleeping at once 91. Beside another process:
libgomp's default over 3,000, a spin count of 2,000 about 160, sleeping 111. A value of the user's
stays.

Gradients and logits of megabytes are memory that the system hands out anew at every step, cleared,
page by page. In large pages that costs a tenth to a quarter of a step less, and two thirds at a
million items. Only Linux knows them. And what is freed is kept for the next step, where the C
library can be told so: another 5 to 8 % of a step, for 1 to 10 % of memory.
"""

import ctypes
import os
import sys

GLIBC_TRIM, GLIBC_TOP, GLIBC_MAP = (
    -1,
    -2,
    -3,
)  # `mallopt`: return, ask for, and map apart only more than so many bytes


def _keep_freed_memory() -> None:
    """As far as glibc can be told: old ones map no more than 32 MB within their heap. What a person
    has set stays.
    """
    is_set = any(
        name.startswith("MALLOC_") for name in os.environ
    ) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if sys.platform != "linux" or is_set:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None and any(mallopt(GLIBC_MAP, size) for size in (1 << 30, 1 << 25)):
        mallopt(GLIBC_TRIM, (1 << 31) - 1)
        mallopt(GLIBC_TOP, 1 << 28)


if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
_keep_freed_memory()
