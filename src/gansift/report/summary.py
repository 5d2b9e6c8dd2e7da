"""What ``report.json`` holds: written by the workflow, read by the page and by other programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gansift.errors import GansiftError
from gansift.files import read_json
from gansift.report import typed
from gansift.report.words import finite

#: Ends of a 95 % interval; None where there is none.
Ends = tuple[float | None, float | None] | None


@dataclass(frozen=True)
class Source:
    """The data that a run was about.

    Attributes:
        name: the name of the data.
        train: the number of training examples.
        valid: the number of validation examples.
        test: the number of test examples.
        kind: what the examples are, in the plural: ``images``, ``points`` or ``records``.
        shape: the shape of one example, or None.
        classes: the names of the classes, or None.
        skipped: the files that were left out, each with the reason.
    """

    name: str
    train: int
    valid: int
    test: int
    kind: str
    shape: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class MetricWords:
    """How a metric speaks of itself.

    Attributes:
        name: its full name, such as ``fid-classifier16@2000``.
        label: its short name, such as ``FID``.
        meaning: what it measures, as a clause; may be empty.
        caution: what must not be read into its values, as a sentence; may be empty.
        direction: whether lower or higher values are better.
    """

    name: str
    label: str
    meaning: str
    caution: str
    direction: Literal["lower", "higher"]


@dataclass(frozen=True)
class Nouns:
    """What the page calls things.

    Attributes:
        example: one training example: ``image``, ``point`` or ``record``.
        trained: what is trained: ``generator``, or ``model`` for a game without samples.
    """

    example: str = "example"
    trained: str = "generator"


@dataclass(frozen=True)
class Verdict:
    """Whether removal helped on test data, and a sentence that says so."""

    helped: bool
    sentence: str


@dataclass(frozen=True)
class Cell:
    """One removal that was tried.

    Attributes:
        horizon: the number of steps that were redone.
        epochs: the same in epochs, or None.
        removed: the number of examples.
    """

    horizon: int
    epochs: float | None
    removed: int


@dataclass(frozen=True)
class Changes:
    """Values of the metric on one split, means over seeds, and how removal changed them.

    Attributes:
        before: the value with everything kept.
        after: the value without the removed examples.
        change: the value after minus the value before, with its interval ``ci95``.
        random_change: the change by removing as many at random, with its interval ``random_ci95``.
        against_random: the change minus the random change, with its interval ``against_random_ci95``.
        floor: the value of real data against real data, if the metric knows it.
        untrained: the value before training; None where it was not kept.
    """

    before: float | None
    after: float | None
    change: float | None
    ci95: Ends = None
    random_change: float | None = None
    random_ci95: Ends = None
    against_random: float | None = None
    against_random_ci95: Ends = None
    floor: float | None = None
    untrained: float | None = None


@dataclass(frozen=True)
class GridRow:
    """Changes of the metric by one removal, means over seeds.

    Attributes:
        horizon: the number of steps that were redone.
        epochs: the same in epochs.
        removed: the number of examples.
        predicted: the change that the sum of scores predicts; None for scores that only rank.
        calibrated: the prediction as far as other seeds bore such predictions out.
        validation: the change that was measured on validation data, with its interval ``validation_ci95``.
        test: the change that was measured on test data, with its interval ``test_ci95``.
        random_validation: the same for as many at random, with its interval ``random_validation_ci95``.
        random_test: the same for as many at random, with its interval ``random_test_ci95``.
    """

    horizon: int
    epochs: float | None
    removed: int
    predicted: float | None = None
    calibrated: float | None = None
    validation: float | None = None
    validation_ci95: Ends = None
    test: float | None = None
    test_ci95: Ends = None
    random_validation: float | None = None
    random_validation_ci95: Ends = None
    random_test: float | None = None
    random_test_ci95: Ends = None

    @property
    def promise(self) -> tuple[float, float] | None:
        """What was predicted and what was measured on validation data; None unless both are numbers."""
        predicted, measured = self.predicted, self.validation
        return (predicted, measured) if finite(predicted) and finite(measured) else None


@dataclass(frozen=True)
class SeedRow:
    """Test values of one training seed: before, after, after random removal, and the removal that it judged."""

    seed: int
    before: float | None
    after: float | None
    random: float | None
    judged: Cell | None = None


@dataclass(frozen=True)
class Growth:
    """How large the derivative is at one training step, and the effect that scores predict from there on."""

    step: int
    norm: float | None
    effect: float | None = None


@dataclass(frozen=True)
class HorizonCheck:
    """What a few retrainings said of the scores of one horizon.

    Attributes:
        horizon: in steps.
        count: of retrainings.
        removed: examples in each.
        spearman: rank correlation of what scores predicted and what came, or None.
        holds: whether that is enough to believe them.
    """

    horizon: int
    count: int
    removed: int
    spearman: float | None
    holds: bool


@dataclass(frozen=True)
class Belief:
    """How far back scores can be believed.

    Attributes:
        horizon: the longest believable horizon in steps, or None.
        epochs: the same in epochs, or None.
        accumulated: the growth over the whole sweep.
        limit: the accumulated growth up to which scores are believed.
        effect: the effect that is predicted for a random 2 % over the whole sweep, as a share of the metric's value.
        effect_limit: the effect up to which scores are believed.
        state: one of ``smooth``, ``partly`` and ``chaotic``.
        checks: what retraining said of horizons, the longest first; the last one alone may hold. Empty where the sweep
            alone was asked.
    """

    horizon: int | None
    epochs: float | None
    accumulated: float | None
    limit: float
    effect: float | None
    effect_limit: float
    state: Literal["smooth", "partly", "chaotic"]
    checks: tuple[HorizonCheck, ...] = ()


@dataclass(frozen=True)
class Statistic:
    """A statistic of agreement with its 95 % interval."""

    value: float | None
    ci95: Ends = None


@dataclass(frozen=True)
class Verification:
    """Scores compared with retraining.

    Attributes:
        estimator: the estimator whose scores were verified.
        horizon: the horizon of the scores, in steps.
        epochs: the same in epochs, or None.
        kind: one of ``subsets`` and ``leave-one-out``.
        removed: the number of examples in each removal.
        count: the number of removals.
        seeds: the number of training seeds.
        truth: ``same-seed``, or ``expected`` for the mean over seeds.
        spearman: Spearman's rank correlation.
        kendall: Kendall's rank correlation.
        pearson: the linear correlation.
        slope: the slope of truth on prediction; None for scores that only rank.
        jaccard: the overlap of the extremes, or None for few removals.
        ceiling: the rank correlation that the truth of as many other seeds would show, or None.
        predicted: the change that is predicted for each removal.
        true: the change that each retraining gave.
        removals: the ids of each removal.
    """

    estimator: str
    horizon: int
    epochs: float | None
    kind: Literal["subsets", "leave-one-out"]
    removed: int
    count: int
    seeds: int
    truth: Literal["same-seed", "expected"]
    spearman: Statistic
    kendall: Statistic
    pearson: Statistic
    slope: Statistic | None
    jaccard: Statistic | None
    ceiling: Statistic | None
    predicted: tuple[float | None, ...]
    true: tuple[float | None, ...]
    removals: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Baseline:
    """Changes by another way to choose as many examples, means over seeds with their intervals."""

    estimator: str
    title: str
    validation: float | None
    validation_ci95: Ends
    test: float | None
    test_ci95: Ends


@dataclass(frozen=True)
class ClassCount:
    """Training examples of one class before and after the removal."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class NewModels:
    """What removal does to models that are trained anew, on seeds that were neither scored nor chose anything.

    Attributes:
        before: mean value on test data with everything kept, or None.
        after: without the removed examples.
        change: after less before, with its interval ``ci95``, which covers seeds, held-out examples and latents.
        ci95: interval of the change.
        random_change: the change by removing as many at random, with ``random_ci95``.
        random_ci95: interval of the random change.
        difference: change less random change, with ``difference_ci95``.
        difference_ci95: interval of that difference.
        removed: how many examples were judged; more than none also where they are kept, because it did not help.
        finding: ``better``, ``worse`` or ``unproven``; None where nothing was chosen that could be judged.
        scoring_seeds: how many trainings were scored.
        choosing_seeds: how many fresh ones chose the number.
        judging_seeds: how many further ones judged it.
        error_of_seeds: standard error of the change by seeds alone.
        error_of_examples: by which examples happened to be held out.
        error_of_latents: by which latents were drawn.
        looks: windows of trainings whose scores were averaged.
        reliability: correlation that scores of as many other seeds would have with these, or None.
        seeds_needed: trainings that give a reliability of 0.8, or None.
        surely_harmful: examples that are harmful for sure, at a false discovery rate of 10 %, or None.
        left_out: windows that could not be scored, with the reason.
        redraws: with how many other batches and random numbers each update was looked at.
    """

    before: float | None
    after: float | None
    change: float | None
    ci95: Ends
    random_change: float | None
    random_ci95: Ends
    difference: float | None
    difference_ci95: Ends
    removed: int
    finding: Literal["better", "worse", "unproven"] | None
    scoring_seeds: int
    choosing_seeds: int
    judging_seeds: int
    error_of_seeds: float | None = None
    error_of_examples: float | None = None
    error_of_latents: float | None = None
    looks: int = 0
    reliability: float | None = None
    seeds_needed: int | None = None
    surely_harmful: int | None = None
    left_out: tuple[str, ...] = ()
    redraws: int = 0


@dataclass(frozen=True)
class Kind:
    """A group of training examples, and what removing all of it does to new models.

    Attributes:
        name: what they have in common.
        count: how many examples.
        predicted: change of the metric, the sum of their scores, with its interval ``ci95``.
        ci95: interval of the prediction.
        proved: the change that retraining without them gave on test data; None where it was not tried.
        proved_ci95: its interval.
        advice: what to do, as a clause; empty where nothing is sure.
        shown: ids of a few of them: the most harmful of a harmful kind, or the most helpful of a helpful one.
    """

    name: str
    count: int
    predicted: float | None
    ci95: Ends
    proved: float | None = None
    proved_ci95: Ends = None
    advice: str = ""
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoldRow:
    """What one fold of a cross-fit found on the examples that it held out.

    Attributes:
        train: how many examples it trained on.
        test: how many it judged by.
        removed: how many it removed; 0 where it chose none.
        before: mean test value with everything kept.
        change: that removal made, with its interval ``ci95``.
        ci95: interval of the change.
        random_change: the change by removing as many at random.
        finding: ``better``, ``worse`` or ``unproven``; None where nothing was chosen that could be judged.
        reliability: of its scores, or None.
        report: the path of its own page, from the folder of the cross-fit.
    """

    train: int
    test: int
    removed: int
    before: float | None
    change: float | None
    ci95: Ends
    random_change: float | None
    finding: Literal["better", "worse", "unproven"] | None
    reliability: float | None
    report: str


@dataclass(frozen=True)
class Summary:
    """The result of a run in numbers.

    Attributes:
        gansift: the version that wrote it.
        created: the date and time, in ISO 8601.
        source: the data.
        metric: the full name of the metric that the report is about.
        direction: whether lower or higher values of it are better.
        verdict: whether removal helped.
        chosen: the best removal on validation data, or None.
        removed: the number of examples that the lists leave out.
        decisions: the file of a person's decisions, or None.
        seeds: the number of training seeds.
        steps: the steps of one training.
        removal: the convention of removal, ``fixed-denominator`` or ``renormalised``.
        from_start: whether retraining starts from scratch.
        estimator: the estimator of the scores.
        ranking: whether the scores only rank.
        validation: the values and changes on validation data.
        test: the values and changes on test data.
        grid: every removal that was tried.
        per_seed: the test values seed by seed.
        settings: the settings of the run, as its config.json holds them.
        seconds: the time that the run took, or None.
        times: the seconds of work by stage, added up over seeds.
        warnings: the warnings, a sentence each.
        verification: the comparisons of scores with retraining.
        growth: the growth of the derivative along the backward sweep.
        trust: the limits within which scores can be believed, or None.
        baselines: the other ways to choose.
        classes: the examples by class, or None.
        report: the path of the page.
        metrics: the words of each metric that the report speaks of, by full name.
        nouns: the words for an example and for what is trained.
        samples: whether what is trained makes samples.
        question: ``new-models``, or ``this-model``.
        new_models: what removal does to new models, if that was the question.
        kinds: groups of examples by their effect on new models, the most harmful first.
        this_model: what was found for this very model, the content of its own ``report.json``, or None.
        folds: what each fold of a cross-fit found; empty for a single run.
    """

    gansift: str
    created: str
    source: Source
    metric: str
    direction: Literal["lower", "higher"]
    verdict: Verdict
    chosen: Cell | None
    removed: int
    decisions: str | None
    seeds: int
    steps: int
    removal: str
    from_start: bool
    estimator: str
    ranking: bool
    validation: Changes
    test: Changes
    grid: tuple[GridRow, ...]
    per_seed: tuple[SeedRow, ...]
    settings: dict[str, Any]
    seconds: float | None
    times: dict[str, float | None]
    warnings: tuple[str, ...] = ()
    verification: tuple[Verification, ...] = ()
    growth: tuple[Growth, ...] = ()
    trust: Belief | None = None
    baselines: tuple[Baseline, ...] = ()
    classes: tuple[ClassCount, ...] | None = None
    report: str = ""
    metrics: dict[str, MetricWords] = field(default_factory=dict)
    nouns: Nouns = Nouns()
    samples: bool = True
    question: Literal["new-models", "this-model"] = "this-model"
    new_models: NewModels | None = None
    kinds: tuple[Kind, ...] = ()
    this_model: dict[str, Any] | None = None
    folds: tuple[FoldRow, ...] = ()

    @property
    def words(self) -> MetricWords:
        """Those of the metric; its full name stands for its label where they are not known."""
        return self.metrics.get(self.metric) or MetricWords(self.metric, self.metric, "", "", self.direction)

    @property
    def headline(self) -> NewModels | None:
        """What was found for new models, if the report is about them; None if it is about this very model."""
        return self.new_models if self.question == "new-models" else None

    def to_json(self) -> dict[str, Any]:
        """The content of ``report.json``."""
        return typed.to_json(self)

    @classmethod
    def from_json(cls, content: Any) -> Summary:
        """The summary that ``report.json`` holds.

        Raises:
            GansiftError: naming the field that is missing or holds something else.
        """
        return typed.from_json(cls, content)


def read_summary(path: Path) -> Summary:
    """The summary in a file.

    Raises:
        GansiftError: naming the file, and the field, if it is missing or damaged.
    """
    content = read_json(path)
    try:
        return Summary.from_json(content)
    except GansiftError as error:
        raise GansiftError(f"{path} is damaged: {error}") from error
