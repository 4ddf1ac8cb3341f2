"""Copies the first bytes of a file: cut.py FROM TO COUNT."""

import pathlib
import sys

pathlib.Path(sys.argv[2]).write_bytes(pathlib.Path(sys.argv[1]).read_bytes()[:int(sys.argv[3])])
