// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_nmf.h"

#include <math.h>

double reference_divergence(double beta, double v, double x)
{
    if (beta == 0.0) {
        return v / x - log(v / x) - 1.0;
    }
    if (beta == 1.0) {
        return (v > 0.0 ? v * log(v / x) : 0.0) - v + x;
    }
    const double power = pow(x, beta - 1.0);
    return (pow(v, beta) + (beta - 1.0) * power * x - beta * v * power) / (beta * (beta - 1.0));
}

double reference_gamma(double beta)
{
    if (beta < 1.0) {
        return 1.0 / (2.0 - beta);
    }
    return beta > 2.0 ? 1.0 / (beta - 1.0) : 1.0;
}
