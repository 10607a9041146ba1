"""What may be averaged and what may stand in one table."""

import re
from typing import Any

from made_runs import Maker, error_of

from improved_gan.report.discovery import read_runs
from improved_gan.report.grouping import Table, tables_of


def tables(maker: Maker, metric: str | None = None) -> list[Table]:
    return tables_of(read_runs(maker.root).runs, metric)


def test_runs_that_differ_in_seeds_alone_make_one_row(maker: Maker) -> None:
    for seed in (1, 2, 3):
        maker.run(f"a-{seed}", seed=seed)
        maker.run(f"b-{seed}", "training.learning_rate=0.01", seed=seed)
    (table,) = tables(maker)
    assert table.factors == ["training.learning_rate"]  # the players' own rates follow it
    assert "training.generator_learning_rate" in table.follows["training.learning_rate"]
    assert [(row.label, len(row.runs)) for row in table.rows] == [("learning rate 0.003", 3), ("learning rate 0.01", 3)]


def test_what_decides_no_result_makes_no_difference(maker: Maker) -> None:
    maker.run("a-1", seed=1)
    maker.run("a-2", "training.log_interval=7", "tracking.project=other", seed=2)
    (table,) = tables(maker)
    assert table.factors == [] and [row.label for row in table.rows] == ["all runs"]


def test_other_data_is_another_table(maker: Maker) -> None:
    maker.run("a-1")
    maker.run("b-1", "dataset=mnist", "architecture=mnist_mlp")
    maker.run("c-1", dataset={"checksum": "9f"})
    maker.run("d-1", dataset={"checksum": "ab"})
    found = tables(maker)
    assert [len(table.rows) for table in found] == [1] * 4
    assert sorted(table.title for table in found) == [
        "digits (checksum 9f)",
        "digits (checksum ab)",
        "digits (checksum null)",
        "mnist",
    ]


def test_other_definitions_of_a_measure_are_other_columns(maker: Maker) -> None:
    maker.run("a-1", seed=1, metrics=error_of(0.1))
    maker.run("a-2", seed=2, metrics=error_of(0.2, samples=100))
    (table,) = tables(maker)
    assert [column.name for column in table.columns] == ["test error (samples 360)", "test error (samples 100)"]
    assert [column.value_of(run) for column in table.columns for run in table.rows[0].runs] == [0.1, None, None, 0.2]


def test_copies_of_a_run_count_once(maker: Maker) -> None:
    maker.run("here/a-1", metrics=error_of(0.1))
    maker.run("there/a-1", metrics=error_of(0.1))
    (table,) = tables(maker)
    assert len(table.rows[0].runs) == 1 and "same settings and seed" in table.notes[0]


def test_an_unfinished_twin_yields_to_the_finished_one(maker: Maker) -> None:
    maker.run("here/a-1", metrics=error_of(0.1))
    maker.run("there/a-1", status="running")
    (table,) = tables(maker)
    assert [run.name for run in table.rows[0].runs] == ["here/a-1"]


def test_rows_carry_the_papers_names_in_the_papers_order(maker: Maker) -> None:
    for row in ("minus_mbf", "our_methods", "minus_l_plus_ha", "minus_l", "minus_vbn", "minus_ls"):
        maker.run(f"{row}-1", "technique=our_methods", f"ablation={row}")
    (table,) = tables(maker)
    assert [row.label for row in table.rows] == ["Our methods", "-VBN+BN", "-L+HA", "-LS", "-L", "-MBF"]


def test_two_rows_of_one_name_are_told_apart(maker: Maker) -> None:
    maker.run("a-1", "technique=our_methods", "ablation=minus_l")
    maker.run("b-1", "technique=our_methods", "ablation=minus_l", "training.batch_size=50")
    (table,) = tables(maker)
    assert [row.label for row in table.rows] == ["-L, batch size 50", "-L, batch size 100"]


def test_leave_one_out_rows_are_named_by_what_is_missing(maker: Maker) -> None:
    techniques = ("feature_matching", "label_smoothing", "historical_averaging")
    everything = [f"technique.{name}.enabled=true" for name in techniques]
    maker.run("all-1", *everything)
    for name in techniques:
        maker.run(f"{name}-1", *everything, f"technique.{name}.enabled=false")
    (table,) = tables(maker)
    assert {row.label for row in table.rows} == {
        "all on",
        "without feature matching",
        "without label smoothing",
        "without historical averaging",
    }


def test_a_weight_is_not_told_of_a_row_whose_technique_is_off(maker: Maker) -> None:
    averaging = "technique.historical_averaging"
    for seed, weight in enumerate((0.01, 0.1), 1):
        maker.run(f"off-{seed}", f"{averaging}.enabled=false", f"{averaging}.weight={weight}", seed=seed)
        maker.run(f"on-{seed}", f"{averaging}.enabled=true", f"{averaging}.weight={weight}", seed=seed)
    (table,) = tables(maker)
    assert {row.label: len(row.runs) for row in table.rows} == {
        "historical averaging off": 2,
        "historical averaging on, weight 0.01": 1,
        "historical averaging on, weight 0.1": 1,
    }


def test_a_row_names_every_key_that_was_changed_for_it(maker: Maker) -> None:
    maker.run("plain-1", "technique=none", "objective=non_saturating")
    maker.run("penalty-1", "technique=none", "objective=wasserstein_gp", "training.batch_size=50")
    (table,) = tables(maker)
    assert [row.label for row in table.rows] == [
        "all off",
        "gradient penalty (and objective, batch size, discriminator steps, learning rate, optimizer)",
    ]


def test_a_key_that_older_runs_lack_tells_them_apart(maker: Maker) -> None:
    maker.run("new-1", seed=1)
    folder = maker.run("old-1", seed=2)
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(re.sub(r"(?m)^ *include_self: .*\n", "", config))
    (table,) = tables(maker)
    assert table.factors == ["technique.minibatch_discrimination.include_self"] and len(table.rows) == 2


def test_the_measure_asked_for_comes_first(maker: Maker) -> None:
    scores: dict[str, Any] = error_of(0.1) | {"inception_score": {"value": 7.0}}
    maker.run("a-1", metrics=scores)
    assert tables(maker)[0].columns[0].metric == "test_error"
    assert tables(maker, "inception_score")[0].columns[0].metric == "inception_score"
