#!/usr/bin/env bash
# A multirun as a Slurm job array: each job is resumed where it was when its time is up or when it is pushed out.
#
#   PARTITION=gpu GPUS=1 scripts/slurm/sweep.sh experiment=cifar10_table3 ablation=our_methods,minus_vbn seed=1,2,3
#
# Run it on a login node, in tmux or under nohup: it waits for the jobs, and lists at the end what failed and why.
# Ctrl-C ends the waiting, not the jobs (scancel does). The same command again submits what is not finished yet; wait
# until the queue is empty first, as a run that another process works on is refused.
# Settings, from the environment:
#   PARTITION  the queue                                 CPUS      cores a process (2)
#   GPUS       GPUs a job (none)                         MEMORY    GB a job (8)
#   TASKS      processes a job, which train its run together (1); each has CPUS cores
#   MINUTES    a job's time before it is queued again    AT_ONCE   jobs at the same time, at most (64)
#              (720; over 10, see docs/sweeps.md)        RESTARTS  how often that may happen (20)
# output_root must lie on a file system that all nodes share, and so must the environment with improved-gan.
set -euo pipefail

: "${PARTITION:?name the queue: PARTITION=... (sinfo lists them)}"
export OMP_NUM_THREADS="${CPUS:-2}"

exec improved-gan -m "$@" hydra/launcher=submitit_slurm \
    "hydra.launcher.partition=$PARTITION" \
    "hydra.launcher.cpus_per_task=${CPUS:-2}" \
    "hydra.launcher.tasks_per_node=${TASKS:-1}" \
    "hydra.launcher.gpus_per_node=${GPUS:-null}" \
    "hydra.launcher.mem_gb=${MEMORY:-8}" \
    "hydra.launcher.timeout_min=${MINUTES:-720}" \
    "hydra.launcher.max_num_timeout=${RESTARTS:-20}" \
    "hydra.launcher.array_parallelism=${AT_ONCE:-64}"
