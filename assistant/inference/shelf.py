"""The shelf: the one encoder in use, opened when first needed; installed on the way when that takes no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.contracts.errors import ConsentNeeded
from assistant.contracts.ids import Fingerprint
from assistant.inference.compiled_record import WEIGHTS_FILE, ModelMissing, fingerprint_of
from assistant.inference.installing import PrecisionChoice, install, installed_folder, resolve_precision
from assistant.inference.loading import load_encoder, manifest_for

if TYPE_CHECKING:
    from assistant.contracts.ports import Encoder


class EncoderShelf:
    """``given``: an encoder to use as it is. ``note`` is told, in a sentence, when vectors must be done without."""

    def __init__(
        self,
        model: str,
        precision: PrecisionChoice,
        models_dir: Path,
        threads: int,
        *,
        allow_download: bool,
        given: Encoder | None,
        note: Callable[[str], None],
    ) -> None:
        self._model = model
        self._precision: PrecisionChoice = precision
        self._models_dir = models_dir
        self._threads = threads
        self._allow_download = allow_download
        self._encoder = given
        self._missing = False
        self._note = note

    def space(self) -> tuple[Fingerprint, int]:
        """Fingerprint and width of the vectors. For a model compiled here this needs no file of it."""
        if self._encoder is not None:
            return self._encoder.fingerprint, self._encoder.dim
        manifest = manifest_for(self._model)
        if manifest.source == "package":
            chosen = resolve_precision(self._precision)
            return fingerprint_of(manifest, chosen, manifest.file(WEIGHTS_FILE).sha256), manifest.dimension
        encoder = self.encoder()
        return encoder.fingerprint, encoder.dim

    def encoder(self) -> Encoder:
        """The encoder; a packaged one is compiled first when that was not done yet.

        Raises :class:`~assistant.contracts.errors.UnknownModel`,
        :class:`~assistant.contracts.errors.ConsentNeeded` and :class:`~assistant.contracts.errors.DamagedModel`.
        """
        if self._encoder is None:
            manifest = manifest_for(self._model)
            if manifest.source == "package":
                chosen = resolve_precision(self._precision)
                target = installed_folder(self._models_dir, manifest.id, chosen)
                if not target.is_dir():
                    self._note(f"Preparing the model {manifest.id} for this computer (once, some seconds).")
                    install(manifest, chosen, target)
            self._encoder = load_encoder(
                self._model, self._precision, self._models_dir, self._threads, allow_download=self._allow_download
            )
        return self._encoder

    def encoder_or_none(self) -> Encoder | None:
        """The encoder, or ``None`` when its files are not to be had: then memory works by words alone, and says so."""
        if self._missing:
            return None
        try:
            return self.encoder()
        except (ModelMissing, ConsentNeeded) as error:
            self._missing = True
            self._note(f"Searching by words only: {error}")
            return None

    def describe(self) -> tuple[str, bool, str]:
        """Name, whether it is installed, and fingerprint ("" when unknown)."""
        if self._encoder is not None:
            return self._encoder.name, True, self._encoder.fingerprint
        manifest = manifest_for(self._model)
        if manifest.source != "package":
            return manifest.id, False, ""
        chosen = resolve_precision(self._precision)
        folder = installed_folder(self._models_dir, manifest.id, chosen)
        return f"{manifest.id} ({chosen})", folder.is_dir(), self.space()[0]
