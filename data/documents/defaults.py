"""Default settings of a spec: the one place where numbers for the embedded base stand.

The paper's own numbers (StyleDrop, arXiv:2306.00983, Tab. S3) are the defaults of `styledrop.config`, for a Muse of 3B
parameters; it draws 30 prompts x 64 images.
"""

from styledrop.config.sampling import Guidance, SamplingConfig
from styledrop.config.tuning import AdapterTuning

FIRST_ROUND = AdapterTuning(steps=100, learning_rate=1e-3)
REFERENCE_VIEWS = 64

# The paper's bottleneck of 32 would be 1.8 % of the embedded generator; the promise is under 1 %.
LATER_ROUNDS = AdapterTuning(steps=200, learning_rate=1e-3, bottleneck=12, share_across_layers=False)

ENLARGING = AdapterTuning(steps=30, learning_rate=3e-4, batch_size=4)  # an image has four times the tokens

SAMPLING = SamplingConfig(steps=12, token_temperature=0.5)
GUIDANCE = Guidance(lambda_a=0.5, lambda_b=1.0)

IMAGES_PER_PROMPT = 8
IMAGES_PER_EVALUATION_PROMPT = 2
