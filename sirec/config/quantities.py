"""The numbers of configurations: each kind with its range and unit.

A field is annotated with one of these types; whoever needs another kind adds it here, or declares
its range beside the field (`Annotated[float, Range(…)]`). The ranges are wider than anything that
makes sense in practice. They keep out what has no meaning, such as a negative weight, and what
would keep a machine busy for hours without a word, such as 100,000 layers. Numbers beyond the usual
ones give a remark before training begins, as a single step may then take minutes.
"""

from __future__ import annotations

from typing import Annotated

from sirec.config.ranges import Range

# Sizes of a model.
Width = Annotated[int, Range(1, 65_536, "components", usual=4_096)]
LayerCount = Annotated[int, Range(1, 256, "layers", usual=16)]
HeadCount = Annotated[int, Range(1, 1_024, "heads")]
FilterCount = Annotated[int, Range(1, 16_384, "filters")]
FrequencyCount = Annotated[int, Range(1, 100_000, "frequencies")]
WindowLength = Annotated[int, Range(1, 100_000, "interactions", usual=2_000)]
DropoutRate = Annotated[float, Range(0, 1, "probability", maximum_excluded=True)]
MixingWeight = Annotated[float, Range(0, 1, "share")]
InitialDeviation = Annotated[float, Range(0, 100, "standard deviation")]

# Losses.
LossWeight = Annotated[float, Range(0, 1e6, "factor", minimum_excluded=True)]
PartWeight = Annotated[float, Range(0, 1e6, "factor")]  # of a part of a loss
Temperature = Annotated[float, Range(0, 1_000, "factor", minimum_excluded=True)]
NegativeCount = Annotated[int, Range(1, 1_000_000, "items")]
SampleSize = Annotated[int, Range(1, 1_000_000, "items")]
VersionCount = Annotated[int, Range(1, 1_000, "altered versions")]
MaskRatio = Annotated[float, Range(0, 1, "probability", minimum_excluded=True)]
Probability = Annotated[float, Range(0, 1, "probability")]

# Training.
LearningRate = Annotated[float, Range(0, 10, "factor", minimum_excluded=True)]
MomentDecay = Annotated[float, Range(0, 1, "share", maximum_excluded=True)]
WeightDecay = Annotated[float, Range(0, 10, "factor")]
TargetCount = Annotated[int, Range(1, 1_000_000, "targets per step")]
EpochCount = Annotated[int, Range(1, 1_000_000, "epochs")]
EvaluationCount = Annotated[int, Range(1, 1_000_000, "evaluations")]
SeedNumber = Annotated[int, Range(0, 2**63 - 1, "seed")]
ThreadCount = Annotated[int, Range(1, 256, "threads")]
JobCount = Annotated[int, Range(1, 1_024, "jobs")]

# Data.
UserCount = Annotated[int, Range(1, 10_000_000, "users")]
ItemCount = Annotated[int, Range(1, 10_000_000, "items")]
RatingBound = Annotated[float, Range(-1e9, 1e9, "rating")]
CoreSize = Annotated[int, Range(0, 1_000_000, "interactions")]
LineCount = Annotated[int, Range(0, 1_000_000_000, "lines")]
PeriodShare = Annotated[float, Range(0, 1, "share", minimum_excluded=True, maximum_excluded=True)]

# Evaluation.
BinEnd = Annotated[int, Range(-(10**12), 10**12, "last value of a bin")]
Cutoff = Annotated[int, Range(1, 1_000_000, "items")]
