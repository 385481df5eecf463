"""Terms that cut the latent into blocks: one ignores a transformation, one tells it, one is free."""

from latentatlas.terms.partition.allocation import Allocation, BlockAllocation
from latentatlas.terms.partition.blocks import BetweenBlocks, OnBlock
from latentatlas.terms.partition.contrast import ModalityContrast, NTXent, VICReg
from latentatlas.terms.partition.forms import LogForm, PartitionForm, RatioForm
from latentatlas.terms.partition.negatives import (
    HardestNegative,
    MeanNegative,
    MemoryBank,
    PartitionNegatives,
    SoftNegative,
)
from latentatlas.terms.partition.partition import Partition
from latentatlas.terms.partition.readable import (
    Concatenation,
    Difference,
    OuterProduct,
    Pairing,
    ReadableTransformation,
)

__all__ = [
    "Allocation",
    "BetweenBlocks",
    "BlockAllocation",
    "Concatenation",
    "Difference",
    "HardestNegative",
    "LogForm",
    "MeanNegative",
    "MemoryBank",
    "ModalityContrast",
    "NTXent",
    "OnBlock",
    "OuterProduct",
    "Pairing",
    "Partition",
    "PartitionForm",
    "PartitionNegatives",
    "RatioForm",
    "ReadableTransformation",
    "SoftNegative",
    "VICReg",
]
