"""Checks of the values, by name. A new check is one file in this package; `VALUE_CHECKS` finds it.

`find(values)` gives the findings of all of them.
"""

from sirec.data.prepare.findings import ValueFinding
from sirec.data.prepare.value_checks.base import ReadValues, ValueCheck
from sirec.registry import Registry

VALUE_CHECKS: Registry[ValueCheck] = Registry(
    "value check",
    ValueCheck,
    "sirec.data.prepare.value_checks",
    instances=True,
    group="sirec.value_checks",
)


def find(values: ReadValues) -> tuple[ValueFinding, ...]:
    """The findings of all checks, field by field.

    Args:
        values: the values that were read.
    """
    found: list[ValueFinding] = []
    for check in VALUE_CHECKS.values():
        found += check.find(values)
    order = [field.name for field in values.fields]
    return tuple(sorted(found, key=lambda finding: order.index(finding.field)))
