"""Train MLPs that a DAG code defines."""

from mlp_code.batched import BatchedDagMlp
from mlp_code.model import DagMlp, MlpShape

__all__ = ["BatchedDagMlp", "DagMlp", "MlpShape"]
