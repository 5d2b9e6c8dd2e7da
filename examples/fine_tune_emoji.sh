#!/bin/sh
# A StyleGAN2 of one vendor's emoji, fine-tuned by adapters on another vendor's, whose images are then scored and cleansed.
# Half an hour to an hour for each of the two trainings on 2 cores. A stopped command goes on where it was.
set -e

# 1. The base: 968 emoji as Noto draws them.
gansift run emoji-noto --for-this-model --until train --outdir runs/noto --model stylegan2 --seeds 1 --steps 10000 --batch 16 --lr 4e-3 --eps 1e-8 --no-eps-inside --r1 0.05 --mixing 0.5 --augment translation,colour,cutout --mirror --decay cosine --final 0.1 --features imagenet --latents 1000

# 2. Its weights: the averaged generator and the discriminator.
gansift export runs/noto runs/noto-weights --format weights

# 3. Adapters on top of them, trained on 950 emoji as Twemoji draws them: five seeds, scores over the last epoch and over the whole
#    run, removal with one-epoch and with full retraining, a report.
gansift run emoji-twemoji --for-this-model --outdir runs/twemoji --init runs/noto-weights/original.safetensors --lora 8 --steps 118 --batch 16 --lr 1e-3 --r1 0.05 --mixing 0 --augment translation,colour,cutout --mirror --warmup 30 --ema 0.98 --seeds 5 --horizons 1,all --remove 2%,5%,10% --features imagenet --latents 500 --baselines isolation-forest --verify 10

# 4. The networks before and after, adapters merged, for any later training.
gansift export runs/twemoji runs/twemoji-weights --format weights
