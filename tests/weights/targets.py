"""What ``weights adapt`` does."""

from nnunet_cipa.trainers.target import resolve_target
from nnunet_cipa.weights import adapt_weights


def adapt(source, out, target):
    training = resolve_target(target)
    return adapt_weights(source, out, training.build_network(), training.dataset_json)
