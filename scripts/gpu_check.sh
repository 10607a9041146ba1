#!/usr/bin/env bash
# The day a card is there: the tests of devices, then speed, memory and Table 3's rows on it, as one Markdown table.
#
#   scripts/gpu_check.sh                       # outputs/gpu_check/table.md
#   DEVICE=cpu TINY=1 scripts/gpu_check.sh     # does it run through?
#
# Repeat it until it ends with another status than 3: what is measured already is not measured again. No piece takes
# more than 8 minutes. Only Table 3's rows need data, CIFAR-10 under IMPROVED_GAN_DATA.
# Settings, from the environment:
#   DEVICE   cuda, cuda:N or cpu (cuda)          FOLDER   where pieces and table go (outputs/gpu_check)
#   PYTHON   the interpreter (python)            SECONDS_A_PIECE   of timed steps (10)
#   TINY     1: small nets, few steps, no tests  MINUTES  of Table 3's rows side by side (25); 0: none
#   BUDGET   seconds after which it ends, with status 3 where not all is done
#   WHEELS   a folder of wheels to install first, where a machine reaches no registry
#   PARTS    a folder with cifar10.npz cut by `split -b 60M cifar10.npz cifar10.npz.`, put together under data/
set -euo pipefail

cd "$(dirname "$0")/.."
python="${PYTHON:-python}"
arguments=(--device "${DEVICE:-cuda}" --folder "${FOLDER:-outputs/gpu_check}" --seconds "${SECONDS_A_PIECE:-10}")
arguments+=(--minutes "${MINUTES:-25}" ${BUDGET:+--budget "$BUDGET"})
if [ -n "${WHEELS:-}" ]; then
    "$python" -m pip install --quiet --no-index --find-links "$WHEELS" "$WHEELS"/*.whl
fi
if [ -n "${PARTS:-}" ] && [ ! -e data/cifar10.npz ]; then
    mkdir -p data
    cat "$PARTS"/cifar10.npz.* > data/cifar10.npz
fi
if [ -n "${TINY:-}" ]; then
    arguments+=(--tiny)
elif [ ! -e "${FOLDER:-outputs/gpu_check}/tested" ]; then
    timeout 480 "$python" -m pytest -q tests/training/test_device.py tests/training/test_evaluation_on_a_device.py \
        tests/training/test_random_state.py tests/training/test_step_graph.py tests/architecture/test_building.py
    mkdir -p "${FOLDER:-outputs/gpu_check}"
    touch "${FOLDER:-outputs/gpu_check}/tested"
fi
exec "$python" scripts/gpu_check.py "${arguments[@]}"
