"""Hard sharing and single-task learning: sizes, tasks, published numbers."""

from pathlib import Path

import pytest
import torch
from helpers_methods import HrNetSized, parameters
from helpers_perception import TINY_CONV, fill, made_image

from hydra_mono.perception.networks.methods.hard_sharing import HardSharing, HardSharingConfig
from hydra_mono.perception.tasks import INDOOR, Task
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network


def tiny(*tasks: Task) -> HardSharing:
    network = HardSharing(HardSharingConfig(TINY_CONV, tasks, classes=5)).eval()
    fill(network)
    return network


@pytest.mark.parametrize("size", [(32, 64), (45, 61)])
def test_maps_have_the_size_of_any_image(size: tuple[int, int]) -> None:
    with torch.inference_mode():
        maps = tiny(*INDOOR)(made_image(1, *size))
    channels = {"depth": 1, "semantics": 5, "normals": 3, "edges": 1}
    assert {task: tuple(x.shape) for task, x in maps.items()} == {
        task: (1, count, *size) for task, count in channels.items()
    }
    assert float(maps["depth"].min()) > 0
    torch.testing.assert_close(maps["normals"].norm(dim=1), torch.ones(1, *size))


def test_a_single_task_network_knows_that_task_alone(tmp_path: Path) -> None:
    network, image = tiny("normals"), made_image(2, 32, 32)
    save_network(network, tmp_path / "normals.safetensors")
    loaded = load_network(tmp_path / "normals.safetensors")
    assert loaded.tasks == {"normals": 3} and loaded.config == network.config
    with torch.inference_mode():
        assert torch.equal(loaded(image)["normals"], network(image)["normals"])


def test_a_task_alone_computes_what_it_does_beside_others() -> None:
    """Nothing but the backbone is shared."""
    image = made_image(3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(tiny("edges")(image)["edges"], tiny(*INDOOR)(image)["edges"])


def test_heads_have_the_published_number_of_parameters() -> None:
    """ATRC's baseline on NYUD-v2 with HRNet-W18: 0.65 million in the heads of four tasks."""
    network = HardSharing(HardSharingConfig(classes=40), HrNetSized())
    assert parameters(network.heads) == 4 * (270 * 67 * 9 + 2 * 67) + 45 * (67 + 1) == 654836


@pytest.mark.parametrize("tasks", [(), ("depth", "depth")])
def test_tasks_have_to_be_named_once(tasks: tuple[Task, ...]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        HardSharingConfig(tasks=tasks)
