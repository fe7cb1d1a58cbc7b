"""TE-NAS: training-free search by pruning a supernet, with the exempt rule (paper, Sec. 5.4)."""
