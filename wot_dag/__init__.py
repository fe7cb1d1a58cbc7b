"""Training-free search by WOT's score, with and without the filter on depth and width."""
