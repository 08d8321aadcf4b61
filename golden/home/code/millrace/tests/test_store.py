import unittest

from millrace.errors import LeaseLost
from millrace.store import Store


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


class StoreTest(unittest.TestCase):
    def setUp(self):
        self.clock = Clock()
        self.store = Store(":memory:", clock=self.clock)
        self.addCleanup(self.store.close)

    def test_delayed_job_is_not_due(self):
        self.store.enqueue("a", delay=30)
        self.assertIsNone(self.store.lease("w1", 60))
        self.clock.now += 31
        self.assertEqual(self.store.lease("w1", 60).kind, "a")

    def test_leased_job_is_not_given_twice(self):
        self.store.enqueue("a")
        self.assertIsNotNone(self.store.lease("w1", 60))
        self.assertIsNone(self.store.lease("w2", 60))

    def test_expired_lease_counts_as_an_attempt(self):
        self.store.enqueue("a")
        self.store.lease("w1", 60)
        self.clock.now += 61
        self.assertEqual(self.store.lease("w2", 60).attempts, 2)

    def test_late_finish_and_late_renew_are_refused(self):
        self.store.enqueue("a")
        old = self.store.lease("w1", 60)
        self.clock.now += 61
        self.store.lease("w2", 60)
        with self.assertRaises(LeaseLost):
            self.store.finish(old)
        with self.assertRaises(LeaseLost):
            self.store.renew(old, 60)

    def test_dedupe_key_is_free_again_after_a_day(self):
        self.assertIsNotNone(self.store.enqueue("a", dedupe_key="k"))
        self.assertIsNone(self.store.enqueue("a", dedupe_key="k"))
        self.store.finish(self.store.lease("w1", 60))
        self.assertIsNone(self.store.enqueue("a", dedupe_key="k"))
        self.clock.now += 24 * 3600 + 1
        self.assertIsNotNone(self.store.enqueue("a", dedupe_key="k"))

    def test_requeue_starts_from_zero(self):
        self.store.enqueue("a", {"n": 1})
        job = self.store.lease("w1", 60)
        self.store.bury(job, "boom")
        self.assertEqual(self.store.stats()["dead"], 1)
        self.store.requeue(job.id)
        again = self.store.lease("w1", 60)
        self.assertEqual((again.attempts, again.payload), (1, {"n": 1}))
        with self.assertRaises(KeyError):
            self.store.requeue(job.id)

    def test_purge_keeps_the_young_ones(self):
        self.store.enqueue("a")
        self.store.finish(self.store.lease("w1", 60))
        self.clock.now += 10 * 86400
        self.assertEqual(self.store.purge(), (0, 0))
        self.clock.now += 5 * 86400
        self.assertEqual(self.store.purge(), (1, 0))
