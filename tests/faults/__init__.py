"""Faults that are injected on purpose, and inputs that nobody would write.

    python -m tests.faults --short      # some seconds: what the gate runs
    python -m tests.faults --long       # some minutes: what `make test-all` runs

Each experiment counts what it tried, and what became of it. One law holds for all of them: a
command does its work, or ends with one line and exit code 2. It never ends with a traceback, never
takes more than 20 seconds of the processor, or more than 2 GB, and never gives another number with
exit code 0.
"""
