"""The sections of the page, each a module.

A section has `TEMPLATE`, its part of the page, and ``content(summary, shown)``, which gives what the template names
besides ``report`` (the summary), ``label`` (of the metric) and ``lower`` (whether lower is better), or None where the
section does not apply.
"""
