"""SegFormer's ImageNet weights for the comparators with an MiT."""

import re

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import comparators
from nnunet_cipa.weights import load_encoder
from tests.data.comparators.fixture import load_shapes

# Original whose tensors have the file's names after a prefix, and how often the network has each linear layer.
NETWORKS = {
    "cmx": ("CMX", 2),
    "cmnext": ("CMX", 1),
    "geminifusion": ("GeminiFusion", 1),
}


def plain_name(name):
    """Return the file's name of a tensor of an original."""
    return re.sub(r"\.module\.|\.ln_[01]\.", ".", re.sub(r"^(backbone\.extra_|backbone\.|encoder\.)", "", name))


def segformer_file(original):
    """Return tensors with the names and shapes of mit_b2.pth or mit_b3.pth, each filled with a number of its own."""
    shapes = {}
    for name, (shape, _) in load_shapes(original).items():
        plain = plain_name(name)
        if re.match(r"(patch_embed|block|norm)\d", plain) and not re.search("cross_attn|relation|noise", plain):
            shapes[plain] = shape
    return {name: torch.full(shape, float(place)) for place, (name, shape) in enumerate(shapes.items())}


@pytest.fixture(params=NETWORKS)
def case(request, tmp_path):
    original, copies = NETWORKS[request.param]
    tensors = segformer_file(original)
    torch.save(tensors | {"head.weight": torch.zeros(1000, 512), "head.bias": torch.zeros(1000)}, tmp_path / "mit.pth")
    return comparators.build(request.param, 2, 2, patch_size=(32, 32)), tensors, copies, tmp_path / "mit.pth"


def test_every_tensor_of_the_file_goes_where_the_original_has_it(case):
    network, tensors, copies, path = case
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    count = load_encoder(network, path)
    after = network.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    loaded = {name: network.original_names(name)[0] for name in after if network.pretrained_name(name)}
    assert changed <= loaded.keys()
    assert count == len(loaded)
    assert {plain_name(theirs) for theirs in loaded.values()} == tensors.keys()
    layers = [theirs for theirs in loaded.values() if plain_name(theirs).endswith("fc1.weight")]
    assert len(layers) == copies * sum(name.endswith("fc1.weight") for name in tensors)
    for name, theirs in loaded.items():
        assert torch.equal(after[name], tensors[plain_name(theirs)]), name


def test_the_file_of_another_size_is_refused(tmp_path):
    torch.save(segformer_file("CMX"), tmp_path / "mit_b2.pth")
    network = comparators.build("geminifusion", 2, 2, patch_size=(32, 32))
    with pytest.raises(CIPAError, match=r"mit_b2.pth: .*lacks block3\.6\."):
        load_encoder(network, tmp_path / "mit_b2.pth")
