"""TABS, the tab modules in display order; each has TITLE, ABOUT and build()."""

from ae_demo.tabs import (
    colorize,
    compression,
    dcgan,
    diffusion,
    diffusion_edit,
    latent,
    latent_map,
    models,
    restoration,
    toy_gan,
)

TABS = (colorize, latent, restoration, compression, latent_map, toy_gan, dcgan, diffusion, diffusion_edit, models)
