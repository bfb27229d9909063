"""Hidden items leave nothing behind, and added ones change nothing of the others."""

from __future__ import annotations

import tiny as builders
import torch

from sirec.data.new_items import ItemHoldout, NewItems
from sirec.data.tasks.rows import owners, training_items


def test_hidden_items_are_in_no_table_and_no_interaction() -> None:
    """Renumbered, every interaction still has its item, with its values. Control: some training
    interactions are of hidden items.
    """
    data = builders.dataset()
    holdout = ItemHoldout.draw(data, 0.2, seed=1)
    hidden = holdout.data.item_codes - holdout.known
    assert hidden == round(0.2 * data.item_count)
    for field, renumbered in zip(data.fields, holdout.data.fields, strict=True):
        if field.table is not None:
            old, new = field.values[data.items], renumbered.values[holdout.data.items]
            assert torch.equal(old, new)
    training = holdout.without_hidden()
    assert training.item_codes == holdout.known
    assert int(training.items.max()) < holdout.known
    users, items = training_items(holdout.data)
    kept = items < holdout.known
    assert not bool(kept.all())
    assert torch.equal(training.items, items[kept])
    assert torch.equal(owners(training), users[kept])
    assert len(training_items(training)[1]) == len(training.items)  # nothing is held out
    again = ItemHoldout.draw(data, 0.2, seed=1)
    assert torch.equal(again.data.items, holdout.data.items)
    other = ItemHoldout.draw(data, 0.2, seed=2)
    assert not torch.equal(other.data.items, holdout.data.items)


def test_added_items_have_the_last_codes_and_their_own_values() -> None:
    """Also where they have more values than any item before."""
    data = builders.dataset()
    tables = {}
    for field in data.fields:
        if field.table is not None:
            tables[field.name] = torch.ones(2, field.values.shape[1] + 1, dtype=torch.long)
    more = NewItems(["a", "b"], ["", ""], tables).added_to(data)
    assert more.item_codes == data.item_codes + 2
    for field, longer in zip(data.fields, more.fields, strict=True):
        if field.table is not None:
            width = field.values.shape[1]
            assert torch.equal(longer.values[:-2, :width], field.values)
            assert bool((longer.values[:-2, width:] == 0).all())
            assert bool((longer.values[-2:] == 1).all())
