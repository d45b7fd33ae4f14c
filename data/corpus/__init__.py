"""An image-text corpus in which style is a controlled factor, built from three npm packages of open icons.

Every base style is one icon or emoji set; the same concept ("umbrella") is shown by many of them. Every icon is kept
as layers too, from which pictures are drawn in random looks. Five more sets are held out: built to a folder of their
own on request, never mixed with the training sets. Knows nothing of models, tasks or training.

    packages ── sets ── emoji, synonyms, captions ── icons ── render ── build ── arrays, credits
                                                       └── layers ── paint, textures ── draws
                                                     colours ── looks ──┘
                                                     phrases ───┘

`build`, `layers`, `paint`, `textures` and `draws` need OpenCV, the checkout's `pretrain` extra.
"""
