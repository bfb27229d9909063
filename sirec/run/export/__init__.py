"""A finished run as files that other programs compute recommendations with.

    onnx    model.onnx, export.json, items.csv, values.csv, users.csv, README.md

A new format is an instance of `RunFormat` in a module of this package, where
`sirec.data.store.export.EXPORT_FORMATS` finds it.
"""

from sirec.run.export.base import ExportedRun, RunFormat, export_run, run_formats

__all__ = ["ExportedRun", "RunFormat", "export_run", "run_formats"]
