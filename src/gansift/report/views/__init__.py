"""How examples and samples are shown: as images, as points, or as the records of a table."""
