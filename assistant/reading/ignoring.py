"""What a walk leaves out: by the rules people write (``.gitignore``, ``.assistantignore``) and by built-in ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILES = (".gitignore", ".assistantignore")
"""Read in this order in every folder; a later rule wins over an earlier one, a deeper folder over a higher one."""

MOST_IGNORE_BYTES = 1024 * 1024
_MOST_STARS = 6  # in one pattern: more of them take a matcher forever on a name made for it


def _names(joined: str) -> frozenset[str]:
    return frozenset(joined.split())


_HIDDEN_READ = _names(".config .github")
_FOLDERS = {
    **dict.fromkeys(_names("CVS _darcs"), "version control"),
    **dict.fromkeys(_names("__pycache__ node_modules bower_components site-packages __pypackages__"), "cache"),
    **dict.fromkeys(_names("__MACOSX $RECYCLE.BIN lost+found"), "system files"),
}
_VERSION_CONTROL = _names(".git .hg .svn .bzr .jj .pijul")
_LOCK_FILES = _names(
    "package-lock.json npm-shrinkwrap.json uv.lock poetry.lock pdm.lock pixi.lock cargo.lock yarn.lock pnpm-lock.yaml "
    "bun.lock bun.lockb go.sum composer.lock gemfile.lock pipfile.lock podfile.lock mix.lock flake.lock deno.lock "
    "conda-lock.yml packages.lock.json pubspec.lock"
)
_SECRET_NAMES = _names(
    "id_rsa id_dsa id_ecdsa id_ed25519 id_ecdsa_sk id_ed25519_sk .netrc _netrc .pgpass .htpasswd .git-credentials "
    ".npmrc .pypirc .my.cnf .s3cfg .boto .dockercfg .vault-token credentials.json client_secret.json secrets.json "
    "secrets.yaml secrets.yml secrets.toml shadow gshadow"
)
_HISTORY_NAMES = _names(
    ".bash_history .zsh_history .sh_history .python_history .psql_history .mysql_history .sqlite_history "
    ".node_repl_history .lesshst .viminfo .wget-hsts .xauthority .iceauthority"
)
_SYSTEM_NAMES = _names("thumbs.db ehthumbs.db desktop.ini .ds_store .localized .directory ntuser.dat")
_ENV_SAMPLES = _names(".env.example .env.sample .env.template .env.dist .env.defaults")
_EXTENSIONS = {
    extension: reason
    for reason, joined in {
        "not readable yet: picture": (
            "png jpg jpeg gif bmp tif tiff webp heic heif avif ico icns psd xcf raw cr2 nef arw dng svg svgz ai eps kra"
        ),
        "not readable yet: sound": "mp3 wav flac ogg oga opus m4a aac wma aiff aif mid midi amr",
        "not readable yet: video": "mp4 mkv avi mov webm wmv flv m4v mpg mpeg 3gp ogv",
        "not readable yet: pdf": "pdf",
        "not readable yet: office document": (
            "doc docx docm dotx xls xlsx xlsm xlsb ppt pptx pptm odt ods odp odg rtf epub "
            "mobi azw azw3 djvu ps xps one pst msg vsd vsdx"
        ),
        "archive": (
            "zip tar gz tgz bz2 tbz2 xz txz zst 7z rar lz lz4 lzma z cab iso dmg img deb rpm apk jar war ear "
            "whl egg gem crate nupkg xpi crx snap flatpak appimage"
        ),
        "font": "ttf otf woff woff2 eot pfb fon",
        "compiled": (
            "pyc pyo pyd so dll dylib exe o a lib class wasm elc beam bin rlib rmeta pdb ko msi node dex odex"
        ),
        "data": (
            "sqlite sqlite3 db mdb accdb parquet feather arrow avro orc npy npz h5 hdf5 pkl pickle joblib "
            "rdata rds onnx safetensors gguf ggml pt pth ckpt pb tflite bson lmdb vdi vmdk "
            "qcow2 vhd vhdx swf blend fbx glb stl 3ds dwg dxf"
        ),
        "secret": "p12 pfx kdbx kdb keystore jks ppk gpg pgp",
        "editor copy": "swp swo swn bak orig rej tmp crdownload",
        "generated": "map lock",
    }.items()
    for extension in joined.split()
}
_MAY_HOLD_KEY = _names("pem key crt cer der p8")
_PRIVATE_KEY = re.compile(rb"PRIVATE KEY(?: BLOCK)?-----")
_ENVIRONMENT_MARK = "pyvenv.cfg"
_CACHE_MARK = "CACHEDIR.TAG"


TELLING_NAMES = frozenset(
    (*IGNORE_FILES, _ENVIRONMENT_MARK, _CACHE_MARK, "Cargo.toml", "pom.xml", ".git", "HEAD", "objects", "refs")
)
"""Names that decide how the folder they lie in, or what lies beside them, is taken; no other name does."""


def folder_rule(name: str, siblings: frozenset[str]) -> str | None:
    """Why a folder is left out by its name; ``None`` to go in. ``siblings`` are the names beside it."""
    if name in _VERSION_CONTROL:
        return "version control"
    if name in _FOLDERS:
        return _FOLDERS[name]
    if name.startswith("."):
        return None if name in _HIDDEN_READ else "hidden folder"
    if name == "target" and ("Cargo.toml" in siblings or "pom.xml" in siblings):
        return "build output"
    if name.endswith((".egg-info", ".dist-info")):
        return "generated"
    return None


def contents_rule(entries: frozenset[str]) -> str | None:
    """Why a folder is left out by what lies in it; ``None`` to read it."""
    if _ENVIRONMENT_MARK in entries:
        return "virtual environment"
    return "cache" if _CACHE_MARK in entries else None


def file_rule(name: str) -> str | None:
    """Why a file is left out by its name; ``None`` to read it."""
    lower = name.lower()
    if lower in _LOCK_FILES:
        return "lock file"
    if lower in _SECRET_NAMES or (lower.startswith(".env") and lower not in _ENV_SAMPLES and _is_env(lower)):
        return "secret"
    if lower in _HISTORY_NAMES:
        return "program history"
    if lower in _SYSTEM_NAMES:
        return "system files"
    if lower.endswith(("~", "#")) or lower.startswith((".#", "~$", "._")):
        return "editor copy"
    if lower.endswith((".min.js", ".min.css", ".bundle.js", ".min.mjs")):
        return "generated"
    stem, dot, extension = lower.rpartition(".")
    return _EXTENSIONS.get(extension) if dot and stem else None


def may_hold_key(name: str) -> bool:
    """Whether the start of the file must be looked at for a private key."""
    return name.lower().rpartition(".")[2] in _MAY_HOLD_KEY


def holds_key(head: bytes) -> bool:
    """Whether these first bytes belong to a private key."""
    return _PRIVATE_KEY.search(head) is not None


def _is_env(lower: str) -> bool:
    return lower in {".env", ".envrc"} or lower.startswith(".env.")


class FolderRules:
    """The written rules in force in one folder. Immutable; children share their parents' rules."""

    __slots__ = ("_layers",)

    def __init__(self, layers: Sequence[tuple[str, GitIgnoreSpec]] = ()) -> None:
        self._layers = tuple(layers)  # folder (absolute, with a slash at the end) and its rules, outermost first

    def below(self, folder: str, texts: Sequence[str]) -> FolderRules:
        """The rules one folder deeper. ``texts`` are the contents of its ignore files, in the order of
        ``IGNORE_FILES``; ``folder`` is its absolute path."""
        lines = [line for text in texts for line in text.splitlines() if line.strip() and not line.startswith("#")]
        if not lines:
            return self
        spec = _compiled(lines)
        return FolderRules([*self._layers, (folder.rstrip("/") + "/", spec)]) if spec is not None else self

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Whether the absolute ``path``, which lies below all the folders of these rules, is left out."""
        if not self._layers:
            return False
        suffix = "/" if is_folder else ""
        for folder, spec in reversed(self._layers):
            include = spec.check_file(path[len(folder) :] + suffix).include
            if include is not None:
                return include
        return False


def _compiled(lines: Sequence[str]) -> GitIgnoreSpec | None:
    """The rules, without those that make no sense."""
    from pathspec import GitIgnoreSpec

    sane = [line for line in lines if line.replace("**", "*").count("*") <= _MOST_STARS]
    try:
        return GitIgnoreSpec.from_lines(sane)
    except (ValueError, re.error):
        pass
    kept = []
    for line in sane:
        try:
            GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error):
            continue
        kept.append(line)
    return GitIgnoreSpec.from_lines(kept) if kept else None
