"""What is measured.

`make bench` runs these in turn, from a checkout with the embedded base alone; it takes hours:

    python -m bench.parameter_counts    how small is an adapter?
    python -m bench.mixed_batch         what does it cost to give every image of a batch its own style?
    python -m bench.generalization      does the base know looks, or its training pictures by heart?
    python -m bench.base_quality        does the base draw what it is asked for, also in pairs never drawn in training?
    python -m bench.colour_words        does it follow colour words, in pairs kept from training?
    python -m bench.two_adapters        is a subject drawn in a style?
    python -m bench.style_editing       can a style be edited by its words?
    python -m bench.super_resolution    are large images sharper than small ones scaled up, and nearer to real ones?
    python -m bench.leak_guard          does the leak guard tell adapters that repeat their reference?
    python -m bench.proposed_phrases    can the scorer propose the words for a picture that has none?
    python -m bench.orchestration       what does the pipeline cost over the bare library?
    python -m bench.held_out_styles     do the rounds, and other ways to tune, learn styles that no training saw?
    python -m bench.ablations           what does each setting do?

Each prints lines for people, and last one line of JSON. These nine need more:

    python -m bench.evaluation_prompts  which of the paper's prompts can a base draw? needs PartiPrompts and the corpus
    python -m bench.reconstruction      what does the VQGAN alone keep? needs the corpus
    python -m bench.scorer              does the scorer see contents and styles? needs the corpus
    python -m bench.kept_looks          does one image teach a look that no training saw? needs the corpus
    python -m bench.generator_runs      which generator learns most in the same time? needs drawn tokens
    python -m bench.space_of_looks      the space of looks in pictures; needs the corpus
    python -m bench.chaos               does an onboarding end the same, whatever is killed? starts a local stack
    python -m bench.load                what becomes of a large batch, what does a style cost? starts a local stack
    python -m bench.true_icons          the held-out styles' real icons, which lie in bench/references already
"""
