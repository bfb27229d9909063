"""The command line; one thin file a command."""

import sirec.process  # noqa: F401  # before any command loads torch
