"""Default settings of a spec: the one place where numbers for the embedded base stand.

The paper's own numbers (StyleDrop, arXiv:2306.00983, Tab. S3) are for a 3B-parameter Muse: learning
rate 3e-5, batch 8, 1000 steps, 36 decoding steps, 30 prompts x 64 images.
"""

FIRST_ROUND_STEPS = 100
FIRST_ROUND_LEARNING_RATE = 1e-3
FIRST_ROUND_BOTTLENECK = 4
FIRST_ROUND_SHARE_ACROSS_LAYERS = True
REFERENCE_VIEWS = 64

LATER_ROUND_STEPS = 200
LATER_ROUND_LEARNING_RATE = 1e-3
LATER_ROUND_BOTTLENECK = 12  # the paper's 32 would be 1.8 % of the embedded generator; the promise is under 1 %
LATER_ROUND_SHARE_ACROSS_LAYERS = False

BATCH_SIZE = 8

ENLARGING_STEPS = 30
ENLARGING_LEARNING_RATE = 3e-4
ENLARGING_BATCH_SIZE = 4  # an image has four times the tokens
ENLARGING_BOTTLENECK = 4

SAMPLING_STEPS = 12
TEMPERATURE = 4.5
TOKEN_TEMPERATURE = 0.5
LAMBDA_A = 0.5
LAMBDA_B = 1.0

IMAGES_PER_PROMPT = 8
IMAGES_PER_EVALUATION_PROMPT = 2
