"""Variational autoencoder of melodies with a hierarchical decoder (MusicVAE: Roberts et al., "A Hierarchical Latent
Vector Model for Learning Long-Term Structure in Music", 2018, https://arxiv.org/abs/1803.05428).

A melody is a grid of tokens (N, bars, steps): 0, what sounds goes on; 1, silence begins; or a note that begins. Where a
metre has fewer steps to the bar, the rest of the row is 0.
"""

from collections.abc import Sequence

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

_HOLD, _REST = 0, 1
EMBEDDING = 32  # numbers that stand for a token, a metre or a position
FIRST_LOGVAR = -4.0  # a wider posterior would drown what the first steps of training find


class MelodyVAE(nn.Module, PyTorchModelHubMixin):
    """VAE of melodies with Gaussian posterior and prior on z (N, latent_dim), conditioned on the metre (N,), an index
    into `bar_steps`.

    Encoder: dense layers read each bar as a whole, then all bars. Decoder: the conductor, a GRU, unfolds z to one
    context per bar, from which a second GRU writes the tokens of the bar; a plan, an embedding for each of its steps,
    spares it to remember what z says of steps to come. With `flat` the second GRU remembers the bars before; it is then
    a language model if latent_dim is 0. In training it is told nothing of the tokens before at a share `token_dropout`
    of the steps, so that it has to rely on z (in the manner of Bowman et al., 2016)."""

    def __init__(
        self,
        latent_dim: int = 128,
        width: int = 384,
        bars: int = 8,
        flat: bool = False,
        bar_steps: Sequence[int] = (16, 12, 8, 12),
        vocabulary: int = 36,
        token_dropout: float = 0.4,
    ):
        super().__init__()
        self.latent_dim, self.bars, self.flat, self.vocabulary = latent_dim, bars, flat, vocabulary
        self.steps, self.token_dropout = max(bar_steps), token_dropout
        self.bar_steps: Tensor
        self.register_buffer("bar_steps", torch.tensor(list(bar_steps)), persistent=False)
        context = width // 2
        self.metre = nn.Embedding(len(bar_steps), EMBEDDING)
        if latent_dim:
            self.token = nn.Embedding(vocabulary, EMBEDDING)
            self.read_bar = mlp(2 * EMBEDDING * self.steps, context, context)
            self.read_bars = nn.Sequential(mlp(bars * context + EMBEDDING, 2 * width, width), nn.SiLU())
            self.posterior = nn.Linear(width, 2 * latent_dim)
            nn.init.constant_(self.posterior.bias[latent_dim:], FIRST_LOGVAR)
        self.unfold = nn.Linear(latent_dim + EMBEDDING, bars * context)
        self.conductor = nn.GRU(context, context, batch_first=True)
        self.plan = nn.Linear(context, self.steps * EMBEDDING)
        self.previous = nn.Embedding(vocabulary + 1, EMBEDDING)  # the last row stands for a hidden token
        self.sounding = nn.Embedding(vocabulary + 1, EMBEDDING)
        self.position = nn.Embedding(len(bar_steps) * self.steps, EMBEDDING)
        self.begin = nn.Linear(context, width)
        self.writer = nn.GRU(4 * EMBEDDING + context, width, batch_first=True)
        self.predict = nn.Linear(width, vocabulary)

    def valid_steps(self, metre: Tensor) -> Tensor:
        """Return the mask (N, steps) of the steps that a bar has."""
        return torch.arange(self.steps, device=metre.device) < self.bar_steps[metre][:, None]

    def encode(self, x: Tensor, metre: Tensor) -> tuple[Tensor, Tensor]:
        """Encode tokens x (N, bars, steps) -> mu, logvar of q(z | x), each (N, latent_dim)."""
        if not self.latent_dim:
            return (torch.zeros(len(x), 0, device=x.device),) * 2
        flat = x.long().flatten(1)
        steps = torch.cat([self.token(flat), self.token(last_begun(flat))], dim=2)  # (N, bars · steps, 64)
        read = self.read_bar(steps.unflatten(1, (self.bars, self.steps)).flatten(2))
        h = self.read_bars(torch.cat([read.flatten(1), self.metre(metre)], dim=1))
        mu, logvar = self.posterior(h).chunk(2, dim=1)
        return mu, logvar.clamp(-10, 4)

    def contexts(self, z: Tensor, metre: Tensor) -> tuple[Tensor, Tensor]:
        """Unfold z -> the context of each bar, (N, bars, width / 2), and its plan, (N, bars, steps, 32)."""
        views = self.unfold(torch.cat([z, self.metre(metre)], dim=1)).unflatten(1, (self.bars, -1))
        contexts = views + self.conductor(views)[0]
        return contexts, self.plan(contexts).unflatten(2, (self.steps, EMBEDDING))

    def logits(self, z: Tensor, metre: Tensor, x: Tensor) -> Tensor:
        """Compute the logits of each token given z and the tokens before it (teacher forcing): (N, bars, steps,
        vocabulary); x may have fewer bars than the model."""
        previous, sounding = self._tokens_before(x.long().flatten(1))  # (N, bars · steps)
        if self.training:
            hidden = torch.rand(previous.shape, device=x.device) < self.token_dropout
            previous, sounding = (t.masked_fill(hidden, self.vocabulary) for t in (previous, sounding))
        bars = x.shape[1]
        contexts, plans = (part[:, :bars] for part in self.contexts(z, metre))
        position = (metre[:, None] * self.steps + torch.arange(self.steps, device=x.device)).repeat(1, bars)
        parts = [self.previous(previous), self.sounding(sounding), self.position(position)]
        parts += [plans.flatten(1, 2), contexts.repeat_interleave(self.steps, dim=1)]
        inputs, first = torch.cat(parts, dim=2), contexts[:, 0]
        if not self.flat:  # all bars side by side
            inputs, first = inputs.unflatten(1, (bars, self.steps)).flatten(0, 1), contexts.flatten(0, 1)
        out, _ = self.writer(inputs, self.begin(first).tanh()[None])
        return self.predict(out).view(*x.shape, self.vocabulary)

    def decode(
        self,
        z: Tensor,
        metre: Tensor,
        temperature: float = 0.0,
        rhythm: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Decode z -> tokens (N, bars, steps), one after the other: the likeliest at temperature 0, else drawn from
        softmax(logits / temperature). With `rhythm`, tokens of a melody, notes begin and end where its notes do."""
        n, valid = len(z), self.valid_steps(metre)
        contexts, plans = self.contexts(z, metre)
        written = torch.full((n, self.bars, self.steps), _HOLD, device=z.device)
        previous = torch.full((n, 1), self.vocabulary, device=z.device)
        sounding = torch.full((n, 1), _REST, device=z.device)
        for bar in range(self.bars):
            context = contexts[:, bar]
            if bar == 0 or not self.flat:
                state = self.begin(context).tanh()[None]
            for step in range(self.steps):
                position = self.position(metre * self.steps + step)
                parts = [self.previous(previous[:, 0]), self.sounding(sounding[:, 0]), position]
                inputs = torch.cat([*parts, plans[:, bar, step], context], dim=1)
                out, state = self.writer(inputs[:, None], state)
                logits = self.predict(out[:, 0])
                if rhythm is not None:
                    logits = _follow_rhythm(logits, rhythm[:, bar, step])
                token = _draw(logits, temperature, generator)
                written[:, bar, step] = previous[:, 0] = torch.where(valid[:, step], token, _HOLD)
                sounding = torch.where(previous == _HOLD, sounding, previous)
        return written

    def example(self) -> tuple[Tensor, Tensor]:
        """Return example inputs of `forward` for one melody."""
        return torch.ones(1, self.bars, self.steps, dtype=torch.int8), torch.tensor([0])

    def forward(self, x: Tensor, metre: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode and decode x -> logits of p(x | z), mu, logvar; z is drawn by reparameterisation."""
        mu, logvar = self.encode(x, metre)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.logits(z, metre, x), mu, logvar

    def _tokens_before(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the token before each of x (N, T), hidden for the first, and the last one that is not 0."""
        first = torch.full_like(x[:, :1], self.vocabulary)
        silent = torch.full_like(first, _REST)
        return torch.cat([first, x[:, :-1]], dim=1), last_begun(torch.cat([silent, x[:, :-1]], dim=1))


def mlp(n_in: int, width: int, n_out: int) -> nn.Sequential:
    """Return two dense layers with a SiLU between them."""
    return nn.Sequential(nn.Linear(n_in, width), nn.SiLU(), nn.Linear(width, n_out))


def last_begun(x: Tensor) -> Tensor:
    """Return for each of the tokens x (N, T) the last one up to it that is not 0; 0 if there is none."""
    index = torch.arange(x.shape[1], device=x.device).expand_as(x)
    return x.gather(1, torch.where(x == _HOLD, 0, index).cummax(1).values)


def _follow_rhythm(logits: Tensor, rhythm: Tensor) -> Tensor:
    """Leave only the tokens that begin a note where `rhythm` (N,) does, hold where it holds and rest where it rests."""
    kind = torch.arange(logits.shape[1], device=logits.device).clamp(max=_REST + 1)
    allowed = kind == rhythm.long().clamp(max=_REST + 1)[:, None]
    return logits.masked_fill(~allowed, -torch.inf)


def _draw(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    if temperature <= 0:
        return logits.argmax(1)
    probabilities = (logits.float() / temperature).softmax(1).cpu()  # drawn on the CPU: a seed means one melody
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(logits.device)
