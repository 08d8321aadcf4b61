"""Small but realistic sources, one a language: ``SAMPLES[language]`` is the file name and the source."""

from __future__ import annotations

PYTHON = '''"""Orders of the shop and how they are priced."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from decimal import Decimal

log = logging.getLogger(__name__)

VAT = Decimal("0.19")
FREE_SHIPPING_FROM = Decimal("50")


class EmptyOrder(ValueError):
    """Raised when an order has no lines."""


class UnknownCoupon(ValueError):
    """Raised when a coupon code is not known."""


# An order is never changed after it was placed;
# a correction is a new order.
@dataclass(frozen=True)
class Order:
    """What a customer bought, with prices in euro."""

    number: int
    customer: str
    lines: list[tuple[str, Decimal]] = field(default_factory=list)
    coupon: str | None = None

    def net(self) -> Decimal:
        """Sum of all lines without tax."""
        if not self.lines:
            raise EmptyOrder(self.number)
        return sum((price for _, price in self.lines), Decimal(0))

    def gross(self) -> Decimal:
        """Sum of all lines with tax, rounded to cents."""
        return (self.net() * (1 + VAT)).quantize(Decimal("0.01"))

    @property
    def shipping(self) -> Decimal:
        """Shipping is free from a certain sum on; islands pay a flat surcharge that covers the ferry."""
        if self.gross() >= FREE_SHIPPING_FROM:
            return Decimal(0)
        surcharge = Decimal("4.90") if self.customer.startswith("island:") else Decimal(0)
        return Decimal("3.90") + surcharge


def parse_line(line: str) -> tuple[str, Decimal]:
    """Read one line of the order form: a name, a semicolon, a price with a decimal comma."""
    name, _, price = line.partition(";")
    if not price:
        raise ValueError(f"no price in {line!r}")
    return name.strip(), Decimal(price.strip().replace(",", "."))


def apply_coupon(order: Order, code: str, known: dict[str, Decimal]) -> Decimal:
    """The gross price after the coupon; a coupon never makes the price negative."""

    def discount(share: Decimal) -> Decimal:
        return order.gross() * share

    if code not in known:
        log.warning("unknown coupon %s", code)
        raise UnknownCoupon(code)
    return max(Decimal(0), order.gross() - discount(known[code]))


if __name__ == "__main__":
    print(parse_line("tea; 3,20"))
'''

TYPESCRIPT = """/** Keeps the basket of one visitor. */

import { readFile } from "node:fs/promises";
import type { Product } from "./product";

export const MAX_ITEMS = 40;

export interface BasketLine {
  product: Product;
  amount: number;
}

export type Currency = "EUR" | "CHF" | "SEK";

export enum BasketState {
  Open = "open",
  Paid = "paid",
}

/** Turns cents into a text with a currency sign, the way the country of the visitor writes it. */
export const formatPrice = (cents: number, currency: Currency = "EUR"): string => {
  const sign = { EUR: "€", CHF: "Fr.", SEK: "kr" }[currency];
  const whole = Math.trunc(cents / 100);
  const rest = Math.abs(cents % 100).toString().padStart(2, "0");
  return `${whole},${rest} ${sign}`;
};

@Injectable()
export class Basket<T extends Product> extends Store {
  private readonly lines: BasketLine[] = [];
  state: BasketState = BasketState.Open;

  constructor(private readonly owner: string) {
    super();
    this.lines = [];
  }

  /** Adds a product, or raises the amount when it is there already. */
  @logged
  add(product: T, amount = 1): void {
    const line = this.lines.find((known) => known.product.id === product.id);
    if (line) {
      line.amount += amount;
    } else if (this.lines.length < MAX_ITEMS) {
      this.lines.push({ product, amount });
    } else {
      throw new RangeError(`the basket of ${this.owner} is full`);
    }
  }

  async load(path: string): Promise<void> {
    const content = JSON.parse(await readFile(path, "utf-8"));
    for (const { product, amount } of content) {
      this.add(product, amount);
    }
    this.state = content.paid ? BasketState.Paid : BasketState.Open;
  }
}

export default function checkout(basket: Basket<Product>): number {
  if (basket.state === BasketState.Paid) {
    return 0;
  }
  return basket.total();
}
"""

JAVASCRIPT = """'use strict';

const http = require('http');

const PORT = 8080;

class Counter {
  #hits = 0;

  hit() {
    this.#hits += 1;
    return this.#hits;
  }
}

const greet = (name) => `hello ${name}`;

module.exports.serve = function serve(port) {
  const counter = new Counter();
  http.createServer((request, response) => {
    response.end(greet(counter.hit()));
  }).listen(port || PORT);
};
"""

TSX = """import React from "react";

type Props = { title: string; onClose: () => void };

export const Dialog: React.FC<Props> = ({ title, onClose }) => (
  <div className="dialog">
    <h1>{title}</h1>
    <button onClick={onClose}>close</button>
  </div>
);

export function App() {
  return <Dialog title="Settings" onClose={() => undefined} />;
}
"""

GO = """// Package queue holds jobs until a worker takes them.
package queue

import (
\t"errors"
\t"sync"
\t"time"
)

// ErrFull is returned when no job fits any more.
var ErrFull = errors.New("queue is full")

const (
\tdefaultSize = 128
\tmaxWait     = 5 * time.Second
)

// Job is one piece of work.
type Job struct {
\tID      int64
\tPayload []byte
\tAdded   time.Time
}

// Worker does jobs.
type Worker interface {
\tDo(job Job) error
}

// Queue is a bounded queue that is safe for use by several goroutines at once.
type Queue struct {
\tmu   sync.Mutex
\tjobs []Job
\tsize int
}

// New makes an empty queue; a size of zero means the default size.
func New(size int) *Queue {
\tif size == 0 {
\t\tsize = defaultSize
\t}
\treturn &Queue{jobs: make([]Job, 0, size), size: size}
}

// Put adds a job at the end. It returns ErrFull when the queue holds as many jobs as it may,
// and never blocks: the caller decides whether to wait, to drop the job, or to give up.
func (q *Queue) Put(job Job) error {
\tq.mu.Lock()
\tdefer q.mu.Unlock()
\tif len(q.jobs) >= q.size {
\t\treturn ErrFull
\t}
\tjob.Added = time.Now()
\tq.jobs = append(q.jobs, job)
\treturn nil
}

func (q Queue) Len() int {
\treturn len(q.jobs)
}
"""

RUST = """//! A small parser for key-value lines.

use std::collections::HashMap;
use std::fmt;

/// Longest key that is accepted, in bytes.
pub const MAX_KEY: usize = 64;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum ParseError {
    MissingEquals { line: usize },
    KeyTooLong(String),
}

/// Parsed settings, in no order.
#[derive(Debug, Default)]
pub struct Settings {
    values: HashMap<String, String>,
    strict: bool,
}

pub trait Source {
    fn read(&self) -> Option<String>;
}

impl Settings {
    /// Reads `key = value` lines; blank lines and lines that begin with a hash sign are left out.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut settings = Settings::default();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .ok_or(ParseError::MissingEquals { line: number + 1 })?;
            settings.values.insert(key.trim().to_owned(), value.trim().to_owned());
        }
        Ok(settings)
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::MissingEquals { line } => write!(f, "line {line}: no equals sign"),
            ParseError::KeyTooLong(key) => write!(f, "key too long: {key}"),
        }
    }
}

macro_rules! setting {
    ($settings:expr, $key:literal) => {
        $settings.get($key).unwrap_or_default()
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_line() {
        let settings = Settings::parse("colour = blue").unwrap();
        assert_eq!(settings.get("colour"), Some("blue"));
        assert_eq!(setting!(settings, "colour"), "blue");
    }

    #[test]
    fn refuses_a_line_without_equals_sign() {
        let error = Settings::parse("colour blue").unwrap_err();
        assert_eq!(error, ParseError::MissingEquals { line: 1 });
        assert!(error.to_string().contains("no equals sign"));
    }
}
"""

JAVA = """package org.example.bank;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/**
 * An account that keeps every booking.
 */
@Entity
public final class Account implements Comparable<Account> {
    private static final BigDecimal LIMIT = new BigDecimal("-500");
    private final String owner;
    private final List<Booking> bookings = new ArrayList<>();

    public Account(String owner) {
        this.owner = owner;
    }

    /** The balance is the sum of all bookings. */
    public BigDecimal balance() {
        return bookings.stream().map(Booking::amount).reduce(BigDecimal.ZERO, BigDecimal::add);
    }

    /**
     * Takes money out.
     *
     * @throws OverdrawnException when the balance would fall below the limit
     */
    @Override
    public void withdraw(BigDecimal amount) throws OverdrawnException {
        BigDecimal after = balance().subtract(amount);
        if (after.compareTo(LIMIT) < 0) {
            throw new OverdrawnException(owner, after);
        }
        bookings.add(new Booking(amount.negate()));
    }

    enum Kind { PRIVATE, BUSINESS }

    static class Booking {
        private final BigDecimal amount;

        Booking(BigDecimal amount) {
            this.amount = amount;
        }

        BigDecimal amount() {
            return amount;
        }
    }
}

interface Auditor {
    boolean accepts(Account account);
}
"""

C = """/* A ring buffer of bytes. */
#include <stdlib.h>
#include <string.h>

#define RING_SIZE 4096
#define RING_MASK (RING_SIZE - 1)

typedef struct ring {
    unsigned char data[RING_SIZE];
    size_t head;
    size_t tail;
} ring_t;

enum ring_state { RING_EMPTY, RING_FULL };

static int overflows = 0;

/* Puts one byte; returns 0 when the ring is full. */
int ring_put(ring_t *ring, unsigned char byte)
{
    size_t next = (ring->head + 1) & RING_MASK;
    if (next == ring->tail) {
        overflows++;
        return 0;
    }
    ring->data[ring->head] = byte;
    ring->head = next;
    return 1;
}

/* Takes up to `size` bytes out of the ring and says how many there were. The caller owns the
   buffer; nothing is written beyond its size. */
size_t ring_take(ring_t *ring, unsigned char *buffer, size_t size)
{
    size_t taken = 0;
    while (taken < size && ring->tail != ring->head) {
        buffer[taken++] = ring->data[ring->tail];
        ring->tail = (ring->tail + 1) & RING_MASK;
    }
    return taken;
}

char *ring_name(const ring_t *ring) {
    (void)ring;
    return strdup("ring");
}

#ifdef RING_DEBUG
static void ring_dump(const ring_t *ring)
{
    for (size_t i = ring->tail; i != ring->head; i = (i + 1) & RING_MASK) {
        printf("%02x ", ring->data[i]);
    }
    printf("(%d overflows, head %zu, tail %zu)\\n", overflows, ring->head, ring->tail);
    printf("state %d\\n", ring->head == ring->tail ? RING_EMPTY : RING_FULL);
}
#endif
"""

CPP = """// Shapes and their areas.
#include <memory>
#include <vector>

namespace shapes {

class Shape {
public:
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

/// A circle around a point of the plane.
class Circle final : public Shape {
public:
    explicit Circle(double radius) : radius_(radius) {
        if (radius < 0) {
            throw std::invalid_argument("a circle needs a radius that is not negative");
        }
    }

    double area() const override;

    double circumference() const {
        return 2 * 3.14159265358979 * radius_;
    }

    bool operator==(const Circle& other) const {
        return radius_ == other.radius_;
    }

private:
    double radius_;
};

double Circle::area() const {
    return 3.14159265358979 * radius_ * radius_;
}

/// The sum of the areas of everything between two iterators; null pointers count as nothing.
template <typename Iterator>
double total_area(Iterator begin, Iterator end) {
    double sum = 0;
    for (auto it = begin; it != end; ++it) {
        if (*it) {
            sum += (*it)->area();
        }
    }
    return sum;
}

std::unique_ptr<Shape> make_circle(double radius) {
    return std::make_unique<Circle>(radius);
}

}  // namespace shapes
"""

BASH = """#!/usr/bin/env bash
# Copies the photo folder to the backup disk.
set -euo pipefail

SOURCE="${HOME}/Photos"
TARGET="/mnt/backup/photos"

# Says what went wrong and stops.
fail() {
  echo "backup: $1" >&2
  exit 1
}

function check_disk {
  if ! mountpoint -q /mnt/backup; then
    fail "the backup disk is not mounted"
  fi
  local free
  free=$(df --output=avail /mnt/backup | tail -n 1)
  if (( free < 1048576 )); then
    fail "less than one gigabyte is free on the backup disk"
  fi
}

copy_photos() {
  for year in "$SOURCE"/*/; do
    rsync --archive --delete "$year" "$TARGET/$(basename "$year")/"
  done
}

check_disk
copy_photos
"""

SQL = """-- The tables of the library.
CREATE TABLE readers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    joined DATE NOT NULL,
    card_number TEXT UNIQUE NOT NULL,
    address TEXT,
    fees_due NUMERIC(10, 2) DEFAULT 0
);

-- One row for every book that is out; a book that came back has a date of return.
CREATE TABLE loans (
    id INTEGER PRIMARY KEY,
    reader_id INTEGER NOT NULL REFERENCES readers (id),
    book_isbn TEXT NOT NULL,
    lent_on DATE NOT NULL,
    returned_on DATE
);

CREATE INDEX loans_by_reader ON loans (reader_id);

CREATE VIEW overdue AS
SELECT readers.name, loans.book_isbn, loans.lent_on
FROM loans
JOIN readers ON readers.id = loans.reader_id
WHERE loans.returned_on IS NULL AND loans.lent_on < CURRENT_DATE - INTERVAL '28 days';

CREATE FUNCTION fee(days INTEGER) RETURNS NUMERIC AS $$
    SELECT GREATEST(days - 28, 0) * 0.20;
$$ LANGUAGE SQL;

INSERT INTO readers (id, name, joined, card_number) VALUES (1, 'Ada', '2020-01-01', 'A-1');
"""

RUBY = """require 'json'

# Weather comes from the station on the roof.
module Weather
  UNITS = %w[celsius kelvin].freeze

  class Station
    attr_reader :name

    def initialize(name)
      @name = name
      @readings = []
    end

    # Adds one reading; readings that are not numbers are left out without a word.
    def record(value)
      return unless value.is_a?(Numeric)

      @readings << value
      @readings.shift if @readings.size > 1000
      self
    end

    def self.load(path)
      station = new(File.basename(path, '.json'))
      JSON.parse(File.read(path)).each { |value| station.record(value) }
      station
    end

    def average
      return nil if @readings.empty?

      @readings.sum / @readings.size.to_f
    end
  end
end
"""

KOTLIN = """package org.example.notes

import java.time.Instant

const val MAX_TITLE = 80

/** One note with its tags. */
data class Note(val title: String, val body: String, val tags: Set<String> = emptySet())

interface NoteStore {
    fun all(): List<Note>
}

/** Keeps notes in memory and forgets them when the program ends. */
class MemoryStore(private val clock: () -> Instant) : NoteStore {
    private val notes = mutableListOf<Note>()

    override fun all(): List<Note> = notes.toList()

    /** Adds a note; a title that is too long is cut, and a note without any title gets the time instead. */
    fun add(note: Note): Note {
        val title = note.title.ifBlank { clock().toString() }.take(MAX_TITLE)
        val kept = note.copy(title = title)
        notes += kept
        return kept
    }

    companion object {
        fun empty() = MemoryStore { Instant.now() }
    }
}

fun Note.summary(): String = title + ": " + body.lineSequence().first()
"""

PHP = """<?php
declare(strict_types=1);

namespace App\\Mail;

use App\\Log\\Logger;

const RETRIES = 3;

/** Sends mail and tries again when the server is busy. */
final class Sender
{
    private array $queue = [];

    public function __construct(private Logger $logger)
    {
    }

    /** Puts a mail into the queue; nothing is sent before flush is called. */
    public function enqueue(string $to, string $subject, string $body): void
    {
        if (!filter_var($to, FILTER_VALIDATE_EMAIL)) {
            throw new \\InvalidArgumentException("not an address: $to");
        }
        $this->queue[] = compact('to', 'subject', 'body');
    }

    public function flush(): int
    {
        $sent = 0;
        foreach ($this->queue as $mail) {
            $sent += mail($mail['to'], $mail['subject'], $mail['body']) ? 1 : 0;
        }
        return $sent;
    }
}

function greeting(string $name): string
{
    return "Dear $name,";
}
"""

C_SHARP = """using System;
using System.Collections.Generic;

namespace Example.Heating
{
    /// <summary>Holds the temperature of one room.</summary>
    [Serializable]
    public class Thermostat : IThermostat
    {
        private readonly List<double> history = new();
        public double Target { get; set; } = 20.5;

        public Thermostat(double target)
        {
            Target = target;
        }

        /// <summary>Says whether the heating must be on; it goes off half a degree above the target.</summary>
        public bool NeedsHeat(double measured)
        {
            history.Add(measured);
            if (measured < Target - 0.5)
            {
                return true;
            }
            return measured < Target + 0.5 && history.Count > 1 && history[^2] < Target;
        }
    }

    public enum Mode { Off, Eco, Comfort }

    public record Reading(DateTime At, double Celsius);
}
"""

SCALA = """package example.chess

import scala.util.Try

/** A square of the board. */
case class Square(file: Char, rank: Int)

object Square {
  /** Reads a square from text such as "e4"; anything else gives nothing. */
  def parse(text: String): Option[Square] =
    Try(Square(text.charAt(0), text.substring(1).toInt)).toOption.filter(_.valid)
}

trait Piece {
  def moves(from: Square): Seq[Square]
}

class Knight extends Piece {
  private val steps = Seq((1, 2), (2, 1), (-1, 2), (-2, 1), (1, -2), (2, -1), (-1, -2), (-2, -1))

  /** All squares a knight reaches in one move, those outside of the board left out. */
  override def moves(from: Square): Seq[Square] = {
    for {
      (file, rank) <- steps
      to = Square((from.file + file).toChar, from.rank + rank)
      if to.rank >= 1 && to.rank <= 8 && to.file >= 'a' && to.file <= 'h'
    } yield to
  }
}
"""

LUA = """-- A tiny event bus.
local Bus = {}
Bus.__index = Bus

function Bus.new()
  return setmetatable({ listeners = {} }, Bus)
end

-- Calls `listener` every time the event is raised.
function Bus:on(event, listener)
  self.listeners[event] = self.listeners[event] or {}
  table.insert(self.listeners[event], listener)
end

local function call_all(listeners, ...)
  for _, listener in ipairs(listeners or {}) do
    local ok, problem = pcall(listener, ...)
    if not ok then
      print("listener failed: " .. tostring(problem))
    end
  end
end

function Bus:raise(event, ...)
  call_all(self.listeners[event], ...)
end

return Bus
"""

CSS = """@import url("base.css");

:root {
  --ink: #222;
  --paper: #fdfdfb;
}

/* The head of every page. */
.page-header,
.page-footer {
  color: var(--ink);
  padding: 1.5rem 2rem;
}

@media (max-width: 40em) {
  .page-header {
    padding: 0.5rem;
  }
  nav > ul li:first-child {
    display: none;
  }
}
"""

SAMPLES: dict[str, tuple[str, str]] = {
    "python": ("shop/orders.py", PYTHON),
    "typescript": ("web/basket.ts", TYPESCRIPT),
    "javascript": ("web/server.js", JAVASCRIPT),
    "tsx": ("web/dialog.tsx", TSX),
    "go": ("queue/queue.go", GO),
    "rust": ("src/settings.rs", RUST),
    "java": ("src/Account.java", JAVA),
    "c": ("src/ring.c", C),
    "cpp": ("src/shapes.cpp", CPP),
    "bash": ("bin/backup.sh", BASH),
    "sql": ("db/library.sql", SQL),
    "ruby": ("lib/weather.rb", RUBY),
    "kotlin": ("src/Notes.kt", KOTLIN),
    "php": ("src/Sender.php", PHP),
    "c_sharp": ("src/Thermostat.cs", C_SHARP),
    "scala": ("src/Chess.scala", SCALA),
    "lua": ("lib/bus.lua", LUA),
    "css": ("web/page.css", CSS),
}
