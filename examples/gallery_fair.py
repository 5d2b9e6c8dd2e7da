"""Fair representations: what do numbers tell of a protected group?

Somebody is to be given numbers about people, to predict something from them, and is not to be told which group a person belongs to.
LAFTR (Madras et al. 2018) learns such numbers, z, against an auditor that tries to tell the groups from them. The built-in
table `diabetes` has 442 patients, whether their disease progressed fast or slowly, and their sex. From the command line
it is `gansift run diabetes --game laftr`, and then `gansift audit fairness runs/diabetes`.
"""

# %%
# Three players: an encoder, a classifier of the label, and the auditor, which moves five times for each move of the others.

from gansift import audit, data, influence, systems, training
from gansift.report import answer_text

splits = data.load("diabetes", seed=0)


def trained(gamma):
    system = systems.build("laftr", {"patients": splits}, {"gamma": gamma, "positive": "fast"})
    run = training.train(
        system.new_game(0), splits.train, steps=100, batch_size=64, optimizers=system.optimizers, seed=0
    )
    return system, run


runs = {gamma: trained(gamma) for gamma in (0.0, 2.0)}
for gamma, (system, run) in runs.items():
    gap, loss = (system.judges(name).test.value(run) for name in ("dp-gap", "class-loss"))
    print(f"gamma {gamma:g}: difference of the mean predictions {gap:.3f}, loss of the label {loss:.3f}")

# %%
# Whether z hides the groups is not for the auditor of the training to say: one that has learnt to look elsewhere, or too little, is
# content. The audit fits a fresh one to the frozen z, and a naive classifier, too. With 119 test patients its intervals are wide.

hiding = audit.Subject("gamma 2", {"patients": splits}, [runs[2.0][1].trained()])
telling = audit.Subject("gamma 0", {"patients": splits}, [runs[0.0][1].trained()])
print(answer_text(audit.run_audit("fairness", hiding, telling, cells=0)))

# %%
# Which patients make the difference between the sexes? Exact scores say it of every one; negative ones would lower the difference
# if they were left out. By sex and label, of the run without an auditor:

system, run = runs[0.0]
scores = influence.itd(run, system.judges("dp-gap").validation, horizon=50)
label, sex = (splits.train.columns[name] for name in ("label", "sex"))
kinds = {
    f"sex {called}, {name}": scores.values[((sex.values == group) & (label.values == kind)).numpy()]
    for group, called in enumerate(sex.names)
    for kind, name in enumerate(label.names)
}
for name, values in kinds.items():
    print(f"{name}: {len(values):3d} patients, together {values.sum():+.4f}")

# %%
# Every patient in the figure is a point: within each kind some widen the difference, and others narrow it.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6, 2.6))
axes.axvline(0, color="0.8")
for place, (name, values) in enumerate(kinds.items()):
    axes.plot(values, [place] * len(values), "o", markersize=4, alpha=0.4)
axes.set_yticks(range(len(kinds)), list(kinds))
axes.set_xlabel("predicted change of the difference without the patient")
figure.tight_layout()
