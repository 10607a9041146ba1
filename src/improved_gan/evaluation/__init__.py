"""What a run or a set of images is worth: features, reference sets and networks that classify, for the metrics."""
