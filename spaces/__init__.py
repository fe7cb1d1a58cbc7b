"""Cell-based search spaces: cells and genotypes, their DAGs, networks and accuracy tables.

Only what needs no torch is named here; networks and supernets are imported from their files.
"""

from spaces.darts import CellGenotype, Genotype
from spaces.errors import SpaceError
from spaces.measure import measure
from spaces.nasbench201 import Cell, all_cells

__all__ = ["Cell", "CellGenotype", "Genotype", "SpaceError", "all_cells", "measure"]
