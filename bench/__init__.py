"""What is measured, from a checkout with the embedded base alone: no corpus, no network.

    python -m bench.base_quality        does the base draw what it is asked for?
    python -m bench.held_out_styles     do the rounds learn styles that no training saw?
    python -m bench.orchestration       what does the pipeline cost over the bare library?
    python -m bench.parameter_counts    how small is an adapter?

Each prints lines for people, and last one line of JSON.
"""
