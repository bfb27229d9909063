"""Experiments: which runs they need, in how many processes on how many machines, and what comes of
them.
"""

import sirec.process  # noqa: F401  # here, too: a worker on another machine begins with this package
