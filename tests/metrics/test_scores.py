"""The pure functions, against values that can be worked out by hand and against the reference implementations."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from improved_gan.metrics.extraction import ClassSums, Moments, RunningMoments, extract
from improved_gan.metrics.frechet_distance import frechet_distance
from improved_gan.metrics.inception_score import inception_score, inception_scores
from improved_gan.metrics.kernel_distance import kernel_distance
from improved_gan.metrics.prdc import compute_prdc


def moments_of(features: Tensor, batch_size: int = 1000) -> Moments:
    sums = RunningMoments()
    for batch in features.split(batch_size):
        sums.add(batch)
    return sums.moments()


def score_of(probabilities: Tensor, splits: int = 1) -> tuple[float, float]:
    sums = ClassSums(len(probabilities), splits)
    for batch in probabilities.log().split(7):
        sums.add(batch)
    return inception_score(sums.statistics())


class TestInceptionScore:
    def test_is_1_for_a_uniform_classifier(self) -> None:
        value, spread = score_of(torch.full((50, 10), 0.1), splits=5)
        assert value == pytest.approx(1, abs=1e-6) and spread == pytest.approx(0, abs=1e-6)

    def test_is_the_number_of_classes_for_sure_and_balanced_classes(self) -> None:
        value, _ = score_of(torch.eye(10).repeat(3, 1).clamp(min=1e-30))
        assert value == pytest.approx(10, rel=1e-6)

    def test_is_1_when_all_images_are_of_one_class(self) -> None:
        assert score_of(torch.eye(10)[:1].repeat(30, 1).clamp(min=1e-30))[0] == pytest.approx(1)

    def test_is_exp_of_the_mutual_information(self) -> None:
        # Two kinds of images, each right with probability .9: I = log 2 - H(.9)
        information = math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1)
        value, _ = score_of(torch.tensor([[0.9, 0.1], [0.1, 0.9]]).repeat(8, 1))
        assert value == pytest.approx(math.exp(information), rel=1e-6)

    @pytest.mark.parametrize("count", [50, 53])  # 53: splits of different lengths
    def test_equals_torch_fidelity(self, count: int) -> None:
        from torch_fidelity.metric_isc import isc_features_to_metric

        logits = torch.randn(count, 1008, generator=torch.Generator().manual_seed(1)) * 4
        sums = ClassSums(count, 10)
        for batch in logits.split(8):
            sums.add(batch)
        expected = isc_features_to_metric(logits, splits=10, shuffle=False)
        value, spread = inception_score(sums.statistics())
        assert value == pytest.approx(expected["inception_score_mean"], rel=1e-9)
        assert spread == pytest.approx(expected["inception_score_std"], rel=1e-7)

    def test_splits_are_contiguous(self) -> None:
        sums = ClassSums(20, 2)
        sums.add(torch.eye(2).repeat_interleave(10, dim=0) * 100)  # sorted by class: the order that ruins the score
        assert inception_scores(sums.statistics()).tolist() == pytest.approx([1, 1])


class TestFrechetDistance:
    def test_of_gaussians_with_diagonal_covariances(self) -> None:
        first = Moments(9, torch.tensor([0.0, 1.0]).double(), torch.diag(torch.tensor([4.0, 9.0]).double()))
        second = Moments(9, torch.tensor([3.0, 5.0]).double(), torch.diag(torch.tensor([1.0, 1.0]).double()))
        assert frechet_distance(first, second) == pytest.approx(9 + 16 + (2 - 1) ** 2 + (3 - 1) ** 2)

    def test_of_a_scaled_and_rotated_gaussian(self) -> None:
        source = torch.Generator().manual_seed(0)
        root = torch.randn(6, 6, generator=source, dtype=torch.float64)
        covariance, mean = root @ root.T, torch.zeros(6, dtype=torch.float64)
        # S and c^2 S: tr(S + c^2 S - 2 c S) = (1 - c)^2 tr S
        scaled = Moments(9, mean + 2, 9 * covariance)
        assert frechet_distance(Moments(9, mean, covariance), scaled) == pytest.approx(
            24 + 4 * float(covariance.trace())
        )

    def test_of_identical_sets_is_0(self) -> None:
        features = torch.randn(100, 20, generator=torch.Generator().manual_seed(0))
        moments = moments_of(features)
        assert frechet_distance(moments, moments) == pytest.approx(0, abs=1e-9)

    @pytest.mark.parametrize("count", [60, 12])  # 12: fewer images than features, singular covariances
    def test_equals_torch_fidelity_and_pytorch_fid(self, count: int) -> None:
        from pytorch_fid.fid_score import calculate_frechet_distance
        from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

        source = torch.Generator().manual_seed(2)
        mix = torch.randn(24, 24, generator=source)
        ours, real = (torch.randn(count, 24, generator=source) @ mix + shift for shift in (0.0, 0.5))
        value = frechet_distance(moments_of(ours, 7), moments_of(real, 5))
        statistics = [fid_features_to_statistics(features.double()) for features in (ours, real)]
        expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
        assert value == pytest.approx(expected, rel=1e-6)
        pairs = [(s["mu"], s["sigma"]) for s in statistics]
        assert value == pytest.approx(calculate_frechet_distance(*pairs[0], *pairs[1]), rel=1e-4)

    def test_of_constant_features(self) -> None:
        same = moments_of(torch.ones(5, 3))
        assert frechet_distance(same, moments_of(torch.zeros(5, 3))) == pytest.approx(3)


class TestMoments:
    def test_do_not_depend_on_batches_and_survive_a_large_mean(self) -> None:
        features = torch.randn(97, 5, generator=torch.Generator().manual_seed(3)).double() + 1e6
        expected = np.cov(features.numpy(), rowvar=False)
        for batch_size in (1, 10, 97):
            moments = moments_of(features, batch_size)
            assert np.allclose(moments.covariance.numpy(), expected, rtol=1e-6, atol=1e-8)
            assert moments.count == 97 and torch.allclose(moments.mean, features.mean(dim=0), rtol=1e-14)


class TestKernelDistance:
    def test_is_the_unbiased_estimate(self) -> None:
        source = torch.Generator().manual_seed(0)
        ours, real = torch.randn(6, 3, generator=source), torch.randn(6, 3, generator=source) + 1
        kernel = lambda x, y: (float(x @ y) / 3 + 1) ** 3  # noqa: E731
        within = [sum(kernel(a[i], a[j]) for i in range(6) for j in range(6) if i != j) / 30 for a in (ours, real)]
        across = sum(kernel(x, y) for x in ours for y in real) / 36
        value, spread = kernel_distance(ours, real, subsets=3, subset_size=6)
        assert value == pytest.approx(sum(within) - 2 * across, rel=1e-4) and spread < 1e-5

    def test_is_about_0_for_equal_distributions(self) -> None:
        source = torch.Generator().manual_seed(0)
        value, spread = kernel_distance(
            torch.randn(400, 8, generator=source), torch.randn(400, 8, generator=source), subsets=50, subset_size=200
        )
        assert abs(value) < 3 * spread


class TestNeighbourhoods:
    def test_by_hand_on_a_line(self) -> None:
        # Reals 0, 1, 2, 10: with k = 1 the balls have radii 1, 1, 1 and 8. Balls around the samples: 1, 1 and 28.5.
        reals = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
        samples = torch.tensor([[0.5], [1.5], [30.0]])
        found = compute_prdc(samples, reals, neighbours=1, of_density=1)
        assert found == (pytest.approx(2 / 3), 1, pytest.approx(4 / 3), 3 / 4)

    def test_of_identical_sets(self) -> None:
        features = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
        found = compute_prdc(features, features, neighbours=3, of_density=5)
        assert found == (1, 1, pytest.approx(1, abs=0.02), 1)

    def test_of_sets_that_are_far_apart(self) -> None:
        features = torch.randn(100, 5, generator=torch.Generator().manual_seed(0))
        assert compute_prdc(features + 100, features, neighbours=3, of_density=5) == (0, 0, 0, 0)

    @pytest.mark.parametrize("counts", [(90, 130), (130, 90)])
    def test_precision_and_recall_are_torch_fidelitys(
        self, counts: tuple[int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from torch_fidelity.metric_prc import prc_features_to_metric

        monkeypatch.setattr("improved_gan.metrics.prdc.BLOCK", 40)
        source = torch.Generator().manual_seed(4)
        samples, reals = (torch.randn(count, 12, generator=source) for count in counts)
        expected = prc_features_to_metric(samples * 0.9, reals, prc_neighborhood=3, verbose=False)
        found = compute_prdc(samples * 0.9, reals, neighbours=3, of_density=5)
        assert (found.precision, found.recall) == pytest.approx((expected["precision"], expected["recall"]))
        assert 0 < found.recall < found.precision < 1

    @pytest.mark.integration
    def test_published_values_of_two_gaussian_sets(self) -> None:
        # Density differs by .08 from draw to draw (a few central points lie in many balls), the others by .01.
        source = torch.Generator().manual_seed(0)
        samples, reals = (torch.randn(10000, 1000, generator=source) for _ in range(2))
        found = compute_prdc(samples, reals, neighbours=5, of_density=5)
        assert found == (
            pytest.approx(0.477, abs=0.03),
            pytest.approx(0.471, abs=0.03),
            pytest.approx(1.056, abs=0.2),
            pytest.approx(0.974, abs=0.015),
        )


class PixelNetwork:
    """A feature network that is no network: pixels are features."""

    name, batch_size, device, accuracy = "pixels", 4, torch.device("cpu"), 1.0

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images.flatten(1).float(), images.flatten(1)[:, :3].float() / 50


@pytest.mark.parametrize("keep", [True, False])
def test_extraction_keeps_features_only_if_asked(keep: bool) -> None:
    images = np.random.default_rng(0).integers(0, 256, (11, 1, 2, 2), dtype=np.uint8)
    features = extract(PixelNetwork(), images, splits=2, keep=keep)
    assert features.moments.count == 11 and features.classes.counts.tolist() == [5, 6]
    assert np.allclose(features.moments.covariance, np.cov(images.reshape(11, -1), rowvar=False))
    if keep:
        assert features.values is not None and torch.equal(features.values, torch.from_numpy(images).flatten(1).float())
    else:
        assert features.values is None and features.logits is None
