#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits of scikit-learn's NMF, for tests/bench/speed.

    tests/bench/sklearn_worker.py SPECTROGRAM N_BINS

Says as JSON what it is, or why it cannot ({"skipped": ...}); then answers every line of stdin, such
as {"beta": 1, "solver": "mu", "components": 8, "iterations": 5}, with the CPU seconds of the fit and
the cost that it reached. The spectrogram is a file of floats, frame after frame; scikit-learn gets
it the other way round, bins by frames, which it is faster with.
"""
import json
import sys
import time
import warnings


def say(**words):
    print(json.dumps(words), flush=True)


def fast_blas():
    """What multiplies its matrices, or None when that is the plain loops of the reference BLAS."""
    import threadpoolctl
    for library in threadpoolctl.threadpool_info():
        if library["user_api"] == "blas":
            return (f"{library['internal_api']} {library['version']} for "
                    f"{library.get('architecture', 'any CPU')}, {library['num_threads']} thread")
    return None


def fit(NMF, spectrogram, task):
    model = NMF(n_components=task["components"], init="random", solver=task["solver"],
                beta_loss=task["beta"], tol=0, max_iter=task["iterations"], random_state=0)
    begin = time.process_time()
    model.fit_transform(spectrogram)
    seconds = time.process_time() - begin
    # It reports sqrt(2 D); ours is D.
    return {"s": seconds, "cost": float(model.reconstruction_err_) ** 2 / 2}


def main():
    try:
        import numpy
        import sklearn
        from sklearn.decomposition import NMF
    except ImportError as error:
        return say(skipped=f"{error}; Debian has it as python3-sklearn")
    warnings.simplefilter("ignore")  # that it has not converged
    frames = numpy.fromfile(sys.argv[1], numpy.float32).reshape(-1, int(sys.argv[2]))
    spectrogram = numpy.ascontiguousarray(frames.T)
    blas = fast_blas()
    if blas is None:
        return say(skipped="scikit-learn has only the reference BLAS here and would be many times "
                   "slower than it can be; Debian has a fast one as libopenblas0")
    say(version=sklearn.__version__, blas=blas)
    for line in sys.stdin:
        say(**fit(NMF, spectrogram, json.loads(line)))


main()
