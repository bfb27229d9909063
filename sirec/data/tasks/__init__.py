"""Tasks, by name: how sequences become batches. A new task is one file in this package; `TASKS`
finds it there.
"""

from sirec.config import open_kind
from sirec.data.tasks.base import Task
from sirec.registry import Registry

TASKS: Registry[type[Task]] = Registry("task", Task, "sirec.data.tasks")
open_kind(Task, TASKS)
