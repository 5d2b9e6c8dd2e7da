"""Baselines: what influence has to beat. One file each; all are called like `itd` and return `Scores`.

A file ``its_name.py`` describes itself by a record ``ESTIMATOR`` and is found by its name, ``its-name``. Most of them
only rank: their scores are in arbitrary units and say which example to remove first, not what that changes.
``discriminator-loss`` and ``without-propagation`` are influence of another quantity, or less exact.
"""
