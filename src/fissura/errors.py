"""The errors Fissura raises on purpose."""


class FissuraError(Exception):
    """A problem that the user can mend.

    Its text is one line that names the file (or setting) and the mend. The command line prints that line
    and exits with status 1; it never shows a traceback for one unless ``--debug`` is given.
    """


class UnreadablePhotoError(FissuraError):
    """A photograph or mask that cannot be decoded; batches count and list it, and go on."""
