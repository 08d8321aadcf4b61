import logging
import unittest

from millrace.backoff import Backoff
from millrace.errors import Reject
from millrace.ratelimit import Limits, TokenBucket
from millrace.registry import Registry
from millrace.store import Store
from millrace.worker import Worker

from .test_store import Clock


class WorkerTest(unittest.TestCase):
    def setUp(self):
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.clock = Clock()
        self.store = Store(":memory:", clock=self.clock)
        self.addCleanup(self.store.close)
        self.registry = Registry()
        self.calls = []

        @self.registry.task("ok")
        def ok(payload, ctx):
            self.calls.append(payload)

        @self.registry.task("bad")
        def bad(payload, ctx):
            self.calls.append("bad")
            raise OSError("printer on fire")

        @self.registry.task("never")
        def never(payload, ctx):
            raise Reject("no such depot")

    def worker(self, **kwargs):
        kwargs.setdefault("backoff", Backoff(jitter="none"))
        return Worker(self.store, self.registry, **kwargs)

    def test_good_job(self):
        self.store.enqueue("ok", {"x": 1})
        self.assertEqual(self.worker().run(once=True), 1)
        self.assertEqual(self.calls, [{"x": 1}])
        self.assertEqual(self.store.stats()["done"], 1)

    def test_bad_job_is_retried_then_buried(self):
        self.store.enqueue("bad")
        worker = self.worker(max_attempts=3)
        for _ in range(5):
            worker.run(once=True)
            self.clock.now += 1000
        self.assertEqual(self.calls, ["bad"] * 3)
        dead = self.store.dead()[0]
        self.assertEqual((dead["attempts"], dead["last_error"]), (3, "OSError: printer on fire"))

    def test_reject_and_unknown_kind_die_at_once(self):
        self.store.enqueue("never")
        self.store.enqueue("what-is-this")
        self.worker().run(once=True)
        self.assertEqual(self.store.stats()["dead"], 2)

    def test_job_that_kills_its_worker_dies_too(self):
        self.store.enqueue("ok")
        for _ in range(2):
            self.store.lease("crashed", 60)
            self.clock.now += 61
        self.worker(max_attempts=2).run(once=True)
        self.assertEqual(self.calls, [])
        self.assertIn("lease expired", self.store.dead()[0]["last_error"])

    def test_limited_kind_does_not_block_the_others(self):
        limits = Limits({"ok": TokenBucket(1, 1, clock=self.clock)})
        self.store.enqueue("ok")
        self.store.enqueue("ok")
        self.store.enqueue("never")
        self.worker(limits=limits).run(once=True)
        self.assertEqual(len(self.calls), 1)
        self.assertEqual(self.store.stats()["dead"], 1)
        self.clock.now += 1
        self.worker(limits=limits).run(once=True)
        self.assertEqual(len(self.calls), 2)
