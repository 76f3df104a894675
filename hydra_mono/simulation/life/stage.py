"""Where the camera and everybody who is planned already are, frame by frame, on one storey."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.simulation.building.walkable import WalkMap

CAMERA_GAP_M = 0.85  # from the camera's middle: an arm and a step
OTHERS_GAP_M = 0.7  # between two people's middles: they talk at that distance
SETTLED_GAP_M = 0.55  # from the middle of what was put down
FAR_M = 100.0  # where the camera counts as while it is on another storey
NEAREST_M, FARTHEST_M = 0.7, 4.5  # from the camera, to be well in view
HALF_VIEW_RAD = np.radians(24.0)  # a Kinect's image is 62° wide, less what is cut at its sides


@dataclass(slots=True)
class Stage:
    """Grows as one after the other is planned; points are x and y in metres."""

    walk_map: WalkMap
    stamps_ns: Int64[np.ndarray, " n"]
    camera_m: Float64[np.ndarray, "n 2"]
    camera_yaw_rad: Float64[np.ndarray, " n"]
    others_m: list[Float64[np.ndarray, "n 2"]] = field(default_factory=list)
    settled: list[tuple[Float64[np.ndarray, "2"], int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.stamps_ns)

    @property
    def frame_s(self) -> float:
        """Seconds from frame to frame."""
        return float(self.stamps_ns[1] - self.stamps_ns[0]) / 1e9 if len(self) > 1 else 0.1

    def gap_m(self, path_m: Float64[np.ndarray, "k 2"], frame: int) -> float:
        """Least distance, beyond what is kept, of one who is on the path from that frame on."""
        path_m = path_m[: max(len(self) - frame, 0)]
        span = slice(frame, frame + len(path_m))
        gaps = [np.hypot(*(path_m - self.camera_m[span]).T).min(initial=FAR_M) - CAMERA_GAP_M]
        for other in self.others_m:
            gaps.append(np.hypot(*(path_m - other[span]).T).min(initial=FAR_M) - OTHERS_GAP_M)
        for spot, since in self.settled:
            late = path_m[max(0, since - frame) :]
            gaps.append(np.hypot(*(late - spot).T).min(initial=FAR_M) - SETTLED_GAP_M)
        return float(min(gaps))

    def is_left_alone(self, spot_m: Float64[np.ndarray, "2"], frame: int) -> bool:
        """Whether nobody comes near a spot from a frame on, so that something may be put there."""
        return self.gap_m(np.broadcast_to(spot_m, (max(len(self) - frame, 0), 2)), frame) > 0

    def facing(self, spot_m: Float64[np.ndarray, "2"]) -> Bool[np.ndarray, " n"]:
        """Frames in which the camera, in the same room, looks towards a spot."""
        away = spot_m - self.camera_m
        distance = np.hypot(*away.T)
        bearing = np.arctan2(away[:, 1], away[:, 0]) - self.camera_yaw_rad
        bearing = np.abs((bearing + np.pi) % (2 * np.pi) - np.pi)
        near = (distance > NEAREST_M) & (distance < FARTHEST_M)
        rooms = self._rooms(self.camera_m)
        here = self._rooms(spot_m[None])[0]
        return np.asarray(near & (bearing < HALF_VIEW_RAD) & (rooms == here))

    def shown(self, path_m: Float64[np.ndarray, "k 2"], frame: int) -> float:
        """Share of the frames on a path in which the camera looks there."""
        path_m = path_m[: max(len(self) - frame, 0)]
        span = slice(frame, frame + len(path_m))
        away = path_m - self.camera_m[span]
        distance = np.hypot(*away.T)
        bearing = np.arctan2(away[:, 1], away[:, 0]) - self.camera_yaw_rad[span]
        bearing = np.abs((bearing + np.pi) % (2 * np.pi) - np.pi)
        seen = (distance > NEAREST_M) & (distance < FARTHEST_M) & (bearing < HALF_VIEW_RAD)
        seen &= self._rooms(path_m) == self._rooms(self.camera_m[span])
        return float(seen.mean()) if len(seen) else 0.0

    def _rooms(self, points_m: Float64[np.ndarray, "k 2"]) -> Int64[np.ndarray, " k"]:
        rooms, shape = self.walk_map.room, self.walk_map.room.shape
        cells = np.rint((points_m - self.walk_map.origin_m) / 0.05).astype(int)
        inside = np.all((cells >= 0) & (cells < shape), axis=1)
        cells = np.clip(cells, 0, np.array(shape) - 1)
        return np.where(inside, rooms[tuple(cells.T)], -2)


def make_stage(
    walk_map: WalkMap,
    stamps_ns: Int64[np.ndarray, " n"],
    poses: Float64[np.ndarray, "n 4 4"],
) -> Stage:
    """The stage of the walk map's storey; ``poses`` are ``world_from_camera``."""
    camera_m = poses[:, :2, 3].copy()
    on_storey = np.abs(poses[:, 2, 3] - walk_map.floor_m - 1.5) < 1.2  # eyes over this floor
    camera_m[~on_storey] += FAR_M
    return Stage(walk_map, stamps_ns, camera_m, np.arctan2(poses[:, 1, 2], poses[:, 0, 2]))
