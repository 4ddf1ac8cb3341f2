"""Writes integers to a .npy file: save_ids.py FILE ID..."""

import sys

import numpy as np

np.save(sys.argv[1], np.array(sys.argv[2:], np.int64))
