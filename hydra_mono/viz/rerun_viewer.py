"""The rerun viewer; but for its layout only this file knows rerun. A worker thread talks to it."""

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rerun as rr

from hydra_mono.core.errors import HydraMonoError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import MeshUpdate, SemanticMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.viz.drawing import GraphDrawing, GraphPainter, LineChunk
from hydra_mono.viz.images import depth_colors, jpeg, normal_colors
from hydra_mono.viz.rerun_layout import (
    CAMERA,
    COUNTS,
    EVENTS,
    GRAPH,
    HIERARCHY,
    IMAGE,
    MESH,
    PANELS,
    TIMINGS,
    WORLD,
    blueprint,
)
from hydra_mono.viz.tiles import MeshTiles, TileKey

logger = logging.getLogger(__name__)

TILE_M = 3.2
WAITING = 64  # jobs in hand above which images are left out
LINE_RADIUS_M = {"p-p": 0.015, "O-p": 0.01, "p-R": 0.01, "R-R": 0.04, "R-B": 0.03, "a-a": 0.03}

Job = Callable[[], None]


def open_recording(mode: str, path: Path, sequence: str) -> rr.RecordingStream:
    """A stream into a file, a viewer window or a local server.

    Raises:
        HydraMonoError: ``spawn`` without a display.
    """
    recording = rr.RecordingStream("hydra-mono", recording_id=f"{sequence}-{os.getpid()}")
    if mode == "save":
        path.parent.mkdir(parents=True, exist_ok=True)
        recording.save(path, default_blueprint=blueprint())
    elif mode == "spawn":
        if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
            raise HydraMonoError(
                "--viewer spawn needs a display; use --viewer serve, or save and 'hydra-mono view'"
            )
        beside = str(Path(sys.executable).parent)  # the viewer's program, where venvs put it
        os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", "")])
        recording.spawn(default_blueprint=blueprint())
    else:
        address = recording.serve_grpc(default_blueprint=blueprint())
        rr.serve_web_viewer(open_browser=False, connect_to=address)
        logger.warning("the viewer is at http://localhost:9090/?url=%s", address)
    return recording


class RerunViewer:
    """Hands everything to a worker; when that falls behind, images are left out, the map never."""

    def __init__(
        self,
        recording: rr.RecordingStream,
        labels: LabelSpace,
        *,
        image_stride: int = 2,
        image_interval_s: float = 0.2,
        mesh_interval_s: float = 4.0,
        color_by: str = "color",
    ) -> None:
        self._rec = recording
        self._labels = labels
        self._stride = image_stride
        self._image_interval_ns = int(image_interval_s * 1e9)
        self._painter = GraphPainter()
        self._tiles = MeshTiles(TILE_M, int(mesh_interval_s * 1e9))
        self._color_by = color_by
        self._is_ceiling = labels.mask(labels.ids_with_role("ceiling"))
        self._next_image_ns: int | None = None
        self._shown: tuple[str, ...] = ()  # which panels the blueprint has
        self._now = (0, 0)
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._worker = threading.Thread(target=self._work, name="viewer", daemon=True)
        self._worker.start()
        self._jobs.put(self._log_static)

    # called by the mapper: take a snapshot, queue it -----------------------------------------

    def log_frame(self, frame: Frame, prediction: Prediction) -> None:
        self._now = (frame.index, frame.stamp_ns)
        due = self._next_image_ns is None or frame.stamp_ns >= self._next_image_ns
        if due and self._jobs.qsize() < WAITING:
            self._next_image_ns = frame.stamp_ns + self._image_interval_ns
            self._put(lambda: self._draw_frame(frame, prediction))

    def log_map(self, mesh: MeshUpdate, graph: SceneGraph) -> None:
        self._tiles.apply(mesh)
        tiles = list(self._tiles.due(mesh.stamp_ns))
        drawing = self._painter.draw(graph)
        self._put(lambda: self._draw_map(tiles, drawing))

    def log_timings(self, stage_ms: dict[str, float]) -> None:
        if self._jobs.qsize() < WAITING:
            self._put(lambda: self._draw_scalars(TIMINGS, dict(stage_ms)))

    def close(self) -> None:
        """Draws what is left and waits until it is written."""
        tiles = list(self._tiles.due(self._now[1], everything=True))
        self._put(lambda: self._draw_map(tiles, GraphDrawing()))
        self._jobs.put(None)
        self._worker.join()
        try:
            self._rec.flush()
        except RuntimeError as error:
            logger.warning("the viewer went away: %s", error)
        self._rec.disconnect()

    def _put(self, draw: Job) -> None:
        number, stamp_ns = self._now

        def job() -> None:
            self._rec.set_time("frame", sequence=number)
            self._rec.set_time("time", duration=stamp_ns * 1e-9)
            draw()

        self._jobs.put(job)

    # run by the worker ------------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # a viewer's fault must never end a run
                logger.exception("the viewer could not draw")

    def _log_static(self) -> None:
        self._rec.log(WORLD, rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        classes = [(label.id, label.name, label.color) for label in self._labels.labels]
        self._rec.log(
            "/", rr.AnnotationContext([(0, "unknown", (60, 60, 60)), *classes]), static=True
        )

    def _draw_frame(self, frame: Frame, prediction: Prediction) -> None:
        step, pose = self._stride, frame.world_from_camera
        rgb = np.ascontiguousarray(frame.rgb[::step, ::step])
        camera = frame.intrinsics.resized(rgb.shape[1], rgb.shape[0])
        self._rec.log(CAMERA, rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]))
        self._rec.log(
            IMAGE,
            rr.Pinhole(
                image_from_camera=camera.matrix,
                width=camera.width,
                height=camera.height,
                camera_xyz=rr.ViewCoordinates.RDF,
                image_plane_distance=0.6,
            ),
        )
        self._log_image("rgb", rgb)
        self._log_image("depth", depth_colors(prediction.depth_m[::step, ::step]))
        self._draw_said(prediction)

    def _draw_said(self, prediction: Prediction) -> None:
        """Labels, normals and edges, and a panel for each that there is."""
        says = tuple(name for name in PANELS if getattr(prediction, name) is not None)
        if says != self._shown:
            self._shown = says
            self._rec.send_blueprint(blueprint(says))
        step = self._stride
        if prediction.labels is not None:
            labels = np.ascontiguousarray(prediction.labels[::step, ::step])
            self._rec.log(f"{IMAGE}/labels", rr.SegmentationImage(labels))
        if prediction.normals is not None:
            self._log_image("normals", normal_colors(prediction.normals[::step, ::step]))
        if prediction.edges is not None:
            self._log_image("edges", (prediction.edges[::step, ::step] * 255).astype(np.uint8))

    def _log_image(self, name: str, image: np.ndarray) -> None:
        encoded = rr.EncodedImage(contents=jpeg(image), media_type="image/jpeg")
        self._rec.log(f"{IMAGE}/{name}", encoded)

    def _draw_map(self, tiles: list[tuple[TileKey, SemanticMesh]], drawing: GraphDrawing) -> None:
        for (x, y), mesh in tiles:
            self._rec.log(f"{MESH}/{x}_{y}", self._mesh(mesh))
        self._draw_nodes(drawing)
        for (kind, number), lines in drawing.links.items():
            self._rec.log(f"{GRAPH}/links/{kind}/{number}", _lines(kind, lines))
        if drawing.hierarchy is not None:
            self._draw_hierarchy(*drawing.hierarchy)
        for text in drawing.events:
            self._rec.log(EVENTS, rr.TextLog(text, level=rr.TextLogLevel.INFO))
        self._draw_scalars(COUNTS, {name: float(n) for name, n in drawing.counts.items()})

    def _draw_nodes(self, drawing: GraphDrawing) -> None:
        for number, places in drawing.places.items():
            self._rec.log(
                f"{GRAPH}/places/{number}",
                rr.Points3D(places.positions_m, radii=places.radii_m, colors=places.colors),
            )
        for number, things in drawing.objects.items():
            self._rec.log(
                f"{GRAPH}/objects/{number}",
                rr.Boxes3D(
                    centers=[box.center_m for box in things.boxes],
                    half_sizes=[np.array(box.dimensions_m) / 2 for box in things.boxes],
                    quaternions=[_about_z(box.yaw_rad) for box in things.boxes],
                    labels=things.labels,
                    colors=things.colors,
                    radii=0.01,
                ),
            )
        for name, nodes, radius_m in (
            ("rooms", drawing.rooms, 0.3),
            ("buildings", drawing.buildings, 0.5),
        ):
            if nodes is not None:
                points = rr.Points3D(
                    nodes.positions_m, radii=radius_m, colors=nodes.colors, labels=nodes.labels
                )
                self._rec.log(f"{GRAPH}/{name}", points)

    def _draw_hierarchy(self, nodes: list[Any], links: list[Any]) -> None:
        ids, names, colors = zip(*nodes, strict=True) if nodes else ((), (), ())
        self._rec.log(
            HIERARCHY,
            rr.GraphNodes(list(ids), labels=list(names), colors=list(colors)),
            rr.GraphEdges(links, graph_type="directed"),
        )

    def _draw_scalars(self, origin: str, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._rec.log(f"{origin}/{name}", rr.Scalars(value))

    def _mesh(self, mesh: SemanticMesh) -> rr.Mesh3D | rr.Clear:
        """A tile without its ceiling, so that one sees into the rooms."""
        faces = mesh.faces[~self._is_ceiling[mesh.labels[mesh.faces]].all(axis=1)]
        if not len(faces):
            return rr.Clear(recursive=False)
        by_label = self._color_by == "label"
        return rr.Mesh3D(
            vertex_positions=mesh.vertices_m,
            triangle_indices=faces.astype(np.uint32),
            vertex_colors=self._labels.palette[mesh.labels] if by_label else mesh.colors,
        )


def _lines(kind: str, lines: LineChunk) -> rr.LineStrips3D:
    return rr.LineStrips3D(
        lines.segments_m, radii=LINE_RADIUS_M.get(kind, 0.01), colors=lines.colors
    )


def _about_z(yaw_rad: float) -> rr.Quaternion:
    return rr.Quaternion(xyzw=[0.0, 0.0, np.sin(yaw_rad / 2), np.cos(yaw_rad / 2)])
