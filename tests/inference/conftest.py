from __future__ import annotations

import importlib.util
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from assistant.inference.encoding import OnnxEncoder
from assistant.inference.installing import install, installed_folder
from assistant.inference.loading import load_encoder
from assistant.inference.manifest import DEFAULT_MODEL, ModelManifest, find

from .tiny_bert import write_manifest, write_package


@dataclass(frozen=True)
class Tiny:
    """A tiny model that can be installed. ``files``: its source files; ``manifests``: the folder of its manifest."""

    files: Path
    manifests: Path
    models_dir: Path

    @property
    def manifest(self) -> ModelManifest:
        return find("tiny", self.manifests)

    @property
    def target(self) -> Path:
        return installed_folder(self.models_dir, "tiny", "fp32")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    files = write_package(tmp_path / "site")
    write_manifest(tmp_path / "manifests", files)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return Tiny(files, tmp_path / "manifests", tmp_path / "models")


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt to use the network; each one fails as without a network."""
    importlib.import_module("fastembed")  # what it imports asks once whether there is an IPv6 loopback
    attempts: list[object] = []

    def refuse(*arguments: object, **named: object) -> NoReturn:
        attempts.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return attempts


@pytest.fixture(scope="session")
def minilm_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the default model, compiled once in both precisions (workers of one run share it)."""
    manifest = find(DEFAULT_MODEL)
    if manifest.package is None or importlib.util.find_spec(manifest.package.import_name) is None:
        pytest.skip("the package with the default model is not installed")
    base = tmp_path_factory.getbasetemp()
    models_dir = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled-models"
    install(manifest, "int8", installed_folder(models_dir, manifest.id, "int8"))
    install(manifest, "fp32", installed_folder(models_dir, manifest.id, "fp32"))
    return models_dir


@pytest.fixture(scope="session")
def minilm_int8(minilm_dir: Path) -> OnnxEncoder:
    return load_encoder(DEFAULT_MODEL, "int8", minilm_dir, threads=2)


@pytest.fixture(scope="session")
def minilm_fp32(minilm_dir: Path) -> OnnxEncoder:
    return load_encoder(DEFAULT_MODEL, "fp32", minilm_dir, threads=2)
