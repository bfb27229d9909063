"""Checks for the tests of whoever writes a model or a source, in `sirec` or in another package.

    from sirec.testing import SourceExample, check_model, check_source

    def test_my_model() -> None:
        check_model(MyModel)

    def test_my_source(tmp_path: Path) -> None:
        check_source(SourceExample(MySource(), write_my_files), tmp_path)

Each check raises `AssertionError` with a sentence that says which promise is broken. The checks of
models are in `sirec.testing.models`, those of sources in `sirec.testing.sources`.
"""

from sirec.testing.models import check_model
from sirec.testing.source_examples import SampleInteraction, SourceExample
from sirec.testing.sources import check_source

__all__ = ["SampleInteraction", "SourceExample", "check_model", "check_source"]
