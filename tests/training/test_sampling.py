"""Samples are drawn a batch at a time, and are the images of the same latents as if drawn at once."""

import pytest
import torch
from small_runs import small_trainer

from improved_gan.training.sampling import Sampler


@pytest.mark.parametrize("technique", ["none", "virtual_batch_norm"])
def test_latents_are_drawn_when_their_batch_is_due(technique: str) -> None:
    virtual = "true" if technique == "virtual_batch_norm" else "false"
    pair = small_trainer("device=cpu", f"technique.virtual_batch_norm.enabled={virtual}").pair
    drawn, waiting, own = [], [], pair.draw_latents

    def draw(count: int, source: torch.Generator | None) -> torch.Tensor:
        drawn.append(own(count, source))
        return drawn[-1]

    pair.draw_latents = draw
    sampler = Sampler(pair, batch_size=20, offset=127.5, scale=127.5)
    handle = pair.generator.register_forward_hook(lambda *_: waiting.append(len(drawn)))
    images = sampler.sample(50, seed=3)
    handle.remove()
    assert waiting == [1, 2, 3] and len(images) == 50
    source = torch.Generator().manual_seed(3)
    at_once = torch.cat([own(20, source) for _ in range(3)])
    assert torch.equal(torch.cat(drawn), at_once)
    assert torch.equal(sampler.images_of(at_once)[:50], images)


def test_a_last_batch_that_is_not_full_is_filled_up() -> None:
    pair = small_trainer("device=cpu").pair
    sampler = Sampler(pair, batch_size=20, offset=127.5, scale=127.5)
    latents = pair.draw_latents(30, torch.Generator().manual_seed(0))
    filled = torch.cat([latents, latents[:10]])
    assert torch.equal(sampler.images_of(latents), sampler.images_of(filled)[:30])
