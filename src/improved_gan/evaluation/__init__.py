"""What a run or a set of images is worth: features, reference sets and networks that judge, for the metrics."""
