"""The job on a page: a posed frame in, mesh and scene graph brought up to date."""

from typing import Any

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.config import Config, MonocularConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.gate.checks import predict
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.keyframe import Instant, KeyframeInput, instant_state, restored_instant
from hydra_mono.core.map.state import State, Stateful
from hydra_mono.core.mesh import BlockMesh, MeshUpdate
from hydra_mono.core.prediction import Predictor, depth_is_measured
from hydra_mono.core.timing import StageClock
from hydra_mono.graph.agents.camera_trail import AgentTrail
from hydra_mono.graph.agents.tracks import AgentTracks
from hydra_mono.graph.change.layer import ChangeLayer
from hydra_mono.graph.hierarchy import ParentAssigner
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.objects.images import ObjectImages
from hydra_mono.graph.objects.layer import create_objects
from hydra_mono.graph.places.layer import create_places
from hydra_mono.graph.refresh import Refresh, refresh_state, restored_refresh
from hydra_mono.graph.rooms.describe import RoomDescriber
from hydra_mono.graph.rooms.layer import create_rooms
from hydra_mono.graph.walls.layer import create_walls
from hydra_mono.mapping.contours import create_contours
from hydra_mono.mapping.extent import max_depth_m
from hydra_mono.mapping.freespace.map import create_free_space
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.motion.map import MotionMap
from hydra_mono.mapping.refinement import create_refinement
from hydra_mono.mapping.tsdf.volume import create_volume
from hydra_mono.viz import StubViewer, Viewer

OUTSIDE_STAGES = ("read", "predict", "write")  # not the mapper's own work


class Mapper:
    """Maps a sequence frame by frame: a mesh, free space and a scene graph.

    A predictor is anything that turns a ``Frame`` into a ``Prediction``; a viewer is sent
    everything and decides nothing. ``monocular`` takes the place of the config's rule.
    """

    def __init__(
        self,
        config: Config,
        predictor: Predictor,
        viewer: Viewer | None = None,
        monocular: MonocularRule | None = None,
    ) -> None:
        labels = predictor.label_space
        self.graph = SceneGraph()
        self.mesh = BlockMesh()
        self.clock = StageClock(outside=OUTSIDE_STAGES)
        self._predictor = predictor
        self._viewer = viewer or StubViewer()
        rule = None
        if is_monocular(config.monocular, predictor):
            rule = monocular or MonocularRule()
        self.max_depth_m = max_depth_m(config.mapping, rule)  # of what is fused, carved, scored
        self._volume = create_volume(config.mapping, rule)
        self._refine = create_refinement(rule, self._volume)
        self._free_space = create_free_space(config.free_space, config.mapping, rule)
        self._contours = create_contours(config.mapping, labels, rule)
        self._walls = create_walls(config.rooms, labels)
        self._objects = create_objects(config.objects, labels, config.mapping.voxel_size)
        self._changes = ChangeLayer(labels, self.max_depth_m)
        self._places = create_places()
        self._rooms = create_rooms(config.rooms)
        self._parents = ParentAssigner()
        self._describer = RoomDescriber(labels)
        self.images = ObjectImages()
        self._agents = AgentTrail()
        self._tracks = AgentTracks()
        self._motion = MotionMap(labels, config.free_space.voxel_size)
        self._separation_ns = int(config.mapping.keyframe_separation * 1e9)
        self._latest: Instant | None = None
        self._refresh: Refresh | None = None

    @property
    def label_space(self) -> LabelSpace:
        return self._predictor.label_space

    def step(self, frame: Frame) -> None:
        """Fuses one frame; once a keyframe interval, starts to bring mesh and graph up to date.

        A refresh is spread over the frames that follow, so that no frame pays for all of it, and
        takes the map as the keyframe left it: its second slice is done before the next is fused.

        Raises:
            BadFrameError: the predictor can make nothing of the frame; the map is unchanged.
        """
        stage = self.clock.stage
        said = stage("predict", predict, self._predictor, frame)
        prediction = stage("refine", self._refine, frame, said)
        motion = stage("motion", self._motion.split, frame, prediction)
        keep = motion.still
        self._continue_refresh(frame.stamp_ns)
        stage("motion", self._volume.forget, motion.mistaken, self._motion.voxel_size_m)
        stage("integrate", self._volume.integrate, frame, prediction, keep)
        stage("contours", self._contours.integrate, frame, prediction, keep)
        seen_free = stage("carve", self._free_space.carve, frame, prediction, keep)
        stage("motion", self._motion.learn, frame, seen_free)
        stage("agents", self._agents.update, self.graph, frame)
        stage("change", self._changes.look, self.graph, frame, prediction, said, keep, self.mesh)
        stage("change", self._changes.follow, self.graph, motion.agents)
        stage("agents", self._tracks.update, self.graph, motion.agents)
        stage("view", self._viewer.log_frame, frame, prediction)
        self._latest = Instant.of(frame)
        if self._is_keyframe(frame.stamp_ns):
            stage("images", self.images.look, self.graph, frame, prediction)
            self._start_refresh(self._latest)
        self.clock.end_frame()
        self._viewer.log_timings(self.clock.latest_ms())

    def _update_surface(self, refresh: Refresh) -> None:
        """First slice: what changed in the mesh, and the walls."""
        position_m = refresh.at.position_m
        update = self.clock.stage("mesh", self._update_mesh, refresh.at.stamp_ns, position_m)
        walls = self.clock.stage("walls", self._walls.update, update, float(position_m[2]))
        refresh.mesh_update, refresh.walls = update, walls

    def _update_keyframe(self, refresh: Refresh) -> None:
        """Second slice: free space, and with it all that the graph's stages are given."""
        assert refresh.mesh_update is not None
        at, update = refresh.at, refresh.mesh_update
        space = self.clock.stage("free_space", self._free_space.update, update, at.position_m)
        refresh.keyframe = KeyframeInput(
            at=at,
            mesh_update=update,
            mesh=self.mesh.snapshot(),
            free_space=space,
            contours=self.clock.stage("contour_map", self._contours.snapshot),
        )

    def _update_objects(self, refresh: Refresh) -> None:
        assert refresh.keyframe is not None
        self.clock.stage("objects", self._objects.update, self.graph, refresh.keyframe)
        moves = self.clock.stage("change", self._changes.update, self.graph, refresh.keyframe)
        self._objects.rename(moves)

    def _update_places(self, refresh: Refresh) -> None:
        assert refresh.keyframe is not None
        keyframe, walls = refresh.keyframe, refresh.walls
        self.clock.stage("places", self._places.update, self.graph, keyframe, walls)

    def _update_rooms(self, refresh: Refresh) -> None:
        assert refresh.keyframe is not None and refresh.walls is not None
        stage, keyframe = self.clock.stage, refresh.keyframe
        stage("rooms", self._rooms.update, self.graph, keyframe, refresh.walls)
        stage("hierarchy", self._parents.update, self.graph, keyframe.stamp_ns)
        stage("describe", self._describer.update, self.graph, keyframe, refresh.walls)
        stage("view_map", self._viewer.log_map, keyframe.mesh_update, self.graph)

    _SLICES = (_update_surface, _update_keyframe, _update_objects, _update_places, _update_rooms)

    def _update_mesh(self, stamp_ns: int, position_m: Float64[np.ndarray, "3"]) -> MeshUpdate:
        update = self._volume.update_mesh(stamp_ns, position_m)
        self.mesh.apply(update)
        return update

    def _start_refresh(self, at: Instant) -> None:
        self._refresh = Refresh(at)
        self._do_slice()

    def _continue_refresh(self, stamp_ns: int) -> None:
        """The next slice, or all that is left before the next keyframe's."""
        self._do_slice()
        if self._is_keyframe(stamp_ns):
            self._end_refresh()

    def _end_refresh(self) -> None:
        while self._do_slice():
            pass

    def scale_figures(self) -> dict[str, Any]:
        """What motion tells of the scale of estimated depth; empty where depth is measured."""
        return self._refine.figures()

    def settles_before(self, stamp_ns: int) -> bool:
        """Whether mesh and graph are of one keyframe before a frame of that stamp is fused.

        If so, ``settle`` at that moment changes nothing of what the map becomes.
        """
        refresh = self._refresh
        return refresh is not None and (
            refresh.done == len(self._SLICES) or self._is_keyframe(stamp_ns)
        )

    def settle(self) -> None:
        """Ends the refresh under way, so that mesh and graph are of one keyframe."""
        self._end_refresh()

    def _do_slice(self) -> bool:
        """Does the next slice of the refresh under way; whether there was one."""
        refresh = self._refresh
        if refresh is None or refresh.done == len(self._SLICES):
            return False
        self._SLICES[refresh.done](self, refresh)
        refresh.done += 1
        return True

    def state(self) -> State:
        """All that the mapper remembers, in the middle of a refresh too; see ``core.map.state``.

        A mapper made from the same config and predictor goes on from it as this one would, if the
        predictor goes on likewise.
        """
        stages = {name: stage.state() for name, stage in self._stages().items()}
        latest, refresh = self._latest, self._refresh
        return stages | {
            "latest": None if latest is None else instant_state(latest),
            "refresh": None if refresh is None else refresh_state(refresh),
        }

    def restore(self, state: State) -> None:
        for name, stage in self._stages().items():
            stage.restore(state[name])
        latest, refresh = state["latest"], state["refresh"]
        self._latest = None if latest is None else restored_instant(latest)
        if refresh is not None:
            self._refresh = restored_refresh(refresh, self.mesh.snapshot(), self._walls.plan())

    def _stages(self) -> dict[str, Stateful]:
        return {
            "graph": self.graph,
            "mesh": self.mesh,
            "refinement": self._refine,
            "volume": self._volume,
            "motion": self._motion,
            "free_space": self._free_space,
            "contours": self._contours,
            "objects": self._objects,
            "changes": self._changes,
            "walls": self._walls,
            "places": self._places,
            "rooms": self._rooms,
            "parents": self._parents,
            "describer": self._describer,
            "images": self.images,
            "agents": self._agents,
            "tracks": self._tracks,
        }

    def finish(self) -> None:
        """Brings everything up to the last frame; call it once, at the end."""
        self._end_refresh()
        latest, refresh = self._latest, self._refresh
        if latest is not None and (refresh is None or refresh.at.stamp_ns != latest.stamp_ns):
            self._start_refresh(latest)
            self._end_refresh()
        refresh = self._refresh
        if refresh is not None and refresh.keyframe is not None and refresh.walls is not None:
            self.clock.stage("change", self._changes.finish, self.graph)
            whole = self._describer.complete
            self.clock.stage("describe", whole, self.graph, refresh.keyframe, refresh.walls)
        self.clock.drop_frame()

    def close(self) -> None:
        """Lets the viewer write what it still holds."""
        self._viewer.close()

    def _is_keyframe(self, stamp_ns: int) -> bool:
        before = self._refresh
        return before is None or stamp_ns - before.at.stamp_ns >= self._separation_ns


def is_monocular(config: MonocularConfig, predictor: Predictor) -> bool:
    """Whether depth is refined as an estimate: by the setting, else unless it is measured."""
    if config.enabled is not None:
        return config.enabled
    return not depth_is_measured(predictor)
