"""A run in memory: data, pair and position, able to take a step, judge itself, save and restore its state."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from improved_gan import distributed
from improved_gan.config import Config, UsageError
from improved_gan.dataset import PreparedDataset
from improved_gan.dataset.labels import held_out, labelled_indices
from improved_gan.dataset.prepared import PreparedSplit
from improved_gan.training.batches import Batch, Batches, Images, full_batches
from improved_gan.training.builder import build_gan, initialise
from improved_gan.training.data_checks import check_against_data
from improved_gan.training.device import prepare_arithmetic
from improved_gan.training.random_state import random_state, restore_random_state
from improved_gan.training.sampling import Sampler
from improved_gan.training.step import Losses, discriminator_step, generator_step, step_of
from improved_gan.training.step_graph import Inputs, replayed_or_not

RECONSTRUCTED, GRID_COLUMNS = 32, 8  # training images that are drawn beside their reconstructions


class Trainer:
    """Trains one pair as `config` says; `step` counts finished steps."""

    def __init__(self, config: Config, dataset: PreparedDataset) -> None:
        self.config = config
        self.dataset = dataset
        self.device = prepare_arithmetic(config)
        if config.training.precision == "tf32" and self.device.type == "cpu":
            raise UsageError("training.precision=tf32: a CPU has no TensorFloat-32; use fp32, or device=cuda")
        torch.manual_seed(config.seed)
        check_against_data(config, dataset)
        self.pair = build_gan(config, dataset.classes, self.device)
        self._image_sets: dict[int, Images] = {}  # by the identity of a split of `dataset`
        self.batches, unlabelled_count = self._batches()
        training = config.training
        self._groups = training.batch_size // training.coupling_size if training.coupling_size else 1
        self._check_shares()
        self.steps_per_epoch = max(1, unlabelled_count // (training.batch_size * training.discriminator_steps))
        lengths = [training.steps, training.epochs and training.epochs * self.steps_per_epoch]
        self.total_steps = min(length for length in lengths if length is not None)
        self.sampler = Sampler(
            self.pair,
            batch_size=training.seen_together(),
            offset=config.architecture.pixel_offset,
            scale=config.architecture.pixel_scale,
            as_bytes=not config.dataset.holds_points,
        )
        self.step = 0
        noise = self.pair.discriminator_noise
        if noise is not None and training.balance.instance_noise_decay:
            noise.std = torch.tensor(noise.std, device=self.device)
        self._update = step_of(self.pair, training.updates)
        self.updates = replayed_or_not(self._updates, self.pair, config, self.device)

    def _check_shares(self) -> None:
        """Raise `UsageError` where the processes cannot share out a batch, its parts and its groups evenly."""
        training, count = self.config.training, distributed.processes()
        least = self.pair.pack * count * training.accumulate
        if count > 1 and training.batch_size % least:
            parts = f", each in {training.accumulate} parts," if training.accumulate > 1 else ""
            raise UsageError(
                f"training.batch_size={training.batch_size}: {count} processes{parts} cannot share it out evenly; use "
                f"a multiple of {least}"
            )
        if not distributed.groups_nest(self._groups, count * training.accumulate) or (
            1 < self._groups < count * training.accumulate and training.accumulate > 1
        ):
            raise UsageError(
                f"training.coupling_size={training.coupling_size}: {count} processes with training.accumulate="
                f"{training.accumulate} cannot share {self._groups} groups out evenly"
            )

    def _images(self, split: PreparedSplit) -> Images:
        """The images of a split, made (and so uploaded to a GPU) once."""
        if id(split) not in self._image_sets:
            architecture = self.config.architecture
            self._image_sets[id(split)] = Images(
                split.images,
                split.labels,
                offset=architecture.pixel_offset,
                scale=architecture.pixel_scale,
                device=self.device,
            )
        return self._image_sets[id(split)]

    def _batches(self) -> tuple[Batches, int]:
        config, train = self.config, self.dataset.train
        kept, self.validation = held_out(len(train.images), config.dataset.validation_images)
        labelled = None
        if self.pair.objective.labelled_loss is not None and not config.objective.fully_labelled:
            assert train.labels is not None
            labelled = torch.from_numpy(kept[self._labelled_positions(train.labels[kept])])
        images = self._images(train)
        return Batches(
            images,
            torch.from_numpy(kept),
            labelled,
            size=config.training.batch_size,
            seed=config.seed,
            pack=self.pair.pack,
        ), len(kept)

    def _labelled_positions(self, labels: Int[np.ndarray, " n"]) -> Int[np.ndarray, " m"]:
        dataset = self.config.dataset
        if dataset.labels_per_class is None:
            return np.arange(len(labels))
        return labelled_indices(labels, dataset.labels_per_class, dataset.label_seed)

    def initialise(self) -> None:
        """Data-dependent initialisation from the first images; a resumed run has it in its weights."""
        initialise(self.pair, self.batches.first(self.config.architecture.initialise_on))
        for network in (self.pair.generator, self.pair.discriminator):
            distributed.take_from_first([*network.parameters(), *network.buffers()])

    def advance(self, *, watched: bool = False) -> Losses:
        """One step: `discriminator_steps` updates of the discriminator, then `generator_steps` of the generator.

        Or one of both at once, where `training.updates` is "simultaneous".

        One that is `watched` runs for itself also where steps are replayed, so that hooks and gradients are there.
        """
        training = self.config.training
        with distributed.sharded(training.batch_size // self.pair.pack, self._groups, training.accumulate):
            self._schedule()
            if training.accumulate > 1:
                losses = self._updates_in_parts()
            else:
                losses = (self._updates if watched else self.updates)(self._inputs())
            self.step += 1
            return losses

    def _inputs(self) -> Inputs:
        """What the step's updates see of the data."""
        training, step = self.config.training, self.step
        first = step * training.discriminator_steps
        inputs: Inputs = [self.batches.for_discriminator(first + k) for k in range(training.discriminator_steps)]
        if self._update is discriminator_step and self.pair.generator_sees_reals:
            first = step * training.generator_steps
            inputs += [self.batches.for_generator(first + k) for k in range(training.generator_steps)]
        return inputs

    def _updates(self, inputs: Inputs) -> Losses:
        training, losses = self.config.training, Losses()
        reals: list[Tensor | None] = []
        for part in inputs:
            if isinstance(part, Batch):
                losses |= self._update(self.pair, part)
            else:
                reals.append(part)
        if self._update is discriminator_step:
            count = training.batch_size // self.pair.pack // distributed.shares()
            for real in reals or [None] * training.generator_steps:
                losses |= generator_step(self.pair, real, count)
        return losses

    def _updates_in_parts(self) -> Losses:
        """As `_updates`, each batch in `training.accumulate` parts, whose gradients are added up."""
        training, losses = self.config.training, Losses()
        for k in range(training.discriminator_steps):
            losses |= self._in_parts(self._update_discriminator, self.step * training.discriminator_steps + k)
        if self._update is discriminator_step:
            for k in range(training.generator_steps):
                losses |= self._in_parts(self._update_generator, self.step * training.generator_steps + k)
        return losses

    def _update_discriminator(self, number: int) -> Losses:
        return self._update(self.pair, self.batches.for_discriminator(number))

    def _update_generator(self, number: int) -> Losses:
        real = self.batches.for_generator(number) if self.pair.generator_sees_reals else None
        return generator_step(
            self.pair, real, self.config.training.batch_size // self.pair.pack // distributed.shares()
        )

    def _in_parts(self, update: Callable[[int], Losses], number: int) -> Losses:
        """The means over the parts of update `number`'s losses."""
        found, before = [], random_state(self.device)
        for _ in distributed.each_part():
            restore_random_state(before, self.device)  # each part draws for the whole batch and takes its own rows
            found.append(update(number))
        return {name: torch.stack([losses[name] for losses in found]).mean(0) for name in found[0]}

    def _schedule(self) -> None:
        """Rates, from `learning_rate_decay_start` on linearly to zero at the end, as the authors'; and noise."""
        start = self.config.training.learning_rate_decay_start * self.total_steps
        left = (self.total_steps - self.step) / max(self.total_steps - start, 1)
        for player in (self.pair.generator_player, self.pair.discriminator_player):
            player.scale_learning_rate(min(left, 1.0))
        noise, balance = self.pair.discriminator_noise, self.config.training.balance
        if noise is not None and isinstance(noise.std, Tensor):
            noise.std.fill_(balance.instance_noise_std * (1 - self.step / self.total_steps))

    def weights_are_finite(self) -> bool:
        """Whether every trained parameter of both players is a finite number."""
        networks = (self.pair.generator, self.pair.discriminator)
        parameters = [p.detach() for network in networks for p in network.parameters()]
        # One number to wait for; the largest, as a sum of squares may overflow.
        return bool(torch.nn.utils.get_total_norm(parameters, norm_type=math.inf).isfinite())

    def evaluation_split(self) -> tuple[PreparedSplit, Int[Tensor, " n"]] | None:
        """The split that errors are counted on and which of its images; none if it is missing or has no labels.

        All of its images, unless there are more than `metrics.samples` (which budgets cap).
        """
        if self.config.dataset.evaluate_on == "validation":
            split, indices = self.dataset.train, torch.from_numpy(self.validation)
        elif self.dataset.test is not None:
            split, indices = self.dataset.test, torch.arange(len(self.dataset.test.images))
        else:
            return None
        return None if split.labels is None else (split, indices[: self.config.metrics.samples])

    @torch.no_grad()
    def class_logits(self) -> tuple[Float[Tensor, "n classes"], Int[Tensor, " n"]]:
        """Class logits and labels of the evaluation images: averaged weights, no noise, full batches in file order."""
        found = self.evaluation_split()
        assert found is not None
        split, indices = found
        images, pair = self._images(split), self.pair
        class_logits = pair.objective.class_logits
        assert class_logits is not None
        pair.discriminator.eval()
        with pair.discriminator_player.averaged():
            logits = [
                class_logits(pair.discriminator(images.take(indices[part]))[0].logits)[-new:]
                for part, new in full_batches(len(indices), self.config.training.seen_together())
            ]
        pair.discriminator.train()
        labels = images.take_labels(indices)
        assert labels is not None
        return torch.cat(logits), labels

    @torch.no_grad()
    def reconstructions(self) -> UInt8[Tensor, "n channel height width"] | None:
        """The first training images, each row of them above a row of their reconstructions; none if none are made."""
        pair, objective = self.pair, self.pair.objective
        if objective.latents is None or self.config.dataset.holds_points:
            return None
        images = self._images(self.dataset.train)
        pair.discriminator.eval()
        with pair.discriminator_player.averaged():
            codes = pair.logits(images.take(torch.arange(self.config.training.seen_together())))
        pair.discriminator.train()
        decoded = self.sampler.images_of(objective.latents(codes, False))[:RECONSTRUCTED]
        rows = [images.pixels[: len(decoded)].cpu().split(GRID_COLUMNS), decoded.split(GRID_COLUMNS)]
        return torch.cat([part for pair in zip(*rows, strict=True) for part in pair])

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "pair": self.pair.state_dict(), "random_state": random_state(self.device)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        self.pair.load_state_dict(state["pair"])
        restore_random_state(state["random_state"], self.device)
        self.updates = replayed_or_not(self._updates, self.pair, self.config, self.device)  # a graph knows addresses
