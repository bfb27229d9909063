"""The command line; one thin file a command.

Threads that wait by spinning make two trainings on two cores twenty times slower than one after the other: a busy machine is
the rule, so waiting threads sleep here. The variable must be set before torch loads its OpenMP; a value of the user's stays.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
