"""What is published of the spaces: genotypes by name, and the filter's boxes."""

from dag import Box

# The boxes of effective depth and width that the published code fixes; of DARTS, for the normal
# cell.
BOXES = {
    "nas-bench-201": Box(depth=(0.99, 2.51), width=(0.99, 3.01)),
    "darts": Box(depth=(0.5, 1.6), width=(4.0, 12.0)),
}

GENOTYPES = {
    "DARTS_V2": (  # Liu et al., ICLR 2019, second order
        "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
        "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
        "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
        "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
        "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
        "reduce_concat=[2, 3, 4, 5])"
    ),
}
