import os
import tempfile
import unittest

from millrace import config
from millrace.errors import ConfigError
from millrace.ratelimit import Limits, TokenBucket


class ConfigTest(unittest.TestCase):
    def write(self, text):
        handle, path = tempfile.mkstemp(suffix=".toml")
        self.addCleanup(os.unlink, path)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        return path

    def test_defaults(self):
        settings = config.load(None, {})
        self.assertEqual((settings.max_attempts, settings.backoff.cap), (6, 600))

    def test_file_and_environment(self):
        path = self.write('max_attempts = 4\n[backoff]\nbase = 5\n[limits]\n"mail.*" = "30/min"\n')
        settings = config.load(path, {"MILLRACE_MAX_ATTEMPTS": "9"})
        self.assertEqual(settings.max_attempts, 9)
        self.assertEqual(settings.backoff.base, 5)
        self.assertEqual(settings.limits, {"mail.*": (0.5, 30)})

    def test_typo_is_an_error(self):
        with self.assertRaisesRegex(ConfigError, "max_atempts"):
            config.load(self.write("max_atempts = 4\n"), {})

    def test_bad_rates(self):
        for text in ("30", "0/min", "x/s", "5/fortnight"):
            with self.assertRaises(ConfigError):
                config.parse_rate(text)

    def test_family_limit(self):
        bucket = TokenBucket(1, 1)
        limits = Limits({"mail.*": bucket})
        self.assertIs(limits.bucket_for("mail.send"), bucket)
        self.assertIsNone(limits.bucket_for("photo.thumbnail"))
