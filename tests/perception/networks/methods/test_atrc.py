"""ATRC: contexts, published sizes and genotypes, the search."""

import json
from pathlib import Path

import pytest
import torch
from helpers_methods import HrNetSized, giga_macs, parameters, toy
from helpers_perception import made_image
from torch import Tensor

from hydra_mono.core.errors import ConfigError
from hydra_mono.perception.networks.methods.atrc import genotype as genotypes
from hydra_mono.perception.networks.methods.atrc.contexts import (
    GLOBAL,
    TARGET_LABEL,
    Context,
    ContextModule,
    descriptors,
    label_shares,
)
from hydra_mono.perception.networks.methods.atrc.network import Atrc, AtrcConfig
from hydra_mono.perception.networks.methods.atrc.search import AtrcSearch, Site

NYUD = ("semantics", "depth", "normals", "edges")
LABELS = {"semantics": 40, "depth": 40, "normals": 40, "edges": 2}
MAP = (107, 140)  # of 425×560 at stride 4
W18 = ((3, 3, 4, 4), (4, 3, 4, 4), (4, 3, 3, 4), (3, 3, 1, 3))


def uniform(code: int) -> tuple[tuple[int, ...], ...]:
    return ((code,) * 4,) * 4


def published(name: str, first: int) -> Atrc:
    rows = genotypes.published_genotype(name, NYUD)
    config = AtrcConfig(tasks=NYUD, classes=40, contexts=rows)
    with torch.device("meta"):
        return Atrc(config, HrNetSized(first))


def test_the_published_sizes_with_hrnet_w18() -> None:
    network = published("nyud_hrnet18", 18)
    assert parameters(network.contexts) == 218_616  # 0.219 M
    assert parameters(network.auxiliary) == 326_822  # 0.327 M
    assert parameters(network.bottleneck, network.logits) == 654_836  # 0.65 M


def test_the_published_sizes_with_hrnet_w48_where_two_tasks_need_no_labels() -> None:
    network = published("nyud_hrnet48", 48)
    assert parameters(network.contexts) == 1_408_680  # 1.409 M
    assert parameters(network.auxiliary) == 1_069_962  # 1.070 M
    assert set(network.auxiliary) == {"semantics", "edges"}
    assert set(published("nyud_hrnet18", 18).auxiliary) == set(NYUD)


@pytest.mark.parametrize(("code", "giga"), [(GLOBAL, 3.72), (TARGET_LABEL, 2.83)])
def test_the_published_cost_of_a_module_of_one_context(code: int, giga: float) -> None:
    """At 107×140, in the published count also sums of single numbers; nobody counts the 4.46 G of
    local attention, which is no matrix product."""
    with torch.device("meta"):
        module = ContextModule(uniform(code), NYUD, 67).eval()
        features = {task: torch.zeros(1, 67, *MAP) for task in NYUD}
        shares = {task: torch.zeros(1, k, 107 * 140) for task, k in LABELS.items()}
    assert giga_macs(lambda: module(features, shares)) == pytest.approx(giga, abs=0.025)


@pytest.mark.parametrize(
    ("name", "first", "heads", "auxiliary", "contexts", "millions"),
    [("nyud_hrnet18", 18, 9.80, 4.86, 2.72, 1.20), ("nyud_hrnet48", 48, 70.0, 16.0, 16.5, 7.16)],
)
def test_the_published_cost_and_size_of_each_part_at_425_by_560(
    name: str, first: int, heads: float, auxiliary: float, contexts: float, millions: float
) -> None:
    """Beside the backbones of 3.86 and 65.3 million: 5.06 and 72.5 million in all."""
    network = published(name, first).eval()
    wide = 15 * first
    with torch.device("meta"):
        shared = torch.zeros(1, wide, *MAP)
        features = {task: torch.zeros(1, wide // 4, *MAP) for task in NYUD}
        shares = {task: torch.zeros(1, k, 107 * 140) for task, k in LABELS.items()}

    def own_heads() -> None:
        for task in NYUD:
            network.logits[task](network.bottleneck[task](shared))

    found = giga_macs(own_heads)
    assert found == pytest.approx(heads, rel=0.005)
    found = giga_macs(lambda: [head(shared) for head in network.auxiliary.values()])
    assert found == pytest.approx(auxiliary, rel=0.005)
    found = giga_macs(lambda: network.contexts(features, shares))
    assert found == pytest.approx(contexts, rel=0.02)
    assert parameters(network) / 1e6 == pytest.approx(millions, abs=0.02)


def test_the_published_genotypes_read_as_printed_and_survive_a_file(tmp_path: Path) -> None:
    assert genotypes.published_genotype("nyud_hrnet18", NYUD) == W18
    pascal = ("semantics", "parts", "saliency", "normals", "edges")
    assert genotypes.published_genotype("pascal_hrnet18", pascal)[0] == (3, 3, 4, 0, 4)
    genotypes.write_genotype(tmp_path / "g.json", W18, NYUD, 40000)
    assert genotypes.read_genotype(tmp_path / "g.json", NYUD) == W18
    turned = genotypes.read_genotype(tmp_path / "g.json", NYUD[::-1])
    assert turned == tuple(row[::-1] for row in W18[::-1])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "no genotype"),
        ("{}", "no genotype"),
        ('{"data": {"depth": {"depth": 7}}}', "no genotype"),
        ('{"data": {"depth": {"depth": 1}}}', "a genotype of depth, not of depth, edges"),
    ],
)
def test_a_genotype_that_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, content: str, complaint: str
) -> None:
    (tmp_path / "g.json").write_text(content)
    with pytest.raises(ConfigError, match=complaint) as caught:
        genotypes.read_genotype(tmp_path / "g.json", NYUD)
    assert "\n" not in str(caught.value)


def test_contexts_of_other_tasks_make_no_network() -> None:
    with pytest.raises(ValueError, match="contexts of 4 tasks"):
        AtrcConfig(tasks=("depth", "edges"), contexts=W18)
    with pytest.raises(ValueError, match="no genotype of depth, edges"):
        AtrcConfig(tasks=("depth", "edges"))
    with pytest.raises(ValueError, match="context 3, not 4"):
        AtrcConfig(contexts=uniform(4))


def test_a_new_module_tells_a_task_nothing_of_the_others() -> None:
    """Scale and offset of the merging norm begin at 0."""
    torch.manual_seed(0)
    module = ContextModule(W18, NYUD, 8).eval()
    features = {task: torch.rand(1, 8, 6, 7) for task in NYUD}
    shares = {task: label_shares(torch.randn(1, 5, 6, 7)) for task in NYUD}
    before = module(features, shares)["depth"]
    noise = {task: torch.rand(1, 8, 6, 7) for task in NYUD} | {"depth": features["depth"]}
    assert torch.equal(before, module(noise, shares)["depth"])
    torch.nn.init.ones_(module.merge["depth"].project[1].weight)  # type: ignore[union-attr,index,arg-type]
    assert not torch.allclose(module(features, shares)["depth"], module(noise, shares)["depth"])


def test_a_label_that_is_everywhere_alike_gives_every_pixel_the_mean_value() -> None:
    torch.manual_seed(0)
    context = Context(TARGET_LABEL, 8).eval()
    target, source = torch.rand(1, 8, 5, 6), torch.rand(1, 8, 5, 6)
    found = context(target, source, label_shares(torch.zeros(1, 1, 5, 6)))
    mean = source.mean((2, 3), keepdim=True)
    torch.testing.assert_close(found, context.value_project(mean).expand(-1, -1, 5, 6))


def test_pixels_that_are_not_valid_are_of_no_label() -> None:
    logits, valid = torch.randn(2, 3, 4, 5), torch.ones(2, 4, 5, dtype=torch.bool)
    valid[0, :, 3:] = False
    valid[1] = False  # nothing is
    shares = label_shares(logits, valid).unflatten(2, (4, 5))
    assert float(shares[0, :, :, 3:].abs().max()) == 0 and float(shares[1].abs().max()) == 0
    torch.testing.assert_close(shares[0].sum((1, 2)), torch.ones(3))
    assert descriptors(shares.flatten(2), torch.rand(2, 7, 4, 5)).shape == (2, 7, 3, 1)


def test_labels_learn_from_the_maps_but_do_not_teach_the_shared_features() -> None:
    torch.manual_seed(0)
    network = Atrc(toy("atrc"))
    torch.nn.init.ones_(network.contexts.merge["depth"].project[1].weight)  # type: ignore[union-attr,index,arg-type]
    maps = network.training_maps(made_image(1, 32, 32).expand(2, -1, -1, -1), (32, 32))
    maps.final["depth"].sum().backward(retain_graph=True)
    assert network.auxiliary["depth"][1].weight.grad is not None  # type: ignore[index,union-attr]
    network.zero_grad(set_to_none=True)
    assert maps.discrete is not None
    maps.discrete["depth"].sum().backward()
    assert all(p.grad is None for p in network.backbone.parameters())


def test_the_search_begins_warm_and_exploring_and_ends_cold_and_deciding() -> None:
    network = AtrcSearch(toy("atrc_search"))
    for share, temperature, weight in ((0, 1.0, -0.02), (0.25, 0.7625, 0.0), (1, 0.05, 0.06)):
        network.set_progress(share)
        assert network.entropy_weight == pytest.approx(weight)
        assert network.all_sites()[5].temperature == pytest.approx(temperature)


def site_output(site: Site) -> Tensor:
    x = torch.rand(2, 8, 5, 5)
    share = label_shares(torch.randn(2, 3, 5, 5))
    with torch.no_grad():
        made: Tensor = site(x, x, share, share)
    return made


def test_a_pair_settles_when_a_context_leads_by_three_tenths_and_never_goes_back() -> None:
    torch.manual_seed(0)
    site = Site(8, own=False).train()
    site.alpha.data = torch.tensor([0.0, 0.0, 1.14, 0.0, 0.0])  # leads by 0.2985
    site_output(site)
    assert int(site.settled) == -1
    site.alpha.data[2] = 1.15
    site_output(site)
    assert int(site.settled) == 2 == site.choice()
    site.alpha.data = torch.tensor([9.0, 0.0, 0.0, 0.0, 0.0])
    site_output(site)
    assert site.choice() == 2


def test_a_pair_that_settled_on_none_gives_nothing_and_one_task_has_no_source_label() -> None:
    site = Site(8, own=True).eval()
    site.alpha.data[0] = 1.0
    assert len(site.alpha) == 4 and float(site_output(site).abs().max()) == 0


def test_a_searched_genotype_is_one_that_atrc_takes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = AtrcSearch(toy("atrc_search"))
    maps = network.training_maps(torch.rand(2, 3, 32, 32), (32, 32))
    assert maps.penalty is not None and maps.discrete is not None
    log_5, log_4 = torch.log(torch.tensor([5.0, 4.0])).tolist()
    expected = -0.02 * (12 * log_5 + 4 * log_4) / 16  # even distributions
    assert float(maps.penalty.detach()) == pytest.approx(expected)
    maps.penalty.backward()
    assert all(site.alpha.grad is not None for site in network.all_sites())
    network.all_sites()[1].alpha.data[4] = 5.0
    path = tmp_path / "found.json"
    genotypes.write_genotype(path, network.genotype(), tuple(network.tasks), 7)
    rows = genotypes.read_genotype(path, tuple(network.tasks))
    assert rows[0] == (0, 4, 0, 0) and json.loads(path.read_text())["step"] == 7
    assert Atrc(toy("atrc", contexts=rows)).tasks == network.tasks
