"""Exchanging: cracks and masks to the files of other programs, and corrected masks back from them."""
