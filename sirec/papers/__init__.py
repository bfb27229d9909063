"""Papers as data: one YAML file a paper says what it proposes, printed and trained under.

`PAPERS` has them by name, `PROTOCOLS` the protocols that they define. A new paper is one such file
and a CSV file for each of its tables.
"""

from sirec.papers.registries import PAPERS, PROTOCOLS

__all__ = ["PAPERS", "PROTOCOLS"]
