"""The tab modules in display order, by group; each has TEXT and build()."""

from types import ModuleType

from ae_demo.tabs import (
    colorize,
    compression,
    dcgan,
    diffusion,
    diffusion_edit,
    latent,
    latent_map,
    melody,
    models,
    restoration,
    toy_gan,
)

TAB_GROUPS: dict[str, tuple[ModuleType, ...]] = {  # key of the group's name in the texts: its tabs
    "draw": (colorize,),
    "autoencoders": (latent, restoration, compression, latent_map),
    "gans": (toy_gan, dcgan),
    "diffusion": (diffusion, diffusion_edit),
    "music": (melody,),
    "models": (models,),
}
TABS = tuple(tab for tabs in TAB_GROUPS.values() for tab in tabs)
