"""PASCAL-Context and Cityscapes: their files become samples, batches and scores of their tasks."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from helpers_datasets import save
from helpers_methods import toy
from PIL import Image

from hydra_mono.core.config.training import LossConfig
from hydra_mono.core.errors import ConfigError, DataError
from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.networks.registry import build
from hydra_mono.perception.tasks import NO_TRUTH
from hydra_mono.training.compare.plan import Job, Plan, network_config
from hydra_mono.training.data.batches import BatchMaker, BatchRule
from hydra_mono.training.data.roll import Cut, rolled
from hydra_mono.training.data.shots import Photographs
from hydra_mono.training.data_sets import data_set
from hydra_mono.training.evaluate import evaluate_network
from hydra_mono.training.objective import Objective
from hydra_mono.training.readers.open_samples import open_samples

HEIGHT, WIDTH = 48, 64
LEFT, RIGHT = np.s_[:, :40], np.s_[:, 40:]
PASCAL_IDS = [f"2008_{k:06d}" for k in range(10)]
TOWARDS_VIEWER = (0.6, 0.0, 0.8)  # a normal with z towards the viewer, as it is stored


def image(left: int, right: int, kind: type = np.uint8) -> np.ndarray:
    pixels = np.full((HEIGHT, WIDTH), left, kind)
    pixels[RIGHT] = right
    return pixels


def mask(*where: slice) -> np.ndarray:
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[where] = 1
    return pixels


def part(name: str, *where: slice) -> dict[str, Any]:
    return {"part_name": name, "mask": mask(*where)}


def annotation(*parts: dict[str, Any], class_ind: int = 15) -> dict[str, Any]:
    person = {"class": "person", "class_ind": class_ind, "mask": mask(), "parts": list(parts)}
    dog = {"class": "dog", "class_ind": 12, "mask": mask(), "parts": [part("tail", np.s_[:2])]}
    return {"imname": "x", "objects": [person, dog]}


@pytest.fixture(scope="module")
def pascal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten training images and one for the test; a dog at the left, nothing at the right."""
    root = tmp_path_factory.mktemp("pascal")
    grey = np.rint((np.array(TOWARDS_VIEWER) + 1) * 127.5).astype(np.uint8)
    for number in (*PASCAL_IDS, "2009_000001"):
        save(np.stack([image(200, 30)] * 3, 2), root / "JPEGImages" / f"{number}.jpg")
        save(image(12, 255), root / "semseg" / "pascal-context" / f"{number}.png")
        save(image(200, 20), root / "sal_distill" / f"{number}.png")
        normals = np.broadcast_to(grey, (HEIGHT, WIDTH, 3)).copy()
        save(normals, root / "normals_distill" / f"{number}.png")
        write_mat(root / "pascal-context/trainval" / f"{number}.mat", LabelMap=image(300, 45, int))
    save(image(0, 15), root / "semseg" / "VOC12" / f"{PASCAL_IDS[0]}.png")
    parts = (part("hair", np.s_[:10]), part("llleg", np.s_[30:]), part("rfoot", np.s_[40:]))
    write_mat(root / "human_parts" / f"{PASCAL_IDS[0]}.mat", anno=annotation(*parts))
    write_mat(root / "human_parts" / f"{PASCAL_IDS[2]}.mat", anno=annotation(class_ind=12))
    sets = root / "ImageSets" / "Context"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("\n".join(PASCAL_IDS) + "\n")
    (sets / "val.txt").write_text("2009_000001\n")
    return root


def write_mat(path: Path, **variables: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, variables)


@pytest.fixture(scope="module")
def cityscapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven cities of one image each: a car 8 pixels of disparity away, and sky."""
    root = tmp_path_factory.mktemp("cityscapes")
    for split, city in [*(("train", f"city{k}") for k in range(6)), ("val", "other")]:
        name = f"{city}_000000_000019"
        folder = Path(split) / city
        rgb = np.stack([image(200, 30)] * 3, 2)
        save(rgb, root / "leftImg8bit" / folder / f"{name}_leftImg8bit.png")
        save(image(26, 23), root / "gtFine" / folder / f"{name}_gtFine_labelIds.png")
        stored = image(256 * 8 + 1, 999, np.uint16)
        stored[:4] = 0
        path = root / "disparity" / folder / f"{name}_disparity.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(stored).save(path)
    return root


def rule(size: tuple[int, int]) -> BatchRule:
    plain = {"mean": (0.5,) * 3, "std": (0.25,) * 3, "least_photograph_crop": 1.0}
    numbers = {"photographs": 1.0, "focal_px": 60.0, "feed_width": size[1], **plain}
    return BatchRule(*size, 2, **numbers)  # type: ignore[arg-type]


def test_an_image_of_pascal_context_has_the_truth_of_five_tasks(pascal: Path) -> None:
    person, plain, dog = (open_samples(f"pascal:{pascal}:train")[k] for k in range(3))
    assert (plain.labels[LEFT] == 13).all() and (plain.labels[RIGHT] == 0).all()
    assert (person.labels[LEFT] == 1).all() and (person.labels[RIGHT] == 16).all()  # VOC's own
    assert np.array_equal(plain.others["saliency"], image(1, 0))
    assert (plain.edges[:, 39] == 1).all() and (plain.edges[:, :39] == 0).all()
    assert np.allclose(plain.normals, (0.6, 0.0, -0.8), atol=0.01)  # now it faces the camera
    assert not plain.depth_m.any()
    parts = person.others["parts"]
    assert [int(parts[row, 0]) for row in (0, 20, 30, 45)] == [1, 0, 6, 6]
    assert (plain.others["parts"] == 255).all() and (dog.others["parts"] == 255).all()


def test_pascals_validation_is_a_tenth_of_its_training_images(pascal: Path) -> None:
    held = open_samples(f"pascal:{pascal}:validation")
    assert [held[k].name for k in range(len(held))] == [PASCAL_IDS[9]]
    assert len(open_samples(f"pascal:{pascal}:train")) == 9
    assert len(open_samples(f"pascal:{pascal}:all")) == 10
    assert open_samples(f"pascal:{pascal}:test")[0].name == "2009_000001"


def test_a_part_that_pascal_part_does_not_have_is_named(tmp_path: Path, pascal: Path) -> None:
    path = pascal / "human_parts" / f"{PASCAL_IDS[4]}.mat"
    write_mat(path, anno=annotation(part("wing", np.s_[:9])))
    with pytest.raises(DataError, match=r"000004\.mat: PASCAL-Part has no part 'wing'"):
        open_samples(f"pascal:{pascal}:train")[4]
    write_mat(path, anno={"imname": "x"})
    with pytest.raises(DataError, match=r"000004\.mat: not an annotation of PASCAL-Part"):
        open_samples(f"pascal:{pascal}:train")[4]
    path.unlink()
    with pytest.raises(DataError, match="ImageSets/Context"):
        open_samples(f"pascal:{tmp_path}")


def test_an_image_of_cityscapes_has_classes_and_disparity(cityscapes: Path) -> None:
    source = open_samples(f"cityscapes:{cityscapes}:train")
    sample = source[0]
    space = load_label_space("cityscapes19")
    assert {space.name_of(int(k)) for k in np.unique(sample.labels)} == {"car", "sky"}
    disparity = sample.others["disparity"]
    assert (disparity[4:, :40] == 8).all() and (disparity[:4, :40] == -1).all()
    assert (disparity[RIGHT] == 0).all()  # the sky's, whatever the stereo matcher said
    assert sample.intrinsics.fx == pytest.approx(2262.52 * WIDTH / 2048)


def test_cityscapes_validation_is_every_sixth_training_city(cityscapes: Path) -> None:
    parts = {"train": 5, "validation": 1, "all": 6, "test": 1}
    assert {name: len(open_samples(f"cityscapes:{cityscapes}:{name}")) for name in parts} == parts
    assert open_samples(f"cityscapes:{cityscapes}:validation")[0].name.startswith("city5")
    with pytest.raises(DataError, match="leftImg8bit/train/CITY"):
        open_samples(f"cityscapes:{cityscapes / 'gtFine'}")


def test_disparity_is_of_the_image_that_the_network_is_fed_with(cityscapes: Path) -> None:
    source = open_samples(f"cityscapes:{cityscapes}:train")
    maker = BatchMaker(None, Photographs([source[0]], 32, 0))
    for width in (64, 32):  # pixels of the image; its own are 64
        found = maker(rule((width * 3 // 4, width)), (0, 0, 0)).others["disparity"]
        assert set(found.unique().tolist()) == {-1.0, 0.0, 8 * width / 64}

    class Told(torch.nn.Module):
        def forward(self, shown: torch.Tensor) -> dict[str, torch.Tensor]:
            known = torch.zeros(1, 1, *shown.shape[2:])
            known[..., : shown.shape[3] * 40 // 64] = 8 * shown.shape[3] / 64
            return {"disparity": known}

    where = data_set("cityscapes")
    scores = evaluate_network(Told(), source, InputSpec((24, 32)), data_set=where)
    assert scores.others["disparity"] < 0.8  # only where the map's border is interpolated


def test_what_a_turned_camera_sees_beyond_the_image_has_no_truth() -> None:
    plane, mask_of = torch.ones(1, 8, 8), torch.ones(1, 8, 8, dtype=torch.bool)
    others = {"parts": torch.full((8, 8), 4), "disparity": torch.full((8, 8), 7.5)}
    camera = torch.tensor([9.0, 9.0, 3.5, 3.5])
    image = torch.ones(3, 16, 16)
    cut = Cut(image, plane, plane[0].long(), plane.expand(3, 8, 8), plane, mask_of, camera, others)
    turned = rolled(cut, math.pi / 4)
    for task, values in turned.others.items():
        assert values.dtype == others[task].dtype
        assert values[0, 0] == NO_TRUTH[task] and values[4, 4] == others[task][4, 4]


@pytest.mark.parametrize("kind", ["pascal", "cityscapes"])
def test_a_network_of_the_data_sets_tasks_is_trained_and_scored(
    kind: str, request: pytest.FixtureRequest
) -> None:
    root, where = request.getfixturevalue(kind), data_set(kind)
    source = open_samples(f"{kind}:{root}:train")
    torch.manual_seed(0)
    network = build(toy("mtl", tasks=where.tasks, classes=where.labels + 1))
    batch = BatchMaker(None, Photographs([source[0], source[1]], 64, 0))(rule((32, 32)), (0, 0, 0))
    total, parts = Objective(network, LossConfig())(batch)
    total.backward()  # type: ignore[no-untyped-call]
    assert set(where.tasks) <= set(parts) and bool(torch.isfinite(total))
    feed = network.config.input_spec()
    scores = evaluate_network(
        network.eval(), source, feed, thresholds=2, max_images=1, data_set=where
    )
    assert scores.semantics is not None and set(scores.others) == set(batch.others)
    assert (scores.normals is not None) == (scores.boundaries is not None) == (kind == "pascal")
    with pytest.raises(ConfigError, match=r"nyu40 and unknown make 41"):
        evaluate_network(network, source, feed, max_images=1)


def test_a_comparison_has_the_classes_and_tasks_of_its_data() -> None:
    plan = Plan("pascal:here", "conv", 60.0, (32, 32), 2, tasks=data_set("pascal").tasks)
    config: Any = network_config(plan, Job("atrc", 0))
    assert config.classes == 22 and config.tasks == plan.tasks
    assert network_config(replace(plan, data="nyuv2:here"), Job("mtl", 0)).classes == 41
    with pytest.raises(ConfigError, match="not for semantics, parts, saliency, normals, edges"):
        network_config(plan, Job("m2h", 0))
