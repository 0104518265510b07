"""An interactive studio for autoencoders and generative models."""
