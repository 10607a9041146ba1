"""objective=r3gan is YAML alone: the relativistic game with R1 and R2 switched on."""

from improved_gan.composing import compose_jobs


def digest(*overrides: str) -> str:
    return compose_jobs(list(overrides))[0].digest


def test_r3gan_is_the_relativistic_game_with_r1_and_r2() -> None:
    spelled = ["objective=relativistic", "technique=none", "technique.r1.enabled=true", "technique.r2.enabled=true"]
    assert digest("objective=r3gan") == digest(*spelled)


def test_the_command_line_has_the_last_word_on_what_r3gan_switches_on() -> None:
    off = ["technique.r1.enabled=false", "technique.r2.enabled=false"]
    assert digest("objective=r3gan", *off) == digest("objective=relativistic", "technique=none")
    with_mbd = compose_jobs(["objective=r3gan", "technique=default"])[0].config.technique
    assert sorted(with_mbd.enabled()) == ["minibatch_discrimination", "r1", "r2"]
