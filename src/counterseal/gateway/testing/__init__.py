"""Running an engine over a folder of images: the manifest, the samples, the comparisons, the corpus card."""
