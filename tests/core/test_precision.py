"""Under bf16 on a CPU maps see multiples of 64 rows and small products stay whole; nothing else
changes.
"""

from __future__ import annotations

import pytest
import tiny as builders
import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear, small_products
from sirec.core.kernels.products import ROWS
from sirec.data.dataset import Dataset
from sirec.models.sasrec import SASRec

BF16 = torch.autocast("cpu", dtype=torch.bfloat16)


@pytest.mark.parametrize("rows", [1, ROWS - 1, ROWS, ROWS + 1])
def test_a_map_is_torchs_whatever_the_rows(rows: int) -> None:
    """Values and gradients, with autocast and without."""
    ours, theirs = Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(rows, 5)
    for enabled in (False, True):
        found = []
        for part in (ours, theirs):
            given = x.clone().requires_grad_()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
                out = part(given)
            found.append(
                [out, *torch.autograd.grad(out.float().square().sum(), [given, *part.parameters()])]
            )
        for mine, true in zip(*found, strict=True):
            torch.testing.assert_close(
                mine, true, rtol=2e-2 if enabled else 1e-5, atol=1e-2 if enabled else 1e-6
            )
        assert found[0][0].dtype is (torch.bfloat16 if enabled else torch.float32)


def test_shapes_do_not_follow_the_number_of_tokens(tiny: Dataset) -> None:
    """Under autocast all products with weights have rows in multiples of 64; without it they have
    the tokens'.
    """
    model = builders.sized(SASRec(), **builders.SHAPE).build(
        tiny.schema(builders.WINDOW, with_position=True)
    )
    batch = builders.a_batch(tiny)

    def rows() -> set[int]:
        seen = set()

        class Watch(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[name-defined,misc]
            def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
                if function in (torch.ops.aten.addmm.default, torch.ops.aten.mm.default):
                    seen.add(len(args[-2]))
                return function(*args, **(kwargs or {}))

        with Watch():
            model.encode(batch)
        return seen

    with BF16:
        assert {count % ROWS for count in rows()} == {0}
    assert rows() == {int(batch.lengths.sum())}  # control


def test_small_products_are_whole() -> None:
    """A marked method gets fp32 for bf16, in lists too, and computes in it; without autocast it
    gets what it is given.
    """

    class Part:
        @small_products
        def product(self, left: Tensor, right: list[Tensor]) -> Tensor:
            return left @ right[0]

    left, right = torch.randn(4, 4, dtype=torch.bfloat16), [torch.randn(4, 4)]
    with BF16:
        assert (left @ right[0]).dtype is torch.bfloat16  # control
        assert Part().product(left, right).dtype is torch.float32
    assert Part().product(right[0].bfloat16(), [left]).dtype is torch.bfloat16
