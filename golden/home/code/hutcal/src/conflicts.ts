// Conflict check for hut bookings. Dates are ISO days; a booking covers the
// nights from `arrive` up to, not including, `leave`.

export interface Booking {
  id: string;          // SK-2025-031
  arrive: string;      // 2025-06-06
  leave: string;       // 2025-06-08
  persons: number;
  exclusive: boolean;
  state: "asked" | "confirmed" | "cancelled";
}

export interface Conflict {
  night: string;
  bookings: string[];
  reason: "exclusive" | "beds";
}

export const BEDS = 9;

export function nights(booking: Booking): string[] {
  const result: string[] = [];
  const day = new Date(booking.arrive + "T12:00:00Z"); // noon: no trouble with summer time
  while (day.toISOString().slice(0, 10) < booking.leave) {
    result.push(day.toISOString().slice(0, 10));
    day.setUTCDate(day.getUTCDate() + 1);
  }
  return result;
}

export function findConflicts(bookings: Booking[], beds: number = BEDS): Conflict[] {
  const byNight = new Map<string, Booking[]>();
  for (const booking of bookings) {
    if (booking.state === "cancelled") continue;
    for (const night of nights(booking)) {
      byNight.set(night, [...(byNight.get(night) ?? []), booking]);
    }
  }
  const conflicts: Conflict[] = [];
  for (const [night, list] of [...byNight].sort()) {
    const ids = list.map((b) => b.id);
    if (list.length > 1 && list.some((b) => b.exclusive)) {
      conflicts.push({ night, bookings: ids, reason: "exclusive" });
    } else if (list.reduce((sum, b) => sum + b.persons, 0) > beds) {
      conflicts.push({ night, bookings: ids, reason: "beds" });
    }
  }
  return conflicts;
}
