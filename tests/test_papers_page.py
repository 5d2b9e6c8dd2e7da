"""The page about the papers' experiments says what the result files and the papers say, and nothing else."""

# ruff: noqa: RUF001  minus and multiplication signs are meant

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from papers import accuracy_tables, cleansing_tables, figures, published
from papers.frame import SLOTS, Page
from papers.markdown import fixed
from papers.page import main, read_comments, write
from papers.summary import PICTURES, Sample, Way, chosen, compared, own_choice, published_p, read, reliability
from scipy import stats

ROOT = Path(__file__).parent.parent
SEEDS = (1385, 1386, 1387)
SHARES = (0.05, 0.1, 0.2)
# Change of FID by seed and share. On validation the second share is the best on average, though not in the first seed.
VALIDATION = {0.05: (-0.9, -0.1, -0.2), 0.1: (-0.45, -0.6, -0.5), 0.2: (0.3, 0.1, None)}
TEST = {0.05: (-0.2, 0.1, -0.2), 0.1: (-0.3, -0.5, -0.1), 0.2: (0.2, 0.4, 0.3)}
RANDOM = {0.05: (0.0, 0.0, 0.3), 0.1: (0.1, -0.2, 0.2), 0.2: (0.0, 0.1, 0.0)}
KENDALL = {1: (0.91, 0.95, 0.99), 5: (0.5, 0.6, 0.7)}


def _save(folder: Path, name: str, seed: int, **more) -> None:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    settings = {"game": "sigmoid-dcgan", "source": "mnist", "train": 400, "valid": 60, "test": 60, "batch": 20}
    settings |= {"epochs": 20, "lr": 0.01, "width": 8, "latents": 60, "left_out": 20}
    content = {"experiment": name, "seed": seed, "size": "reduced", "settings": settings, "seconds": 10.0}
    (place / f"seed-{seed}.json").write_text(json.dumps(content | more))


def _save_all(folder: Path) -> Path:
    for place, seed in enumerate(SEEDS):
        rows = [
            {
                "metric": "fid", "estimator": "itd", "epochs": epochs, "kendall": values[place], "jaccard": None,
                "slope": 1.0, "growth": 10.0, "believed": epochs == 1, "true": [0.1, 0.3, 0.2, 0.5 + place],
                "rounding": -0.02, "spread": 0.1 * (place + 1),
            }
            for epochs, values in KENDALL.items()
        ]  # fmt: skip
        aid = {"metric": "log-is", "epochs": 5}
        rows += [
            aid | {"estimator": f"aid-{terms}", "kendall": 0.1 * place + 0.3, "residual": terms / 50}
            for terms in (100, 10)
        ]
        rows += [aid | {"estimator": "aid-1000", "note": "the series diverged"}]
        rows += [aid | {"estimator": "itd", "note": "overflowed"}, aid | {"estimator": "itd", "kendall": 0.2}]
        _save(folder, "iclr-accuracy-mnist", seed, rows=rows, quality={"fid": {"untrained": 100.0, "trained": 20.0}})
        rows = [
            {
                "scored_by": scored_by, "retraining": "one-epoch", "removed": round(400 * share), "share": share,
                "validation": VALIDATION[share][place] and {"fid": VALIDATION[share][place]},
                "test": {"fid": test[share][place]},
            }
            for scored_by, test in (("itd fid", TEST), ("random", RANDOM))
            for share in SHARES
        ]  # fmt: skip
        quality = {"fid": {"untrained": 100.0, "trained": 20.0}}
        labels = {"fid": {"0": 0.5, "1": -0.1, "8": -0.4}}
        _save(folder, "iclr-cleansing-mnist", seed, rows=rows, quality=quality, labels=labels)
    (folder / PICTURES).mkdir()
    kinds = {
        kind: [{"id": "a", "score": low}, {"id": "b", "score": 0.5}]
        for kind, low in (("harmful", -1.0), ("random", 0.25))
    }
    (folder / PICTURES / "result.json").write_text(json.dumps({"run": "400 steps", **kinds}))
    return folder


@pytest.fixture
def results(tmp_path) -> Path:
    return _save_all(tmp_path / "results")


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    """Written once; that is what takes long."""
    folder = tmp_path_factory.mktemp("papers")
    (folder / "docs").mkdir()
    main([str(_save_all(folder / "results")), "--page", str(folder / "docs/papers.md")])
    return folder / "docs/papers.md"


@pytest.fixture(scope="module")
def text(page) -> str:
    return page.read_text(encoding="utf-8")


def _row(text: str, start: str, after: str) -> list[str]:
    lines = text[text.index(after) :].splitlines()
    line = next(line for line in lines if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_cells_are_means_and_deviations_over_seeds(text):
    # mean of 0.91, 0.95, 0.99; deviation 0.04 twice and 0, of n - 1 = 2
    assert _row(text, "Kendall's τ, ours", "### FID")[:2] == ["0.95 (0.04)", "0.60 (0.10)"]
    assert _row(text, "rounding beside a removal, median", "### FID")[0] == "0.10"  # of 0.2, 0.1 and 0.07
    ours = _row(text, "influence on FID, ours", "| change of FID |")
    assert ours[2:5] == ["−0.10 (0.17)", "−0.30 (0.20) †", "*+0.30 (0.10)*"]  # less random: −0.4, −0.3, −0.3
    percents = _row(text, "influence on FID, ours", "| change of FID, % of the value before |")
    assert percents[2:5] == ["−0.5 (0.9)", "−1.5 (1.0)", "+1.5 (0.5)"]


@pytest.mark.parametrize(
    ("value", "plus", "said"),
    [(0.004, True, "+0.00"), (-999.0, True, "−999.00"), (-35727.1, True, "−3.6 × 10⁴"), (1.6e6, True, "+1.6 × 10⁶"),
     (2.6e6, False, "2.6 × 10⁶"), (None, True, "–")],
)  # fmt: skip
def test_huge_numbers_are_powers_of_ten_and_others_have_their_decimals(value, plus, said):
    assert fixed(value, 2, plus) == said


def test_a_command_asks_for_the_seeds_that_the_size_does_not_have_by_itself(text):
    assert "run.py iclr-accuracy-mnist --size reduced" in text
    (line,) = (line for line in text.splitlines() if line.startswith("- `python") and "iclr-accuracy-mnist " in line)
    assert "--seeds 3`: size reduced, 3 seeds" in line


def test_the_number_is_chosen_on_validation_and_judged_on_test(results):
    experiment = read(results)["iclr-cleansing-mnist"]
    found = chosen(experiment, Way("itd fid", "one-epoch"), "fid")
    assert found is not None
    assert found.removed == 40
    assert found.validation.mean == pytest.approx(-1.55 / 3)
    assert found.test.mean == pytest.approx(-0.3)
    assert found.test.p == pytest.approx(stats.ttest_1samp([-0.3, -0.5, -0.1], 0).pvalue)
    assert found.against_random is not None
    paired = stats.ttest_rel([-0.3, -0.5, -0.1], [0.1, -0.2, 0.2]).pvalue
    assert found.against_random.p == pytest.approx(paired)
    # Only without the second seed are 20 better than 40: (0.9 + 0.2) / 2 beats (0.45 + 0.5) / 2.
    assert found.by_others is not None
    assert found.by_others.by_seed == {1385: -0.3, 1386: 0.1, 1387: -0.1}


def test_every_seed_chooses_for_itself_and_removes_nothing_where_nothing_helps(results):
    experiment = read(results)["iclr-cleansing-mnist"]
    found = own_choice(experiment, Way("itd fid", "one-epoch"), "fid")
    assert found.removed == {1385: 20, 1386: 40, 1387: 40}
    assert found.test.by_seed == {1385: -0.2, 1386: -0.5, 1387: -0.1}
    row = _row(cleansing_tables.own_choice_table(experiment, "fid"), "influence on FID", "change of FID")
    assert row[:2] == ["one epoch", "20 to 40"]
    assert row[2].startswith("−0.27 [")
    assert row[4].startswith("−0.27 [")  # random's own are 0, -0.2 and 0.2
    for content in experiment.seeds:
        for changed in content["rows"]:
            changed["validation"] = {"fid": 0.1}
    nothing = own_choice(experiment, Way("itd fid", "one-epoch"), "fid")
    assert set(nothing.removed.values()) == set(nothing.test.values) == {0}


def test_horizon_and_number_are_chosen_together(results):
    for file in (results / "iclr-cleansing-mnist").glob("*.json"):
        content = json.loads(file.read_text())
        # Five epochs do twice as much, but break down in the second seed with the number that is best after one epoch.
        for row in list(content["rows"]):
            longer = row | {"retraining": "five-epochs"}
            for split in ("validation", "test"):
                if row[split] is not None:
                    longer[split] = {metric: 2 * value for metric, value in row[split].items()}
            if row["removed"] == 40 and content["seed"] == SEEDS[1]:
                longer["validation"] = longer["test"] = None
            content["rows"].append(longer)
        file.write_text(json.dumps(content))
    experiment = read(results)["iclr-cleansing-mnist"]
    found = chosen(experiment, Way("itd fid", None), "fid")
    assert found is not None
    assert (found.retraining, found.removed) == ("five-epochs", 20)  # -0.8 on average; 40 after one epoch: -0.52
    assert found.test.by_seed == {1385: -0.4, 1386: 0.2, 1387: -0.4}
    assert found.against_random is not None
    assert found.against_random.by_seed == {1385: -0.4, 1386: 0.2, 1387: -1.0}  # as many, as far back
    own = own_choice(experiment, Way("itd fid", None), "fid")
    assert own.removed == {1385: 20, 1386: 40, 1387: 40}
    assert own.test.by_seed == {1385: -0.4, 1386: -0.5, 1387: -0.2}
    table = cleansing_tables.chosen_table(experiment, "fid")
    row = _row(table[table.index("the best of these") - 60 :], "influence on FID", "")
    assert row[:2] == ["the best of these: five epochs", "20 (5 %)"]


def test_nothing_is_chosen_where_nothing_improves_validation(results):
    for file in (results / "iclr-cleansing-mnist").glob("*.json"):
        content = json.loads(file.read_text())
        for row in content["rows"]:
            row["validation"] = {"fid": 0.1}
        file.write_text(json.dumps(content))
    assert chosen(read(results)["iclr-cleansing-mnist"], Way("itd fid", "one-epoch"), "fid") is None


def test_a_number_that_a_seed_lacks_is_not_chosen(results):
    for file in (results / "iclr-cleansing-mnist").glob("*.json"):
        content = json.loads(file.read_text())
        for row in content["rows"]:
            if row["removed"] == 80 and row["validation"] is not None:
                row["validation"]["fid"] = -9.0
        file.write_text(json.dumps(content))
    found = chosen(read(results)["iclr-cleansing-mnist"], Way("itd fid", "one-epoch"), "fid")
    assert found is not None
    assert found.removed == 40


def test_reliability_of_the_truth_is_the_mean_rank_correlation_between_two_seeds(results):
    experiment = read(results)["iclr-accuracy-mnist"]
    assert reliability(experiment, "fid", 1) == pytest.approx(1.0)
    trues = np.random.default_rng(0).normal(size=(3, 50))
    for seed, true in zip(experiment.seeds, trues, strict=True):
        for row in seed["rows"]:
            row["true"] = [None, *true.tolist()]
    pairs = [stats.spearmanr(trues[one], trues[other]).statistic for one, other in ((0, 1), (0, 2), (1, 2))]
    assert reliability(experiment, "fid", 1) == pytest.approx(np.mean(pairs))


def test_experiments_that_were_not_run_are_named(text):
    absent = [
        "iclr-accuracy-2d", "iclr-cleansing-2d", "tnnls-accuracy-lqgan", "tnnls-cleansing-1d", "beyond-accuracy-mnist",
        "beyond-cleansing-mnist", "beyond-cleansing-fashion",
    ]  # fmt: skip
    for name in absent:
        assert f"**{name} was not run at this size.**" in text, name
    for name in ("iclr-accuracy-mnist", "iclr-cleansing-mnist"):
        assert f"**{name} was not run" not in text
    nothing = Page({}, None, "results", "results", "papers", {})
    assert nothing.absent(PICTURES).startswith("**tnnls-fine-tune was not run at this size.**")


def test_pictures_are_shown_with_the_range_of_their_scores(text):
    assert "![the most harmful, the most helpful and random images](../results/tnnls-fine-tune/images.png)" in text
    assert _row(text, "harmful", "### Figure 5") == ["2", "−1.00", "−0.250", "0.500"]


def test_published_numbers_stand_on_the_page_as_they_were_published(text):
    assert _row(text, "Kendall's τ, published", "### ALL") == ["0.87", "0.83", "0.85", "0.84", "0.67"]
    assert _row(text, "Jaccard, published", "### log IS") == ["0.78", "0.63", "0.42", "0.23", "0.16"]
    assert _row(text, "Isolation Forest, published", "| change of IS |")[-1] == "−1.70"
    assert _row(text, "influence on ALL, published", "| change of ALL × 100 |")[4:6] == ["+0.34 (0.74)", "+0.13 (1.00)"]
    numbers = [number for of_metric in published.CLEANSING.values() for curve in of_metric.values()
               for number in curve.points.values()]  # fmt: skip
    assert len(numbers) == 140
    for mean, deviation in numbers:
        cell = f"{mean:+.2f}".replace("-", "−") if str(mean) != "0.0" else "0.00"
        assert cell + (f" ({deviation:.2f})" if deviation else "") in text
    before = {cells[0]: cells[-1] for cells in (_row(text, name, "### How good") for name in
              ("iclr-cleansing-2d", "iclr-cleansing-mnist"))}  # fmt: skip
    assert before == {"ALL, test": "−2.868", "FID, test": "1.84"}
    assert all(figure.values is None for figure in published.TNNLS.values())


@pytest.mark.parametrize(
    ("metric", "scored_by", "printed"),
    [
        ("fid", "itd fid", [0.012, 0.017, 0.031, 0.14, 0.057, 0.0018, 0.0015, 0.0018, 0.08, 0.17]),
        ("is", "itd is", [0.010, 0.08, 0.20, 0.53, 0.07, 0.007, 0.006, 0.002, 0.20, 0.29]),
        ("all", "itd all", [0.0002, 0.0002, 0.0007, 0.009, 0.11]),
    ],
)
def test_p_values_of_published_numbers_are_those_derived_before(metric, scored_by, printed):
    numbers = list(published.CLEANSING[metric][scored_by].points.values())
    for number, p in zip(numbers, printed, strict=False):
        assert published_p(number, published.CLEANSING_SEEDS) == pytest.approx(p, rel=0.3)


def test_the_digits_called_most_harmful_are_those_with_the_lowest_sums(text):
    assert "Most harmful for FID, by scores of the last epoch: ours 8 and 1; published 1 and 7." in text


def test_better_and_worse_need_more_than_chance():
    ours = Sample({0: 0.80, 1: 0.82, 2: 0.84}, 3)
    # Welch's: a deviation of 0.02 behind 3 numbers, and taken to be behind the 10 published ones, too.
    variances = 0.02**2 / 3, 0.02**2 / 10
    freedom = sum(variances) ** 2 / (variances[0] ** 2 / 2 + variances[1] ** 2 / 9)
    gap = stats.t.ppf(0.975, freedom) * sum(variances) ** 0.5
    for further, verdict in ((-0.001, "open"), (0.001, ("better", "worse"))):
        below, above = published.Number(0.82 - gap - further), published.Number(0.82 + gap + further)
        found = compared(ours, below, "higher", 10), compared(ours, above, "higher", 10)
        assert found == (verdict if isinstance(verdict, tuple) else (verdict, verdict))
        assert found[::-1] == (compared(ours, below, "lower", 10), compared(ours, above, "lower", 10))
    assert compared(ours, published.Number(0.82 - gap - 0.005), "higher", 10, within=0.01) == "open"
    assert compared(ours, published.Number(0.0, 5.0), "higher", 15) == "open"
    assert compared(Sample({0: 0.8}, 1), published.Number(0.1), "higher", 10) is None
    assert compared(Sample({0: 1.0, 1: 1.0}, 2), published.Number(0.1), "higher", 10) is None


def test_jaccard_is_judged_only_of_as_many_examples_as_published(results):
    experiment = read(results)["iclr-accuracy-mnist"]
    for seed in experiment.seeds:
        seed["rows"][0]["jaccard"] = 0.01 * seed["seed"] - 13.8
    assert set(accuracy_tables.verdicts(experiment, "jaccard", "fid").values()) == {None}
    experiment.settings["left_out"] = published.LEFT_OUT
    assert accuracy_tables.verdicts(experiment, "jaccard", "fid")[1] == "worse"


def test_removal_is_judged_by_its_difference_from_random(results):
    experiment = read(results)["iclr-cleansing-mnist"]
    ours = cleansing_tables.less_random(experiment, "itd fid", "fid")
    assert ours[0.1].by_seed == pytest.approx({1385: -2.0, 1386: -1.5, 1387: -1.5})  # per cent of 20
    theirs = cleansing_tables.published_less_random("itd fid", "fid")
    assert theirs[0.1].mean == pytest.approx(100 * (-0.19 + 0.02) / 1.84)
    assert cleansing_tables.verdicts(experiment, "itd fid", "fid")[0.1] == "worse"


def test_shares_set_other_numbers_beside_each_other():
    assert list(cleansing_tables.published_by_share("fid", "itd fid"))[:4] == [0.01, 0.02, 0.05, 0.1]


def test_the_command_writes_the_same_bytes_again(page, tmp_path):
    again = tmp_path / "docs/papers.md"
    again.parent.mkdir()
    command = [sys.executable, ROOT / "benchmarks/papers/page.py", page.parent.parent / "results", "--page", again]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert str(again) in done.stdout
    one, other = ({file.name: file.read_bytes() for file in place.iterdir()} for place in (page.parent, again.parent))
    links = [os.path.relpath(page.parent.parent / "results", place).encode() for place in (page.parent, again.parent)]
    other["papers.md"] = other["papers.md"].replace(links[1] + b"/", links[0] + b"/")
    assert one == other
    assert {"papers.md", "papers-accuracy.svg", "papers-cleansing-fid.svg", "papers-tnnls-4.svg"} <= set(one)


def test_results_that_are_not_there_are_an_error_that_names_the_folder(tmp_path):
    with pytest.raises(SystemExit, match="nothing is not a folder of results"):
        main([str(tmp_path / "nothing"), "--page", str(tmp_path / "papers.md")])


def test_comments_stand_in_their_sections_and_strange_headings_are_refused(results, tmp_path):
    comments, page = results / "comments.md", tmp_path / "papers.md"
    comments.write_text("".join(f"## {slot}\n\nAbout {slot}.\n\n" for slot in SLOTS))
    (tmp_path / "papers-of-old.svg").touch()
    write(results, page)
    text = page.read_text(encoding="utf-8")
    places = [text.index(f"About {slot}.") for slot in SLOTS]
    assert places == sorted(places)
    assert text.index("## 5. What agrees") < places[-1]
    assert not (tmp_path / "papers-of-old.svg").exists()
    comments.write_text("## agrement\n\nThey agree.\n")
    with pytest.raises(ValueError, match="agrement"):
        read_comments(comments)


def test_aid_stands_beside_itd_with_its_percentiles_and_refusals(text):
    after = "log IS, iclr-accuracy-mnist"
    assert _row(text, "ITD", after)[0] == "0.20 (0.00)"
    assert _row(text, "AID, M = 10", after) == ["0.40 (0.10)", "0.32 to 0.48", "n/a", "residual 0.20"]
    assert _row(text, "AID, M = 100", after)[3] == "residual 2.0, which gansift refuses unless told not to"
    assert _row(text, "AID, M = 1000", after) == ["–", "–", "n/a", "no scores in 3 of 3 seeds: the series diverged"]
    assert text.index("| AID, M = 10 |") < text.index("| AID, M = 100 |")


def test_a_bin_without_points_has_no_colour_and_no_error():
    bins = {"centres": [0.0, 1.0, 2.0], "mean_score": [0.1, None, -0.2], "count": [3, 0, 4]}
    random = np.random.default_rng(0)
    samples = {"before": random.normal(size=30).tolist(), "after": random.normal(size=30).tolist()}
    drawn = figures.one_dimension({"bins": bins, "samples": samples})
    texts = ElementTree.fromstring(drawn).itertext()
    assert {"truth, N(1, 1.5²)", "cleansed", "without removal"} <= {text.strip() for text in texts}


def test_results_that_do_not_belong_together_are_refused(results):
    _save(results, "iclr-cleansing-mnist", 1388, rows=[], size="smoke")
    with pytest.raises(ValueError, match=r"seed-1388\.json has another size"):
        read(results)
    _save(results, "iclr-clensing", 1385, rows=[])
    with pytest.raises(ValueError, match="iclr-clensing"):
        read(results)
