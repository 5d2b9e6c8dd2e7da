"""The experiments of the two papers on cleansing GANs: `run.py` makes the numbers, `page.py` the page about them."""
