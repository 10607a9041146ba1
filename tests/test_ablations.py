"""Sweeps over technique sets compose to what they say: Table 3, leave one out, add one in, the full factorial."""

import pytest

from improved_gan.composing import compose_jobs, groups

TECHNIQUES = ["feature_matching", "historical_averaging", "label_smoothing", "minibatch_discrimination"]
TECHNIQUES += ["virtual_batch_norm"]  # the paper's, in the order of the files
ROWS = {
    "our_methods": "Our methods",
    "minus_vbn": "-VBN+BN",
    "minus_l_plus_ha": "-L+HA",
    "minus_ls": "-LS",
    "minus_l": "-L",
    "minus_mbf": "-MBF",
}


@pytest.mark.parametrize("experiment", ["digits_table3", "cifar10_table3"])
def test_table3_has_the_papers_rows(experiment: str) -> None:
    requests = compose_jobs(["-m", f"experiment={experiment}", f"ablation={','.join(ROWS)}", "seed=1,2,3"])
    assert len({request.digest for request in requests}) == 18
    assert [request.config.paper.row for request in requests[::3] if request.config.paper] == list(ROWS.values())
    ours, *others = (set(request.config.technique.enabled()) for request in requests[::3])
    assert ours == {"minibatch_discrimination", "label_smoothing", "virtual_batch_norm"}
    changed = [ours ^ other for other in others]
    assert changed == [
        {"virtual_batch_norm"}, {"historical_averaging"}, {"label_smoothing"}, set(), {"minibatch_discrimination"},
    ]  # fmt: skip
    weights = [request.config.objective.labelled_weight for request in requests[::3]]
    assert weights == [1, 1, 0, 1, 0, 1]


def test_table3_measures_its_own_quantity_of_current_weights() -> None:
    for experiment in ("digits_table3", "cifar10_table3"):
        (request,) = compose_jobs([f"experiment={experiment}"])
        assert request.config.training.generator_ema.decay is None
        assert {"classifier_score", "frechet_classifier_distance"} < set(request.config.metrics.names)
    assert {"inception_score", "frechet_inception_distance"} < set(request.config.metrics.names)


def test_leave_one_out_of_any_set() -> None:
    of_three = [
        "technique=all",
        "technique.feature_matching.enabled=false",
        "technique.historical_averaging.enabled=false",
    ]
    members = ["label_smoothing", "minibatch_discrimination", "virtual_batch_norm"]
    rows = ",".join(["none", *(f"without_{name}" for name in members)])
    found = [request.config.technique.enabled() for request in compose_jobs(["-m", *of_three, f"ablation={rows}"])]
    assert found == [members] + [[other for other in members if other != name] for name in members]


def test_add_one_in() -> None:
    rows = ",".join(["none", *(f"with_{name}" for name in TECHNIQUES)])
    found = [r.config.technique.enabled() for r in compose_jobs(["-m", "technique=none", f"ablation={rows}"])]
    assert found == [[]] + [[name] for name in TECHNIQUES]


def test_each_technique_can_be_left_out_and_added_in() -> None:
    assert {f"{word}_{name}" for word in ("with", "without") for name in TECHNIQUES} < set(groups()["ablation"])


def test_all_are_the_papers_five() -> None:
    assert compose_jobs(["technique=all"])[0].config.technique.enabled() == TECHNIQUES


def test_the_full_factorial() -> None:
    toggles = [f"technique.{name}.enabled=true,false" for name in TECHNIQUES]
    requests = compose_jobs(["-m", "technique=none", *toggles])
    assert len({tuple(request.config.technique.enabled()) for request in requests}) == 32
    assert len({request.digest for request in requests}) == 32


def test_figure_3_is_two_rows() -> None:
    requests = compose_jobs(["-m", "experiment=mnist_figure3"])
    enabled = [request.config.technique.enabled() for request in requests]
    assert [request.config.training.generator_steps for request in requests] == [1, 3]
    assert enabled == [["feature_matching"], ["minibatch_discrimination"]]
    assert {(request.config.dataset.labels_per_class, request.config.seed) for request in requests} == {(10, 1)}
