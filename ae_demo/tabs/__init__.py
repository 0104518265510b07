"""TABS: the modules of the app, in the order of display; each has TITLE, ABOUT and build()."""

from ae_demo.tabs import colorize, denoise, diffusion, latent

TABS = (colorize, latent, denoise, diffusion)
