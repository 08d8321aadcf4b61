"""Measuring recall and answers on graded questions, through the same path as real use."""
