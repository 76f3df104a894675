"""Is a frame, or what a predictor says of it, fit to be mapped? Checks that need no memory."""

from dataclasses import fields, replace

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from hydra_mono.core.errors import BadFrameError, ConfigError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import UNKNOWN, LabelSpace
from hydra_mono.core.prediction import Prediction, Predictor

_ROTATION_TOLERANCE = 1e-2  # of RᵀR from the identity; text files keep few digits
_SATURATED_M = 10.0  # sensors stop measuring before; equal values from here on are a ceiling
_SATURATED_SHARE = 0.9  # of the measured pixels
_MIN_PREDICTED = 0.01  # share of pixels with depth; as little as a sensor's (data.min_valid_depth)


def is_measured(depth_m: Float32[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """True where a depth image holds a measurement: finite and positive."""
    return np.asarray(np.isfinite(depth_m) & (depth_m > 0))


def measured_depth(depth_m: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """The depth with 0 for everything that is no measurement: NaN, infinite, negative."""
    return np.asarray(np.where(is_measured(depth_m), depth_m, np.float32(0.0)))


def unknown_labels(
    labels: UInt8[np.ndarray, "h w"], space: LabelSpace
) -> tuple[UInt8[np.ndarray, "h w"], int]:
    """The labels with 0 for ids that the space does not have, and how many pixels had one."""
    known = space.mask((UNKNOWN, *(label.id for label in space.labels)))
    is_known = known[labels]
    strangers = int(labels.size - np.count_nonzero(is_known))
    if not strangers:
        return labels, 0
    return np.where(is_known, labels, np.uint8(UNKNOWN)), strangers


def check_pose(frame: Frame) -> None:
    """Returns when the pose is a rotation and a translation.

    Raises:
        BadFrameError: ``nan-pose`` or ``bad-pose``.
    """
    pose = frame.world_from_camera
    if not np.isfinite(pose).all():
        raise BadFrameError(frame.name, "nan-pose", "the pose is not finite")
    rotation = pose[:3, :3]
    is_orthogonal = np.abs(rotation.T @ rotation - np.eye(3)).max() < _ROTATION_TOLERANCE
    is_homogeneous = np.abs(pose[3] - (0.0, 0.0, 0.0, 1.0)).max() < 1e-6
    if not (is_orthogonal and is_homogeneous):
        raise BadFrameError(frame.name, "bad-pose", "the pose is no rotation and translation")
    if np.linalg.det(rotation) < 0:
        raise BadFrameError(frame.name, "bad-pose", "the pose mirrors: its determinant is -1")


def check_sizes(frame: Frame) -> None:
    """Returns when all images have the size of the camera.

    Raises:
        BadFrameError: ``wrong-size``.
    """
    expected = (frame.intrinsics.height, frame.intrinsics.width)
    for kind in ("rgb", "depth_m", "labels", "instances", "normals"):
        image = getattr(frame, kind)
        if image is not None and image.shape[:2] != expected:
            found = f"{kind} is {image.shape[1]}×{image.shape[0]}"
            detail = f"{found}, the camera {expected[1]}×{expected[0]}"
            raise BadFrameError(frame.name, "wrong-size", detail)


def check_depth(frame: Frame, depth_m: Float32[np.ndarray, "h w"], min_valid: float) -> None:
    """Returns when enough of a frame's own depth is measured.

    Raises:
        BadFrameError: ``empty-depth`` or ``saturated-depth``.
    """
    fault = _depth_fault(depth_m, min_valid)
    if fault is not None:
        raise BadFrameError(frame.name, *fault)


def _depth_fault(depth_m: Float32[np.ndarray, "h w"], min_valid: float) -> tuple[str, str] | None:
    """Slug and detail of what is wrong with a depth image; None when it can be used."""
    values = depth_m[is_measured(depth_m)]
    share = values.size / depth_m.size
    if share < min_valid or share == 0:
        return "empty-depth", f"{share:.1%} of pixels are measured"
    ceiling = float(values.max())
    if ceiling < _SATURATED_M:
        return None
    at_ceiling = float((values == ceiling).mean())
    if at_ceiling > _SATURATED_SHARE:
        return "saturated-depth", f"{at_ceiling:.0%} of the measured pixels are {ceiling:.2f} m"
    return None


def predict(predictor: Predictor, frame: Frame) -> Prediction:
    """What the predictor says of a frame, judged as a sensor's images are.

    Whatever a predictor raises costs the frame and never the run, but for memory that is spent.

    Raises:
        BadFrameError: ``bad-prediction``, ``predictor-error`` or the predictor's own.
    """
    try:
        prediction = predictor(frame)
    except (BadFrameError, MemoryError):
        raise
    except ConfigError as error:  # its output is of another kind than it has to be
        raise BadFrameError(frame.name, "bad-prediction", str(error)) from error
    except Exception as error:  # a plug-in is foreign code, which may raise anything
        detail = f"{type(error).__name__}: {error}"
        raise BadFrameError(frame.name, "predictor-error", detail) from error
    return check_prediction(frame, prediction)


def check_prediction(
    frame: Frame, prediction: object, min_valid: float = _MIN_PREDICTED
) -> Prediction:
    """The prediction with depth 0 for all that is no depth (NaN, infinite, negative).

    Raises:
        BadFrameError: ``bad-prediction``: it is no prediction, an image has another size or type
            than it has to, or too little of the depth can be used.
    """
    if not isinstance(prediction, Prediction):
        found = f"a {type(prediction).__name__} and no Prediction"
        raise BadFrameError(frame.name, "bad-prediction", found)
    for field in fields(prediction):
        fault = _image_fault(field.name, getattr(prediction, field.name), frame)
        if fault is not None:
            raise BadFrameError(frame.name, "bad-prediction", f"{field.name} is {fault}")
    if prediction.depth_m is frame.depth_m:  # a sensor's, which was judged when it came in
        return prediction
    depth_fault = _depth_fault(prediction.depth_m, min_valid)
    if depth_fault is not None:
        raise BadFrameError(frame.name, "bad-prediction", ": ".join(depth_fault))
    if is_measured(prediction.depth_m).all():
        return prediction
    return replace(prediction, depth_m=measured_depth(prediction.depth_m))


def _image_fault(name: str, image: object, frame: Frame) -> str | None:
    """What is wrong with an image of a prediction; None when nothing is."""
    if image is None:
        return "missing" if name == "depth_m" else None
    size = (frame.intrinsics.height, frame.intrinsics.width)
    shape = (*size, 3) if name == "normals" else size
    if not isinstance(image, np.ndarray):
        return f"a {type(image).__name__} and no array"
    if image.shape != shape:
        return f"of shape {image.shape} and not {shape}"
    dtype = np.dtype(np.uint8 if name == "labels" else np.float32)
    return None if image.dtype == dtype else f"of type {image.dtype} and not {dtype}"
