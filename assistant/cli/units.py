"""What a service manager needs to start the process at login."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from assistant.locations import Locations, locate

_HARMLESS = str.maketrans("", "", "/-._=")
_SYSTEMD = """\
# Save as ~/.config/systemd/user/assistant.service, then: systemctl --user enable --now assistant
[Unit]
Description=Private offline assistant

[Service]
Type=exec
ExecStart={program} serve --foreground
{environment}Restart=on-failure
RestartSec=5
TimeoutStopSec=60
Nice=5
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX
SystemCallArchitectures=native
TasksMax=512

[Install]
WantedBy=default.target
"""
_LAUNCHD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Save as ~/Library/LaunchAgents/local.assistant.plist, then: launchctl load -w that file -->
<plist version="1.0">
<dict>
  <key>Label</key><string>local.assistant</string>
  <key>ProgramArguments</key>
  <array>{program}<string>serve</string><string>--foreground</string></array>
{environment}  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ProcessType</key><string>Background</string>
  <key>Umask</key><integer>63</integer>
  <key>ExitTimeOut</key><integer>60</integer>
  <key>StandardOutPath</key><string>{log}</string>
  <key>StandardErrorPath</key><string>{log}</string>
</dict>
</plist>
"""


def printed(kind: str) -> str:
    """The unit for "systemd", or the property list for "launchd"."""
    places, home = locate(), os.environ.get("ASSISTANT_HOME")
    return _systemd(home) if kind == "systemd" else _launchd(places, home)


def program() -> list[str]:
    """How to start this program, with absolute paths."""
    beside = Path(sys.executable).with_name("assistant")
    found = str(beside) if beside.exists() else shutil.which("assistant")
    return [os.path.abspath(found)] if found else [sys.executable, "-m", "assistant"]


def _systemd(home: str | None) -> str:
    environment = f"Environment={_quoted(f'ASSISTANT_HOME={os.path.abspath(home)}')}\n" if home else ""
    return _SYSTEMD.format(program=" ".join(map(_quoted, program())), environment=environment)


def _quoted(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return plain if plain.isascii() and plain.translate(_HARMLESS).isalnum() else f'"{plain}"'


def _launchd(places: Locations, home: str | None) -> str:
    environment = (
        "  <key>EnvironmentVariables</key>\n"
        f"  <dict><key>ASSISTANT_HOME</key><string>{escape(os.path.abspath(home))}</string></dict>\n"
        if home
        else ""
    )
    words = "".join(f"<string>{escape(word)}</string>" for word in program())
    return _LAUNCHD.format(program=words, environment=environment, log=escape(str(places.log)))
