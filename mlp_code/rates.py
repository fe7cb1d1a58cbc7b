"""The learning rate of each DAG: as set, by the rule of paths, or by its kernel."""

from common.dataset import Dataset
from dag import Dag, largest_eigenvalues, path_rule
from mlp_code.config import MlpConfig
from mlp_code.theory import inputs

SAFE = 0.5  # of 2 / lambda_max: the kernel is that of a sample, and without biases
_IMAGES = 256  # whose kernel stands for that of all training images


def learning_rates(config: MlpConfig, data: Dataset) -> dict[str, float]:
    """The learning rate of each DAG, by name.

    `lr: auto` takes SAFE times the largest stable rate of gradient descent on the mean over images
    of 1/2 ||y - f||^2, which is 2 n / lambda_max of the exact NTK of n images. A layer's share of
    that kernel is fan_in / 2 times as large in the standard parameterization as in the NTK's.

    Raises:
        ConfigError: lr is auto, and an image of the sample has no direction.
    """
    dags = {name: Dag.parse(code) for name, code in config.dags.items()}
    sgd = config.optimizer
    if sgd.lr != "auto":
        by_paths = sgd.lr_scaling == "paths"
        return {n: sgd.lr * (path_rule(dag) if by_paths else 1.0) for n, dag in dags.items()}
    x = inputs(data, min(_IMAGES, len(data.train))).cpu().double().numpy()
    standard = config.parameterization == "standard"
    stem, whole = (x.shape[1] / config.width, config.width / 2) if standard else (1.0, 1.0)
    largest = largest_eigenvalues(dags.values(), x, stem=stem)
    return {name: SAFE * 2 * len(x) / (whole * value) for name, value in zip(dags, largest)}
