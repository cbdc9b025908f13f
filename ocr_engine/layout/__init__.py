"""The order and the blocks of a page, from the geometry of its lines; no model is used.

lay_out() is the entry. pieces.py straightens the lines, columns.py divides the page into areas, and
the other modules find the blocks of an area.
"""

from ocr_engine.layout.page import lay_out as lay_out
