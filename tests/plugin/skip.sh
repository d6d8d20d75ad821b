#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
echo "skipped: $1"
exit 77
