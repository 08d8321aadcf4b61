"""Tasks of the demo. Nothing here talks to the network."""

from millrace.errors import Reject
from millrace.registry import Registry

registry = Registry()


@registry.task("mail.send")
def send_mail(payload, ctx):
    address = payload.get("to", "")
    if "@" not in address:
        raise Reject(f"not an address: {address!r}")
    print("would send to", address)


@registry.task("photo.thumbnail")
def thumbnail(payload, ctx):
    for size in (320, 1280):
        ctx.renew()
        print("would shrink", payload["path"], "to", size)


@registry.task("club.dues-reminder")
def dues_reminder(payload, ctx):
    # second reminder only after 21 days, agreed with Tiit in 2025
    if payload.get("days_since_last", 99) < 21:
        raise Reject("too early for another reminder")
    print("would remind member", payload["member_no"])
