"""The command line; one thin file a command.

Threads that wait for work by spinning make two trainings on two cores twenty times slower than one after the other, and a
busy machine is the rule; threads that sleep at once make a lone training half slower. So they spin for some microseconds.
Measured for a SASRec step on two cores. Alone: spinning for good 60 ms, a spin count of 3,000 62, sleeping at once 91.
Beside another process: libgomp's default over 3,000, a spin count of 2,000 about 160, sleeping 111.
It must be set before torch loads its OpenMP; a value of the user's stays.

Gradients and logits of megabytes are memory that the system hands out anew at every step, cleared, page by page. In large
pages that costs a tenth to a quarter of a step less, and two thirds at a million items. Only Linux knows them.
"""

import os

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
