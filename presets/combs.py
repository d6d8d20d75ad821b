# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes of an instrument that nobody knows: harmonics of equal width on a musical scale, each as loud as the fundamental
over its number."""
import numpy

KEYS = range(21, 109)
WIDTH = 0.015  # standard deviation of frequency: vibrato, choruses and tuning leave no harmonic where it is written
SPREAD = numpy.linspace(-2, 2, 9)  # standard deviations that a harmonic is made of


def lobe(bins):
    """The magnitude of a sine that many bins away from it, seen through a Hann window: one on its place."""
    away = numpy.abs(bins)
    at_one = numpy.abs(away - 1) < 1e-6
    inside = numpy.sinc(away) / numpy.where(at_one, 1, 1 - away ** 2)
    return numpy.where(at_one, 0.5, numpy.where(away < 2, inside, 0))


def comb(key, n_bins, bin_hz):
    fundamental = 440 * 2 ** ((key - 69) / 12) / bin_hz
    weights = numpy.exp(-SPREAD ** 2 / 2)
    weights /= weights.sum()
    template, bins = numpy.zeros(n_bins), numpy.arange(n_bins)
    for harmonic in range(1, int(0.98 * n_bins / fundamental) + 1):
        place = harmonic * fundamental
        for weight, spread in zip(weights, SPREAD):
            template += weight / harmonic * lobe(bins - place * (1 + WIDTH * spread))
    return template


def templates(n_bins, bin_hz):
    """@return keys, and a column for each."""
    return list(KEYS), numpy.stack([comb(key, n_bins, bin_hz) for key in KEYS], axis=1)
