#!/usr/bin/env bash
# Which techniques should the default run switch on? On the digits, 100 epochs, 2 seeds, judged on 300 training images
# held out. About 10 minutes on 2 cores.
#
#   scripts/digits_techniques.sh && improved-gan job=report run=outputs/digits_techniques
set -euo pipefail
common=(training.epochs=100 metrics.epoch_interval=1000 dataset.validation_images=300 dataset.evaluate_on=validation)
common+=(tracking.mode=disabled output_root=outputs/digits_techniques seed=1,2)

improved-gan -m technique=none,our_methods "${common[@]}"
improved-gan -m technique=none technique.minibatch_discrimination.enabled=true "${common[@]}"
improved-gan -m technique=none technique.feature_matching.enabled=true "${common[@]}"
for technique in historical_averaging virtual_batch_norm; do
    improved-gan -m technique=none technique.feature_matching.enabled=true "technique.$technique.enabled=true" "${common[@]}"
done
