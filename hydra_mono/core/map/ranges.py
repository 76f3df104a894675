"""How large a number of each kind can be in a map: pydantic refuses others in whatever is read.

The JSON Schema of graph.json tells the same ranges.
"""

import math
from typing import Annotated, Final

from pydantic import AfterValidator, Field

FARTHEST_M: Final = 1e8  # from the world's origin: beyond any survey's (1e7) and the Earth's centre
_ROUNDING: Final = 1e-6  # of shares and lengths that were computed, beyond their limits
_LAST_NS: Final = (1 << 63) - 1  # stamps are int64 in ROS and in spark_dsg
_MOST: Final = (1 << 31) - 1  # of whatever is counted: 32-bit indices
_LAST_BLOCK: Final = 1 << 31  # of the map's blocks along an axis, whose keys are int32
_MOST_TURNS_RAD: Final = 16 * math.pi  # of an angle that nobody brought within half a turn
_MOST_STOREYS: Final = 10_000  # above or below the first
_QUAT_NORM_ERROR: Final = 0.01  # single precision, or three digits in a file written by hand

CoordinateM = Annotated[float, Field(ge=-FARTHEST_M, le=FARTHEST_M)]
LengthM = Annotated[float, Field(ge=-_ROUNDING, le=FARTHEST_M)]
AreaM2 = Annotated[float, Field(ge=-_ROUNDING, le=FARTHEST_M**2)]
AngleRad = Annotated[float, Field(ge=-_MOST_TURNS_RAD, le=_MOST_TURNS_RAD)]
StampNs = Annotated[int, Field(ge=-_LAST_NS - 1, le=_LAST_NS)]
Share = Annotated[float, Field(ge=-_ROUNDING, le=1 + _ROUNDING)]
Count = Annotated[int, Field(ge=0, le=_MOST)]
LabelId = Annotated[int, Field(ge=0, le=255)]
BlockIndex = Annotated[int, Field(ge=-_LAST_BLOCK, lt=_LAST_BLOCK)]
Storey = Annotated[int, Field(ge=-_MOST_STOREYS, le=_MOST_STOREYS)]

PointM = tuple[CoordinateM, CoordinateM, CoordinateM]
SizeM = tuple[LengthM, LengthM, LengthM]
Block = tuple[BlockIndex, BlockIndex, BlockIndex]


def _unit(quat: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    norm = math.sqrt(sum(value * value for value in quat))
    if not abs(norm - 1) <= _QUAT_NORM_ERROR:
        raise ValueError(f"a rotation is a quaternion of length 1, this one has {norm:.6g}")
    return quat


UnitQuat = Annotated[tuple[float, float, float, float], AfterValidator(_unit)]
