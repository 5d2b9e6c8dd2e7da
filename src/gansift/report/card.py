"""What is known of synthetic data before they are released: who made them, what was asked of them, and what was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gansift.report.answer import Answer
from gansift.report.words import MISSING, column, number, plural

_FORMAT = "gansift release 1"

#: What a card asks for, and the audits that tell it; what others said is on it, too.
SUBJECTS = {"Leakage": ("copies", "membership"), "Usefulness": ("usefulness", "classes")}
_ELSE = "Other questions"

_LIMITS = (
    "Synthetic data are not anonymous for being synthetic: a model may have learnt single training examples, and its "
    "samples may tell of them.",
    "Audits looked at samples of their own, drawn from the same networks, not at exactly these.",
    "An audit that found nothing has shown that its attacks fail, not that all do.",
)


@dataclass(frozen=True)
class Promise:
    """What a differentially private training promises of every single training example.

    Attributes:
        epsilon: of the training whose samples these are.
        delta: the probability that this may not hold.
        trainings: how many trainings the run made, each with noise of its own.
        epsilon_of_all: of all of them together, at the same delta.
        noise_multiplier: standard deviation of the noise, in norms that gradients are clipped to.
        clip: that norm.
        sampling_rate: the probability with which each example was drawn into a batch.
        updates: of the discriminator, in each training.
        accountant: what computed epsilon.
    """

    epsilon: float
    delta: float
    trainings: int
    epsilon_of_all: float
    noise_multiplier: float
    clip: float
    sampling_rate: float
    updates: int
    accountant: str

    def paragraphs(self) -> Iterator[str]:
        """The same in sentences."""
        yield (
            f"Training was differentially private with **epsilon = {self.epsilon:.3g} at delta = {self.delta:.3g}**. "
            "Whatever is done with these samples, each outcome is nearly as likely as if any one training example had "
            f"not been there, by a factor of at most exp({self.epsilon:.3g}), but for a probability of "
            f"{self.delta:.3g}."
        )
        if self.trainings > 1:
            yield (
                f"The run made {self.trainings} such trainings. Who is given something of all of them, such as their "
                f"networks, is to count with epsilon = {self.epsilon_of_all:.3g}."
            )
        yield (
            f"It was DP-SGD with {self.updates:,} updates of the discriminator. Every example was drawn into a batch "
            f"with the probability {self.sampling_rate:.4g}, its gradient was clipped to a norm of {self.clip:g}, and "
            f"Gaussian noise of {self.noise_multiplier:.4g} times that norm was added. Epsilon is by "
            f"{self.accountant}. The number of training examples counts as known."
        )
        yield (
            "**Not covered**: the numbers of audits on this card, which were computed from training examples as they "
            "are; settings that were chosen by looking at earlier trainings on the same examples; validation and test "
            "examples."
        )


@dataclass(frozen=True)
class Card:
    """What is known of synthetic data.

    Attributes:
        run: the name of the run that made them.
        game: the system that was trained.
        training: the number of training examples by data set.
        removed: how many of these the networks that made the samples were trained without.
        samples: how many samples there are.
        classes: how many of each class were asked for; None where classes were not asked for.
        answers: what was asked about the run.
        unasked: the audits that were not asked, and the question of each.
        version: of gansift.
        privacy: what differential privacy promises of each training example; None without.
    """

    run: str
    game: str
    training: Mapping[str, int]
    removed: int
    samples: int
    classes: Mapping[str, int] | None
    answers: tuple[Answer, ...]
    unasked: Mapping[str, str]
    version: str
    privacy: Promise | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it for programs."""
        return {
            "format": _FORMAT,
            "gansift": self.version,
            "run": self.run,
            "game": self.game,
            "training_examples": dict(self.training),
            "trained_without": self.removed,
            "samples": self.samples,
            "classes": None if self.classes is None else dict(self.classes),
            "differential_privacy": None if self.privacy is None else asdict(self.privacy),
            "audits": [answer.to_json() for answer in self.answers],
            "not_audited": {name: _command(name, self.run) for name in self.unasked},
            "audited_networks_made_these": not self.removed,
        }

    def lines(self, run: str) -> Iterator[str]:
        """One line for each audit, for a terminal: what it said, or how it is asked.

        Args:
            run: the run directory, as commands need it.
        """
        for subject, names in self._subjects().items():
            for name in names:
                answer = self._answer(name)
                told = f"not audited; ask by {_command(name, run)}" if answer is None else answer.verdict
                yield f"{subject}, {name}: {told}"

    def to_markdown(self) -> str:
        """The card as a page."""
        return "\n\n".join(self._paragraphs()) + "\n"

    def _paragraphs(self) -> Iterator[str]:
        yield f"# Synthetic data of {self.run}"
        yield self._made()
        if self.classes is not None:
            rows = [f"| {_plain(name)} | {count:,} |" for name, count in self.classes.items()]
            yield "\n".join(["| class asked for | samples |", "|---|---|", *rows])
        if self.removed:
            yield (
                "**The audits below looked at other networks**, at those trained on all examples. These samples are of "
                f"networks that were trained without {plural(self.removed, 'example')}."
            )
        if self.privacy is not None:
            yield "## Differential privacy"
            yield from self.privacy.paragraphs()
        for subject, names in self._subjects().items():
            yield f"## {subject}"
            for name in names:
                yield from self._about(name)
        yield "## What this does not say"
        if self.privacy is None:
            yield (
                "Training was not differentially private, so that there is no bound on what these samples may tell of "
                "a training example."
            )
        found = [sentence for answer in self.answers for sentence in answer.not_shown]
        yield "\n".join(f"- {sentence}" for sentence in dict.fromkeys([*_LIMITS, *found]))

    def _made(self) -> str:
        sets = " and ".join(f"{plural(count, 'example')} of {_plain(name)}" for name, count in self.training.items())
        return (
            f"{plural(self.samples, 'sample')} of the system {_plain(self.game)}, trained on {sets}. Made by gansift "
            f"{self.version}."
        )

    def _about(self, name: str) -> Iterator[str]:
        answer = self._answer(name)
        yield f"### {name}"
        if answer is None:
            yield f"**Not audited.** {self.unasked[name]} Ask by `{_command(name, self.run)}`, and export again."
            return
        yield answer.verdict
        rows = [
            f"| {name} | {number(one.value)} | {_interval(one.ci95)} | {_plain(one.meaning)} |"
            for name, one in answer.numbers.items()
        ]
        if rows:
            yield "\n".join(["| number | value | 95 % interval | what it is |", "|---|---|---|---|", *rows])

    def _answer(self, name: str) -> Answer | None:
        return next((answer for answer in self.answers if answer.audit == name), None)

    def _subjects(self) -> dict[str, list[str]]:
        """The audits by what they ask about, those that were not asked among them."""
        left = [*(answer.audit for answer in self.answers), *self.unasked]
        sorted_out = {subject: [name for name in names if name in left] for subject, names in SUBJECTS.items()}
        known = {name for names in sorted_out.values() for name in names}
        sorted_out[_ELSE] = [name for name in left if name not in known]
        return {subject: names for subject, names in sorted_out.items() if names}


def _interval(ends: tuple[float, float] | None) -> str:
    return MISSING if ends is None else " to ".join(column(ends, 3))


def _command(name: str, run: str) -> str:
    return f"gansift audit {name} {run}"


def _plain(text: str) -> str:
    """A text that breaks no table."""
    return text.replace("|", "\\|").replace("\n", " ")
