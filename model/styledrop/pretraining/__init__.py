"""Training the parts of a base from a corpus: VQGAN, text encoder with CLIP, generator.

Every stage has the same face: it takes arrays, a frozen config and a folder, resumes from the
folder's checkpoint, and returns the trained module. A stage may be stopped at any time; asked
for again with more steps, it goes on where it stood.
"""
