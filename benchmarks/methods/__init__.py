"""The methods that stand side by side: our recipes, classical filters, and other people's networks.

Each ends in a function from a photograph to a `fissura.segmenting.Segmentation`, so that one scorer scores them all,
and each chooses what it has to choose without a mask, on the photographs that a recipe would hold out.
"""
