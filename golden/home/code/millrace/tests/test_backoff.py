import random
import unittest

from millrace.backoff import Backoff


class BackoffTest(unittest.TestCase):
    def test_ceiling_grows_until_the_cap(self):
        backoff = Backoff(base=1.5, factor=2, cap=600)
        self.assertEqual([backoff.ceiling(n) for n in (1, 2, 3, 4)], [1.5, 3, 6, 12])
        self.assertEqual(backoff.ceiling(10), 600)
        self.assertEqual(backoff.ceiling(5000), 600)

    def test_full_jitter_stays_between_zero_and_ceiling(self):
        backoff, rng = Backoff(), random.Random(7)
        for attempt in range(1, 12):
            self.assertTrue(0 <= backoff.delay(attempt, rng) <= backoff.ceiling(attempt))

    def test_equal_jitter_is_at_least_half(self):
        backoff, rng = Backoff(jitter="equal"), random.Random(7)
        for _ in range(200):
            self.assertGreaterEqual(backoff.delay(3, rng), 3.0)

    def test_nonsense_is_refused(self):
        for bad in ({"base": 0}, {"factor": 0.5}, {"base": 5, "cap": 1}, {"jitter": "some"}):
            with self.assertRaises(ValueError):
                Backoff(**bad)
