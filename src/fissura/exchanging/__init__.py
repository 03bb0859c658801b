"""Exchanging: cracks and masks to the files of other programs, and corrected masks back from them.

`export` writes tables (CSV, Parquet), annotations (COCO, CVAT, Label Studio), maps (GeoJSON, GeoPackage) and
drawings (SVG, DXF), one photograph at a time. `import_masks` takes what a person has corrected in CVAT, Label
Studio or a COCO tool back as a data set. One module per format; what is read from outside is never trusted.
"""

from fissura.exchanging.exporting import EXPORT_FORMATS, ExportFormat, export
from fissura.exchanging.geo import refuse_open, write_geopackage
from fissura.exchanging.importing import ImportSummary, import_masks
from fissura.exchanging.photo_cracks import PhotoCracks
from fissura.exchanging.tables import write_csv

__all__ = [
    "EXPORT_FORMATS",
    "ExportFormat",
    "ImportSummary",
    "PhotoCracks",
    "export",
    "import_masks",
    "refuse_open",
    "write_csv",
    "write_geopackage",
]
