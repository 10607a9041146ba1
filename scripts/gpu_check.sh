#!/usr/bin/env bash
# The day a card is there: the tests of devices, then speed and memory of training on it, as one Markdown table.
#
#   scripts/gpu_check.sh                       # outputs/gpu_check/table.md
#   DEVICE=cpu TINY=1 scripts/gpu_check.sh     # does it run through?
#
# Repeat it until it ends: what is measured already is not measured again. Needs no data set, Hydra and torch alone.
# Settings, from the environment:
#   DEVICE   cuda, cuda:N or cpu (cuda)          FOLDER   where pieces and table go (outputs/gpu_check)
#   PYTHON   the interpreter (python)            SECONDS_A_PIECE   of timed steps (10)
#   TINY     1: small nets, few steps, no tests
set -euo pipefail

cd "$(dirname "$0")/.."
python="${PYTHON:-python}"
arguments=(--device "${DEVICE:-cuda}" --folder "${FOLDER:-outputs/gpu_check}" --seconds "${SECONDS_A_PIECE:-10}")
if [ -n "${TINY:-}" ]; then
    arguments+=(--tiny)
else
    timeout 480 "$python" -m pytest -q tests/training/test_device.py tests/training/test_evaluation_on_a_device.py
fi
exec "$python" scripts/gpu_check.py "${arguments[@]}"
