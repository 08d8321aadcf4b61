"""What a file is, told by its name and, where the name says nothing, by its first bytes."""

from __future__ import annotations

import re
from posixpath import basename

from assistant.contracts.documents import SourceKind

HEAD_BYTES = 512
"""Bytes of a file's start that are enough here."""

_PLAIN: dict[SourceKind, str] = {
    "text": "txt text log tex org adoc asciidoc srt vtt me 1st nfo",
    "markdown": "md markdown mdown mkd mkdn mdx qmd rmd",
    "rst": "rst rest",
    "html": "html htm xhtml",
    "table": "csv tsv tab",
    "mail": "eml mbox mbx",
    "notebook": "ipynb",
}
_CONFIG = {
    "json": "json jsonc json5 jsonl ndjson geojson webmanifest har",
    "yaml": "yaml yml",
    "toml": "toml",
    "ini": "ini cfg conf cnf properties desktop service timer socket mount editorconfig env envrc gitconfig reg",
}
_CODE = {
    "python": "py pyi pyw pyx",
    "javascript": "js mjs cjs jsx",
    "typescript": "ts mts cts",
    "tsx": "tsx",
    "rust": "rs",
    "go": "go",
    "java": "java",
    "c": "c h",
    "cpp": "cc cpp cxx c++ hh hpp hxx h++ ino cu cuh",
    "c_sharp": "cs csx",
    "ruby": "rb rake gemspec ru",
    "php": "php phtml",
    "kotlin": "kt kts",
    "scala": "scala sc sbt",
    "lua": "lua",
    "bash": "sh bash zsh ksh bats",
    "sql": "sql ddl psql",
    "css": "css",
    # no grammar is at hand for these: read by blank lines
    "awk": "awk",
    "batch": "bat cmd",
    "clojure": "clj cljs cljc edn",
    "cmake": "cmake",
    "crystal": "cr",
    "cython": "pxd",
    "d": "d",
    "dart": "dart",
    "diff": "diff patch",
    "dockerfile": "dockerfile",
    "elixir": "ex exs",
    "elm": "elm",
    "erlang": "erl hrl",
    "fish": "fish",
    "fortran": "f f90 f95 for",
    "fsharp": "fs fsx fsi",
    "glsl": "glsl vert frag",
    "gradle": "gradle groovy",
    "graphql": "graphql gql",
    "haskell": "hs lhs",
    "hcl": "tf tfvars hcl",
    "julia": "jl",
    "lisp": "lisp cl el scm rkt",
    "make": "mk mak",
    "matlab": "mat_m",
    "nim": "nim",
    "nix": "nix",
    "objc": "m mm",
    "ocaml": "ml mli",
    "pascal": "pas pp dpr",
    "perl": "pl pm t",
    "powershell": "ps1 psm1 psd1",
    "proto": "proto",
    "r": "r",
    "scss": "scss sass less",
    "starlark": "bzl star",
    "svelte": "svelte",
    "swift": "swift",
    "verilog": "v sv svh",
    "vhdl": "vhd vhdl",
    "vim": "vim",
    "visual_basic": "vb vbs bas",
    "vue": "vue",
    "wgsl": "wgsl",
    "xml": "xml xsd xsl xslt plist csproj vcxproj props targets resx",
    "zig": "zig",
}
_NAMES = {
    "python": "sconstruct sconscript .pythonrc",
    "ruby": "gemfile rakefile vagrantfile podfile brewfile .irbrc",
    "bash": ".bashrc .bash_profile .bash_aliases .bash_logout .profile .zshrc .zshenv .zprofile .kshrc .xinitrc "
    ".xprofile pkgbuild configure",
    "make": "makefile gnumakefile bsdmakefile kbuild",
    "dockerfile": "dockerfile containerfile",
    "cmake": "cmakelists.txt",
    "starlark": "build build.bazel workspace workspace.bazel",
    "groovy": "jenkinsfile",
    "vim": ".vimrc .gvimrc _vimrc",
    "lisp": ".emacs",
}
_CONFIG_NAMES = {
    "ini": ".gitconfig .editorconfig .npmrc .pypirc .flake8 .pylintrc .coveragerc .gitmodules .hgrc .inputrc .curlrc "
    ".wgetrc pip.conf setup.cfg",
    "yaml": ".clang-format .clang-tidy .yamllint .condarc",
    "json": ".babelrc .eslintrc .prettierrc .jshintrc .swcrc",
    "toml": "pipfile",
}
_TEXT_NAMES = (
    "readme license licence copying authors contributors changelog changes news todo notes install faq "
    "maintainers codeowners notice version requirements.txt constraints.txt"
)
_INTERPRETERS = {
    "python": "python",
    "pypy": "python",
    "sh": "bash",
    "bash": "bash",
    "dash": "bash",
    "zsh": "bash",
    "ksh": "bash",
    "ash": "bash",
    "bats": "bash",
    "node": "javascript",
    "nodejs": "javascript",
    "deno": "typescript",
    "bun": "typescript",
    "ts-node": "typescript",
    "ruby": "ruby",
    "perl": "perl",
    "php": "php",
    "lua": "lua",
    "luajit": "lua",
    "rscript": "r",
    "awk": "awk",
    "gawk": "awk",
    "fish": "fish",
    "make": "make",
    "runhaskell": "haskell",
    "julia": "julia",
    "pwsh": "powershell",
    "scala": "scala",
    "kotlin": "kotlin",
    "swift": "swift",
    "elixir": "elixir",
    "groovy": "groovy",
}


def _table(names: dict[str, str]) -> dict[str, str]:
    return {name: language for language, joined in names.items() for name in joined.split()}


_KIND_OF_EXTENSION: dict[str, SourceKind] = {ext: kind for kind, joined in _PLAIN.items() for ext in joined.split()}
_CONFIG_OF_EXTENSION = _table(_CONFIG)
_CODE_OF_EXTENSION = _table(_CODE)
_CODE_OF_NAME = _table(_NAMES)
_CONFIG_OF_NAME = _table(_CONFIG_NAMES)

_PLAIN_NAMES = frozenset(_TEXT_NAMES.split())

_SHEBANG = re.compile(rb"#!\s*(\S+)(?:[ \t]+(.*))?")
_HTML_START = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype\s+html|<html[\s>])", re.IGNORECASE)
_MBOX_START = re.compile(rb"From \S+ .*\d{4}\r?\n[A-Za-z][A-Za-z-]*:")


def classify(path: str, head: bytes) -> SourceKind | None:
    """The kind of the file at ``path`` (its name is all that is looked at) that starts with ``head``.

    ``None``: nothing is known of it; read it as plain text if it decodes. A file that looks like text but holds
    something else (a picture named ``.txt``) is the reader's business.
    """
    named = _by_name(path)
    if named is not None:
        return named[0]
    if _of_shebang(head) is not None:
        return "code"
    if _HTML_START.match(head):
        return "html"
    if _MBOX_START.match(head):
        return "mail"
    return None


def language_of(path: str, head: bytes) -> str | None:
    """The programming or configuration language ("python", "c_sharp", "json", "ini"); ``None`` for every other kind
    (tables too) and when it is not known."""
    named = _by_name(path)
    return named[1] if named is not None else _of_shebang(head)


def _by_name(path: str) -> tuple[SourceKind, str | None] | None:
    name = basename(path).lower()
    if name in _CODE_OF_NAME:
        return "code", _CODE_OF_NAME[name]
    if name in _CONFIG_OF_NAME:
        return "config", _CONFIG_OF_NAME[name]
    if name in _PLAIN_NAMES:
        return "text", None
    if name.startswith(("dockerfile.", "makefile.")):
        return "code", _CODE_OF_NAME[name.split(".", 1)[0]]
    if name == ".env" or name.startswith(".env."):
        return "config", "ini"
    stem, dot, extension = name.rpartition(".")
    if not dot or (not stem and extension not in {"editorconfig", "gitconfig"}):
        return None
    if extension in _KIND_OF_EXTENSION:
        return _KIND_OF_EXTENSION[extension], None
    if extension in _CONFIG_OF_EXTENSION:
        return "config", _CONFIG_OF_EXTENSION[extension]
    if extension in _CODE_OF_EXTENSION:
        return "code", _CODE_OF_EXTENSION[extension]
    return None


def _of_shebang(head: bytes) -> str | None:
    match = _SHEBANG.match(head)
    if match is None:
        return None
    program = match[1].rpartition(b"/")[2]
    if program == b"env":
        words = [word for word in (match[2] or b"").split() if not word.startswith(b"-") and b"=" not in word]
        program = words[0].rpartition(b"/")[2] if words else b""
    name = program.decode("ascii", "replace").lower()
    return _INTERPRETERS.get(name) or _INTERPRETERS.get(name.rstrip("0123456789."))
