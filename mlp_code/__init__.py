"""Train MLPs that a DAG code defines."""

from mlp_code.model import DagMlp, MlpShape
from mlp_code.stack import DagMlpStack

__all__ = ["DagMlp", "DagMlpStack", "MlpShape"]
