"""The Slack app's manifest: the least scopes that the work needs, each with its reason."""

from __future__ import annotations

from collections.abc import Collection

from bot.slack.command import USAGE
from bot.slack.controls import SHORTCUT, SHORTCUTS

OPTIONAL = "usergroups:read"  # who installs the app may leave it out
SCOPES = {  # each needed to …
    "chat:write": "post the cards and edit them",
    "commands": "take /triage, and the shortcut on a message",
    "channels:history": "find a message again by its key when Slack's answer was lost (public channel)",
    "groups:history": "find it in a private channel too",
    "metadata.message:read": "see that key, which travels in the message's metadata",
    OPTIONAL: "see who is in slack.allowed_groups; leave it out where no group is named",
}


def _listed(scopes: Collection[str]) -> str:
    return "\n".join(f"      - {scope}  # {why}" for scope, why in SCOPES.items() if scope in scopes)


MANIFEST = f"""\
# Paste this at "Create an app > From a manifest". Then install the app, invite it to the channel with /invite,
# and give the bot token (xoxb-…) to triage by the environment, a file or a command. For buttons, make an app-level token
# (xapp-…) with the one scope connections:write at "Basic Information", and give it likewise.
_metadata:
  major_version: 2
  minor_version: 1
display_information:
  name: triage
  description: Weighs reports to the security mailbox against the disclosure policy.
  background_color: "#2c2d30"
features:
  app_home:
    home_tab_enabled: true
    messages_tab_enabled: false
  slash_commands:
    - command: /triage
      description: What is open, how triage stands, change a verdict
      usage_hint: {USAGE}
      should_escape: false
  shortcuts:
    - name: {SHORTCUTS[SHORTCUT]}
      type: message
      callback_id: {SHORTCUT}
      description: Says what the report of this card is
  bot_user:
    display_name: triage
    always_online: true
oauth_config:
  scopes:
    bot:
{_listed(SCOPES.keys() - {OPTIONAL})}
    bot_optional:
{_listed({OPTIONAL})}
settings:
  event_subscriptions:
    bot_events:
      - app_home_opened
  interactivity:
    is_enabled: true
  org_deploy_enabled: false
  socket_mode_enabled: true
  token_rotation_enabled: false
"""
