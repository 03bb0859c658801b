"""Reporting: what people look at and hand on.

Overlays of one photograph, cracks drawn in the colour of their width, the folder of results of a batch,
the report of a job, the sheet that shows a data set, the plots and the gallery that show a score.

Its modules are named one by one where they are used: who writes masks need not load what draws reports.
"""
