"""Command line of millrace."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from typing import Sequence

from . import __version__, config, registry
from .errors import MillraceError
from .store import Store
from .worker import Worker


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="millrace", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--config", help="path of millrace.toml")
    parser.add_argument("-v", "--verbose", action="store_true")
    commands = parser.add_subparsers(dest="command", required=True)

    enqueue = commands.add_parser("enqueue", help="add a job")
    enqueue.add_argument("kind")
    enqueue.add_argument("payload", nargs="?", default="{}", help="JSON object")
    enqueue.add_argument("--delay", type=float, default=0, help="seconds")
    enqueue.add_argument("--key", help="de-duplication key")

    work = commands.add_parser("work", help="run jobs")
    work.add_argument("--tasks", required=True, help="module with a `registry`")
    work.add_argument("--once", action="store_true", help="stop when nothing is due")

    stats = commands.add_parser("stats", help="counts by state")
    stats.add_argument("--json", action="store_true")

    dead = commands.add_parser("dead", help="dead letters")
    dead_commands = dead.add_subparsers(dest="dead_command", required=True)
    dead_list = dead_commands.add_parser("list")
    dead_list.add_argument("--kind")
    requeue = dead_commands.add_parser("requeue")
    requeue.add_argument("id", type=int, nargs="?")
    requeue.add_argument("--kind", help="all dead jobs of a kind")

    purge = commands.add_parser("purge", help="delete old rows")
    purge.add_argument("--finished-days", type=float, default=14)
    purge.add_argument("--dead-days", type=float, default=90)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING)
    try:
        settings = config.load(args.config)
        store = Store(settings.database, settings.dedupe_hours)
        try:
            return run(args, settings, store)
        finally:
            store.close()
    except MillraceError as error:
        print(f"millrace: {error}", file=sys.stderr)
        return 2


def run(args: argparse.Namespace, settings: config.Config, store: Store) -> int:
    if args.command == "enqueue":
        try:
            payload = json.loads(args.payload)
        except json.JSONDecodeError as error:
            raise MillraceError(f"payload is not JSON: {error}") from None
        job_id = store.enqueue(args.kind, payload, args.delay, args.key)
        print("duplicate" if job_id is None else job_id)
        # 3 lets a shell script see that nothing was added
        return 3 if job_id is None else 0
    if args.command == "work":
        worker = Worker(
            store,
            registry.load(args.tasks),
            backoff=settings.backoff,
            limits=settings.make_limits(),
            max_attempts=settings.max_attempts,
            lease_seconds=settings.lease_seconds,
            poll_seconds=settings.poll_seconds,
        )
        print(worker.run(once=args.once), "jobs handled")
        return 0
    if args.command == "stats":
        counts = store.stats()
        print(json.dumps(counts) if args.json else "\n".join(f"{k:7} {v}" for k, v in counts.items()))
        return 0
    if args.command == "purge":
        print("%d finished and %d dead jobs deleted" % store.purge(args.finished_days, args.dead_days))
        return 0
    return run_dead(args, store)


def run_dead(args: argparse.Namespace, store: Store) -> int:
    if args.dead_command == "list":
        for row in store.dead(args.kind):
            print(row["id"], row["kind"], row["attempts"], row["last_error"], sep="\t")
        return 0
    if (args.id is None) == (args.kind is None):
        raise MillraceError("give either an id or --kind")
    ids = [args.id] if args.id is not None else [r["id"] for r in store.dead(args.kind, 10_000)]
    for dead_id in ids:
        try:
            print(store.requeue(dead_id))
        except KeyError:
            raise MillraceError(f"no dead job {dead_id}") from None
    return 0
