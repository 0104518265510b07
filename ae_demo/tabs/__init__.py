"""TABS: the modules of the app, in the order of display; each has TITLE, ABOUT and build()."""

from ae_demo.tabs import (
    codes,
    colorize,
    compression,
    dcgan,
    diffusion,
    diffusion_edit,
    latent,
    models,
    restoration,
    toy_gan,
)

TABS = (colorize, latent, restoration, compression, codes, toy_gan, dcgan, diffusion, diffusion_edit, models)
